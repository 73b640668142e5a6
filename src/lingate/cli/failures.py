# Errors as the command line reports them: one line on stderr and an exit code that scripts can tell apart.

# 1    the output cannot be written, or a file of the system's
# 2    the command or the configuration is wrong; nothing was sent
# 3    the credential was refused
# 4    rate limit, quota, or an account without credit
# 5    the provider answered with another error, or with nonsense
# 6    no complete answer arrived
# 130  Ctrl-C
# 141  whoever read the output has gone

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, TypeVar

import typer

from lingate.cli.screen import Screen, duration
from lingate.errors import (
    AuthenticationError,
    BudgetExceededError,
    ConcurrencyLimitError,
    ConfigError,
    DeadlineExceededError,
    LingateError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    TransportError,
)

INTERRUPTED = 130
_READER_GONE = 141
_CODES = (
    ((ConfigError,), 2),
    ((AuthenticationError, PermissionDeniedError), 3),
    ((RateLimitError, PaymentRequiredError, BudgetExceededError, ConcurrencyLimitError), 4),
    ((TransportError, DeadlineExceededError), 6),
    ((LingateError,), 5),
)


def describe(error: LingateError) -> str:
    # An error on one line: its class, the message with the hint, and the facts beside them.
    facts = [str(error.status)] if error.status else []
    if error.retry_after is not None:
        facts.append(f"retry after {error.retry_after:g} s")
    if len(error.attempts) > 1:
        facts.append(f"{len(error.attempts)} tries")
    if error.request_id:
        facts.append(f"request {error.request_id}")
    tail = f" [{', '.join(facts)}]" if facts else ""
    return f"lingate: {type(error).__name__}: {error}{tail}"


@contextmanager
def reported(screen: Screen, *, debug: bool = False) -> Iterator[None]:
    # Turn the errors of a command into their line and exit code.
    try:
        yield
    except LingateError as error:
        screen.problem(describe(error))
        if debug:
            for number, one in enumerate(error.attempts, 1):
                waited = f" (waited {duration(one.waited)} before)" if one.waited else ""
                what = f"{one.provider}/{one.model}: {one.status or 'no answer'} {one.kind}"
                screen.detail(f"  try {number}: {what} after {duration(one.seconds)}{waited}")
            screen.detail(_traceback(error))
        raise typer.Exit(next(code for kinds, code in _CODES if isinstance(error, kinds))) from None
    except KeyboardInterrupt:
        screen.end()
        raise typer.Exit(INTERRUPTED) from None
    except OSError as error:
        # Python flushes stdout once more at its end, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(_READER_GONE) from None
        screen.problem(f"lingate: {error}")
        if debug:
            screen.detail(_traceback(error))
        raise typer.Exit(1) from None


def _traceback(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()


@contextmanager
def on_screen(*, debug: bool = False, quiet: bool = False) -> Iterator[Screen]:
    # The screen of a command, whose errors are `reported`.
    screen = Screen(quiet=quiet)
    with reported(screen, debug=debug):
        yield screen


TRACEBACK = Annotated[bool, typer.Option("--debug", help="On errors, show the traceback.")]
YES = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_NAMED = Parameter.KEYWORD_ONLY

_Command = TypeVar("_Command", bound=Callable[..., None])


def command(
    app: typer.Typer, name: str | None = None, *, debug: Any = TRACEBACK, more: Mapping[str, Any] | None = None
) -> Callable[[_Command], _Command]:
    # Make a function that takes a screen a command of `app`: one with --debug, whose errors are `reported`.
    #
    # `more` are options that it takes as keywords, each with its type.

    def made(run: _Command) -> _Command:
        def carried_out(*, debug: bool, **options: Any) -> None:
            with on_screen(debug=debug) as screen:
                run(screen, **options)

        own = list(signature(run, eval_str=True).parameters.values())[1:]
        given = [Parameter(option, _NAMED, default=None, annotation=kind) for option, kind in (more or {}).items()]
        given += [one.replace(kind=_NAMED) for one in own if one.kind is not Parameter.VAR_KEYWORD]
        given.append(Parameter("debug", _NAMED, default=False, annotation=debug))
        vars(carried_out)["__signature__"] = Signature(given)
        carried_out.__annotations__ = {one.name: one.annotation for one in given}
        carried_out.__name__, carried_out.__doc__ = run.__name__, run.__doc__
        app.command(name)(carried_out)
        return run

    return made
