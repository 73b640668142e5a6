"""`lingate models`: a picker where a person sits at a terminal, else a list."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lingate._io.config import load
from lingate._io.shelf import Shelf
from lingate._providers.offered import Offer, merged, modalities
from lingate.cli import saved
from lingate.cli.inputs import config_path
from lingate.cli.picker.state import Action, Choice, State
from lingate.cli.screen import Screen
from lingate.errors import ConfigError, LingateError, MissingExtraError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line.

    Attributes:
        search: Words that a model's name holds.
        everything: All models instead of the curated ones.
        present: Only models whose provider has a credential.
        live: Ask the providers that have a credential for their lists.
        as_json: Print JSON.
        plain: Print a list, on a terminal too.
        pick: Show the picker although the output is no terminal.
        enter: What Enter does in the picker.
        default: Make this the default model, and show nothing.
        config: The config file.
    """

    search: str = ""
    everything: bool = False
    present: bool = False
    live: bool = False
    as_json: bool = False
    plain: bool = False
    pick: bool = False
    enter: Action = "print"
    default: str | None = None
    config: str | None = None


def run(options: Options, screen: Screen) -> None:
    """Show the models, and do what is chosen.

    Raises:
        ConfigError: The configuration is wrong, or there is no terminal for the picker.
    """
    path = config_path(options.config)
    if options.default is not None:
        _save(options.default, screen, Shelf(load(path), os.environ))
        return
    shelf = Shelf(load(path), os.environ)
    if options.pick or not (options.as_json or options.plain or not screen.terminal or not _person()):
        if not _person():
            raise ConfigError("the picker needs a terminal to read keys from", hint="use --plain or --json")
        _picked(options, screen, shelf, path)
        return
    offers = _chosen(options, screen, shelf, path)
    if options.as_json:
        kept = default()
        screen.json([report(shelf, offer, kept) for offer in offers])
        return
    for line in _table(shelf, offers):
        screen.answer(line + "\n")
    more = "" if options.everything or options.live else "; --all lists all that are known"
    screen.note(f"{len(offers):,} models{more}")


def bare() -> int:
    """`lingate models` without any option, and its exit code."""
    screen = Screen()
    try:
        run(Options(), screen)
    except (LingateError, KeyboardInterrupt, OSError) as error:
        import typer

        from lingate.cli.failures import reported

        try:
            with reported(screen):
                raise error
        except typer.Exit as end:
            return end.exit_code
    return 0


def _person() -> bool:
    """Whether keys can be read from a terminal, and the picker be drawn on one: it is drawn on standard error."""
    return all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stderr__))


def report(shelf: Shelf, offer: Offer, kept: str | None) -> dict[str, Any]:
    """One model as JSON has it; `kept` is the default model. Prices are US dollars for a million tokens."""
    standing = shelf.standing(offer.provider)
    inputs, outputs = modalities(offer)
    return {
        "model": offer.model,
        "provider": offer.provider,
        "credential": standing.mark,
        "credential_from": standing.source or None,
        "context": offer.context,
        "price": {"input": offer.input, "output": offer.output},
        "reads": list(inputs),
        "writes": list(outputs),
        "curated": offer.curated,
        "default": offer.model == kept,
        "sources": list(offer.sources),
    }


def _chosen(options: Options, screen: Screen, shelf: Shelf, path: str | None) -> list[Offer]:
    offers = shelf.everything() if options.everything else shelf.curated()
    if options.everything and all(offer.curated for offer in offers):
        screen.note("no others are known here: pip install 'lingate[prices]' brings thousands")
    if options.live:
        for found, line in _live(shelf, path):
            screen.note(line)
            offers = merged(offers, found)
    words = options.search.lower().split()
    return [
        offer
        for offer in offers
        if all(word in offer.model.lower() for word in words)
        and (not options.present or shelf.standing(offer.provider).mark == "present")
    ]


def _live(shelf: Shelf, path: str | None) -> Iterator[tuple[list[Offer], str]]:
    """What the providers with a credential list, each with a line that says how it went."""
    from lingate.cli.failures import describe
    from lingate.cli.online import ask

    names = askable(shelf)
    if not names:
        yield [], "no provider has a credential and a list of models"
    for answer in ask(names, path):
        if answer.error is not None:
            yield [], f"{answer.provider}: {describe(answer.error)}"
        else:
            yield answer.offers, f"{answer.provider} lists {len(answer.offers):,} models"


def askable(shelf: Shelf) -> list[str]:
    """The providers that have a credential of their own here, and that list their models."""
    return [
        name
        for name, row in shelf.rows.items()
        if "models" in row.operations
        and shelf.standing(name).mark == "present"
        and shelf.standing(name).label == "available"
    ]


def _table(shelf: Shelf, offers: Iterable[Offer]) -> Iterator[str]:
    """One line a model, in columns that are easy to cut."""
    rows: list[tuple[str, ...]] = [("MODEL", "CREDENTIAL", "CONTEXT", "IN", "OUT", "READS", "WRITES")]
    for offer in offers:
        inputs, outputs = modalities(offer)
        price = ("-" if amount is None else f"{amount:g}" for amount in (offer.input, offer.output))
        context = "-" if offer.context is None else str(offer.context)
        mark = shelf.standing(offer.provider).mark
        rows.append((offer.model, mark, context, *price, ",".join(inputs) or "-", ",".join(outputs)))
    if len(rows) == 1:
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _picked(options: Options, screen: Screen, shelf: Shelf, path: str | None) -> None:
    choice = _pick(options, shelf, path)
    if choice is None:
        return
    if choice.action == "print":
        screen.answer(choice.model + "\n")
    elif choice.action == "save":
        _save(choice.model, screen, shelf)
    else:
        from lingate.cli import chat

        chat.run(chat.Options.conversation(choice.model, options.config), screen)


def _pick(options: Options, shelf: Shelf, path: str | None) -> Choice | None:
    from importlib.util import find_spec

    from lingate.cli.picker.opening import opened

    if find_spec("textual") is None:
        raise MissingExtraError("the picker needs textual: pip install 'lingate[cli]', or use --plain or --json")
    state = State(shelf.standing, shelf.curated(), enter=options.enter, default=default(), query=options.search)
    if options.everything:
        state.toggle()
    with opened(state) as painted:
        from lingate.cli.picker.app import Picker, Services

        services = Services(shelf.everything, lambda: _live(shelf, path), lambda model: str(saved.save(model)))
        return Picker(state, services, painted=painted).run()


def default() -> str | None:
    """The saved default model; None too where its file is broken, which `lingate doctor` and `lingate chat` say."""
    try:
        return saved.load()
    except ConfigError:
        return None


def _save(model: str, screen: Screen, shelf: Shelf) -> None:
    provider, slash, name = model.partition("/")
    if not slash or not name:
        raise ConfigError(f"a model is written provider/model, not {model!r:.100}")
    if provider not in shelf.rows:
        from lingate._providers.lookup import find

        find(provider)
    screen.note(f"{model} is the default model now, kept in {saved.save(model)}")
