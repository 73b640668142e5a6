# The commands and their options. What they do is in the modules they load, each only when it is asked for.

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lingate._version import __version__
from lingate._wire.shapes import not_null
from lingate.cli.failures import command, on_screen
from lingate.cli.hosts import app as hosts_app
from lingate.cli.keys import GATEWAY_URL
from lingate.cli.keys import app as keys_app
from lingate.cli.screen import Screen
from lingate.errors import ConfigError, MissingExtraError

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
    help="One gateway to every LLM provider: ask models, choose them, serve them, simulate them.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(hosts_app, name="hosts")
app.add_typer(keys_app, name="keys")


def run(arguments: Sequence[str]) -> int:
    try:
        app(list(arguments), prog_name="lingate")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # click ends with 1
            return 141
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
    """One gateway to every LLM provider: ask models, choose them, serve them, simulate them."""


_DEBUG = Annotated[bool, typer.Option("--debug", help="On errors, show every try and the traceback.")]
_CONFIG = Annotated[str | None, typer.Option(help="Config file. Default: LINGATE_CONFIG.")]
_EVERYTHING_AS_JSON = Annotated[bool, typer.Option("--json", help="Print everything that is known, as JSON.")]


@app.command(epilog=_CHAT_EXAMPLES)
def chat(
    prompt: Annotated[
        str | None, typer.Argument(help="The question. Piped text is put below it. Without both: a conversation.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="provider/model. Default: LINGATE_MODEL, the config file's, the saved one."),
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
    config: _CONFIG = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No usage line, no reasoning.")] = False,
    debug: _DEBUG = False,
) -> None:
    """Ask a model, or talk with it."""
    from lingate.cli import chat as command

    params = {
        "temperature": temperature,
        "max_tokens": max_tokens,
        "reasoning_effort": reasoning,
        "api_key": api_key,
        "api_base": api_base,
        "timeout": timeout,
        "retries": retries,
        "drop_params": drop_params,
    }
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
        params=not_null(params),
    )
    with on_screen(debug=debug, quiet=quiet) as screen:
        command.run(options, screen)


@command(app, debug=_DEBUG)
def providers(
    screen: Screen,
    search: Annotated[
        str | None, typer.Argument(metavar="FILTER", help="Part of a name, an alias or a variable.")
    ] = None,
    as_json: _EVERYTHING_AS_JSON = False,
    present: Annotated[bool, typer.Option("--present", help="Only those whose credential is set.")] = False,
) -> None:
    """List the providers, and which of them have a credential here."""
    from lingate.cli.models import show_providers

    show_providers(screen, search=search or "", as_json=as_json, present=present)


@command(app, debug=_DEBUG)
def models(
    screen: Screen,
    search: Annotated[str | None, typer.Argument(metavar="FILTER", help="Words that a model's name holds.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="All models that are known, instead of the curated ones.")
    ] = False,
    present: Annotated[bool, typer.Option("--present", help="Only those whose provider has a credential.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Also ask the providers that have a credential for their lists (free).")
    ] = False,
    as_json: _EVERYTHING_AS_JSON = False,
    plain: Annotated[bool, typer.Option("--plain", help="Print a list, on a terminal too.")] = False,
    pick: Annotated[bool, typer.Option("--pick", help="Show the picker although the output is no terminal.")] = False,
    save: Annotated[bool, typer.Option("--save", help="In the picker, Enter makes the model the default.")] = False,
    talk: Annotated[bool, typer.Option("--chat", help="In the picker, Enter begins a conversation.")] = False,
    default: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Make this the default model of `lingate chat`; no picker.")
    ] = None,
    config: _CONFIG = None,
) -> None:
    """Choose a model: a picker on a terminal, else a list. Its keys stand at its foot."""
    from lingate.cli import models as picking

    picking.run(
        picking.Options(
            search=search or "",
            everything=everything,
            present=present,
            live=live,
            as_json=as_json,
            plain=plain,
            pick=pick,
            enter="chat" if talk else "save" if save else "print",
            default=default,
            config=config,
        ),
        screen,
    )


@command(app, debug=_DEBUG)
def doctor(
    screen: Screen,
    online: Annotated[
        bool, typer.Option("--online", help="Ask each provider that has a credential for its list of models (free).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    gateway: Annotated[str | None, typer.Option(help="A gateway's config file, to be checked too.")] = None,
    config: _CONFIG = None,
) -> None:
    """Check credentials, configuration, proxy and installation. Ends with 1 if something is broken."""
    from lingate.cli.doctor import run as carry_out

    raise typer.Exit(carry_out(screen, online=online, as_json=as_json, config=config, gateway_config=gateway))


@command(app, debug=_DEBUG)
def simulate(
    screen: Screen,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    delay_ms: Annotated[float, typer.Option(help="Milliseconds before each token.", min=0)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line for each request.")] = False,
) -> None:
    """Run a provider simulator: the providers' wire formats over HTTP, with faults on request."""
    from lingate.cli.simulate import simulate as carry_out

    carry_out(screen, host=host, port=port, delay=delay_ms / 1000, quiet=quiet)


@command(app, debug=_DEBUG)
def serve(
    screen: Screen,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="The same as --config.")] = None,
    config: Annotated[
        str | None, typer.Option("--config", "-c", help="Configuration file (YAML, LiteLLM's schema). Default: none.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option("--port", "-p", help="Port. Default: 4000.", min=1, max=65535)] = None,
    state_dir: Annotated[
        str | None,
        typer.Option(help="Where journal and database are. Default: LINGATE_STATE_DIR, ~/.local/state/lingate."),
    ] = None,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Take calls without a key; on loopback only.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Read the configuration, say what is in it, and end.")] = False,
) -> None:
    """Run the gateway: OpenAI's, Anthropic's, Gemini's and Ollama's formats in front of every provider."""
    from lingate.cli.serve import Options, check_config
    from lingate.cli.serve import run as carry_out

    if file is not None and config is not None:
        raise typer.BadParameter(f"there is one configuration: {file} or {config}")
    config = config or file
    if check:
        raise typer.Exit(check_config(screen, config))
    carry_out(screen, Options(config=config, host=host, port=port, state=state_dir, auth=not no_auth))


@command(app, debug=_DEBUG)
def tail(
    screen: Screen,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Only calls of this model; * stands for anything.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Only calls with this key: its id or alias.")] = None,
    team: Annotated[str | None, typer.Option(help="Only calls of this team.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Only calls that failed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object for each call.")] = False,
    count: Annotated[int | None, typer.Option("--count", "-n", help="End after so many calls.", min=1)] = None,
    url: GATEWAY_URL = None,
) -> None:
    """Show the calls of a running gateway as they end."""
    from lingate.cli.tail import run as carry_out

    wanted = {"model": model, "key": key, "team": team, "errors": errors or None}
    carry_out(screen, url=url, as_json=as_json, count=count, **wanted)


@command(app, debug=_DEBUG)
def demo(screen: Screen) -> None:
    """Show what Lingate does, against a simulator of its own: no keys, no network."""
    from lingate.cli.demo import run as carry_out

    raise typer.Exit(carry_out(screen))


@command(app)
def migrate(
    screen: Screen,
    config: Annotated[str, typer.Argument(help="LiteLLM's config.yaml.")],
    write: Annotated[
        str | None, typer.Option("--write", "-w", help="Write the file without what has no effect, to this path.")
    ] = None,
) -> None:
    """Say what of a LiteLLM configuration carries over to the gateway, and what to use instead of the rest."""
    from lingate.cli import files

    if not Path(config).is_file():
        raise ConfigError(f"there is no file {config}")
    if write is not None and Path(write).exists() and Path(write).samefile(config):
        raise ConfigError(f"{write} is the file that is read: name another")
    try:
        from lingate.server.config import cleaned
        from lingate.server.config import migrate as report_on
    except ImportError as error:
        raise MissingExtraError(f"this needs {error.name}: pip install 'lingate[server]'") from error

    report = report_on(config)
    screen.answer("\n".join(report.lines()) + "\n")
    if write is not None:
        files.write(Path(write), cleaned(config).encode(), like=Path(config))
        screen.note(f"written: {write}")
    if not report.ok:
        raise typer.Exit(2)
