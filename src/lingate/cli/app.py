"""The commands and their options. What they do is in the modules they load, each only when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from lingate._version import __version__
from lingate.cli.failures import reported
from lingate.cli.screen import Screen

_EPILOG = (
    "Exit codes: 2 wrong command or configuration, 3 credential refused, 4 rate limit or quota, "
    "5 error of the provider, 6 no complete answer, 130 Ctrl-C."
)
_CHAT_EXAMPLES = """\
Examples:

    lingate chat "Why is the sky blue?" -m openai/gpt-4o-mini

    git diff | lingate chat "Write a commit message" -m anthropic/claude-sonnet-4-6

    lingate chat "What is this?" --image photo.jpg --json

    lingate chat "Ada, born 1815" --schema '{"type": "object", "properties": {"year": {"type": "integer"}}}'

    lingate chat                                  a conversation
"""

app = typer.Typer(
    name="lingate",
    help="One gateway to every LLM provider: ask models, list providers, simulate them.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    try:
        app(list(arguments), prog_name="lingate")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lingate {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """One gateway to every LLM provider: ask models, list providers, simulate them."""


_DEBUG = typer.Option("--debug", help="On errors, show every try and the traceback.")


@app.command(epilog=_CHAT_EXAMPLES)
def chat(
    prompt: Annotated[
        str | None, typer.Argument(help="The question. Piped text is put below it. Without both: a conversation.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="provider/model. Default: LINGATE_MODEL, or the config file's.")
    ] = None,
    system: Annotated[str | None, typer.Option("--system", "-s", help="System prompt.")] = None,
    image: Annotated[list[str] | None, typer.Option(help="Image to ask about: path or URL. Repeatable.")] = None,
    file: Annotated[list[str] | None, typer.Option(help="Document (PDF) to ask about: path. Repeatable.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object: text, tool_calls, usage, cost, ...")
    ] = False,
    schema: Annotated[
        str | None, typer.Option(help="JSON schema of the answer, a file or written out; prints the JSON value.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="Sampling temperature.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer, in tokens.")] = None,
    reasoning: Annotated[str | None, typer.Option(help="Effort of reasoning: none, low, medium, high, ...")] = None,
    stream: Annotated[bool, typer.Option("--stream/--no-stream", help="Show the answer as it arrives.")] = True,
    api_key: Annotated[
        str | None, typer.Option(help="Other users of this machine can see it here: prefer the environment variable.")
    ] = None,
    api_base: Annotated[str | None, typer.Option(help="Base URL instead of the provider's own.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds in total, tries and waits included.")] = None,
    retries: Annotated[int | None, typer.Option(help="Further tries after a failure that may pass.")] = None,
    drop_params: Annotated[
        bool | None, typer.Option("--drop-params", help="Leave out what the provider cannot do, instead of refusing.")
    ] = None,
    config: Annotated[str | None, typer.Option(help="Config file. Default: LINGATE_CONFIG.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No usage line, no reasoning.")] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Ask a model, or talk with it."""
    from lingate.cli import chat as command
    from lingate.cli.inputs import params

    screen = Screen(quiet=quiet)
    options = command.Options(
        prompt=prompt,
        model=model,
        system=system,
        images=image or [],
        files=file or [],
        schema=schema,
        as_json=as_json,
        stream=stream,
        config=config,
        params=params(
            temperature=temperature,
            max_tokens=max_tokens,
            reasoning_effort=reasoning,
            api_key=api_key,
            api_base=api_base,
            timeout=timeout,
            retries=retries,
            drop_params=drop_params,
        ),
    )
    with reported(screen, debug=debug):
        command.run(options, screen)


@app.command()
def providers(
    search: Annotated[
        str | None, typer.Argument(metavar="[FILTER]", help="Part of a name, an alias or a variable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything that is known, as JSON.")] = False,
    present: Annotated[bool, typer.Option("--present", help="Only those whose credential is set.")] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """List the providers, and which of them have a credential here."""
    from lingate.cli.listing import show

    screen = Screen()
    with reported(screen, debug=debug):
        show(screen, search=search or "", as_json=as_json, present=present)


@app.command()
def simulate(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    delay_ms: Annotated[float, typer.Option(help="Milliseconds before each token.", min=0)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line for each request.")] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Run a provider simulator: OpenAI's and Anthropic's wire formats over HTTP, with faults on request."""
    from lingate.cli.simulate import simulate as command

    screen = Screen()
    with reported(screen, debug=debug):
        command(screen, host=host, port=port, delay=delay_ms / 1000, quiet=quiet)


@app.command()
def demo(debug: Annotated[bool, _DEBUG] = False) -> None:
    """Show what Lingate does, against a simulator of its own: no keys, no network."""
    from lingate.cli.demo import run as command

    screen = Screen()
    with reported(screen, debug=debug):
        raise typer.Exit(command(screen))
