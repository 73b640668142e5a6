# `lingate models`: a picker where a person sits at a terminal, else a list; and asking providers which models they offer.
# `lingate providers`: the table of providers.

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from lingate._io.catalog_sources import CatalogSources
from lingate._io.config import load
from lingate._io.public import ProviderInfo, providers
from lingate._model import Fixed, Record
from lingate._providers.offered import Offer, live, merged, modalities
from lingate._wire.shapes import as_dicts
from lingate.cli import saved_model
from lingate.cli.inputs import config_path
from lingate.cli.picker.state import Action, State
from lingate.cli.screen import Screen, plain_table
from lingate.cli.serve_argv import carried_out
from lingate.errors import ConfigError, LingateError, MissingExtraError


class Options(Fixed, frozen=True, kw_only=True):
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
    path = config_path(options.config)
    catalog_sources = CatalogSources(load(path), os.environ)
    if options.default is not None:
        _save(options.default, screen, catalog_sources)
        return
    if options.pick or not (options.as_json or options.plain or not screen.terminal or not _person()):
        if not _person():
            raise ConfigError("the picker needs a terminal to read keys from", hint="use --plain or --json")
        _picked(options, screen, catalog_sources, path)
        return
    offers = _chosen(options, screen, catalog_sources, path)
    if options.as_json:
        kept = default()
        screen.json([_report(catalog_sources, offer, kept) for offer in offers])
        return
    for line in _table(catalog_sources, offers):
        screen.answer(line + "\n")
    more = "" if options.everything or options.live else "; --all lists all that are known"
    screen.note(f"{len(offers):,} models{more}")


def bare() -> int:
    # `lingate models` without any option, and its exit code.
    return carried_out(lambda screen: run(Options(), screen))


def _person() -> bool:
    # Whether keys can be read from a terminal, and the picker be drawn on one: it is drawn on standard error.
    if os.environ.get("TERM") == "dumb":
        return False
    return all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stderr__))


def _report(catalog_sources: CatalogSources, offer: Offer, kept: str | None) -> dict[str, Any]:
    # One model as JSON has it; `kept` is the default model. Prices are US dollars for a million tokens.
    availability = catalog_sources.availability(offer.provider)
    inputs, outputs = modalities(offer)
    return {
        "model": offer.model,
        "provider": offer.provider,
        "credential": availability.mark,
        "credential_from": availability.source or None,
        "context": offer.context,
        "price": {"input": offer.input, "output": offer.output},
        "reads": list(inputs),
        "writes": list(outputs),
        "curated": offer.curated,
        "default": offer.model == kept,
        "sources": list(offer.sources),
    }


def _chosen(options: Options, screen: Screen, catalog_sources: CatalogSources, path: str | None) -> list[Offer]:
    offers = catalog_sources.everything() if options.everything else catalog_sources.curated()
    if options.everything and all(offer.curated for offer in offers):
        screen.note("no others are known here: pip install 'lingate[prices]' brings thousands")
    if options.live:
        for found, line in _live(catalog_sources, path):
            screen.note(line)
            offers = merged(offers, found)
    words = options.search.lower().split()
    return [
        offer
        for offer in offers
        if all(word in offer.model.lower() for word in words)
        and (not options.present or catalog_sources.availability(offer.provider).mark == "present")
    ]


def _live(catalog_sources: CatalogSources, path: str | None) -> Iterator[tuple[list[Offer], str]]:
    # What the providers with a credential list, each with a line that says how it went.
    from lingate.cli.failures import describe

    names = askable(catalog_sources)
    if not names:
        yield [], "no provider has a credential and a list of models"
    for answer in ask(names, path):
        if answer.error is not None:
            yield [], f"{answer.provider}: {describe(answer.error)}"
        else:
            yield answer.offers, f"{answer.provider} lists {len(answer.offers):,} models"


def askable(catalog_sources: CatalogSources) -> list[str]:
    # The providers that have a credential of their own here, and that list their models.
    listing = (
        (name, catalog_sources.availability(name))
        for name, row in catalog_sources.rows.items()
        if "models" in row.operations
    )
    return [
        name for name, availability in listing if (availability.mark, availability.label) == ("present", "available")
    ]


def _table(catalog_sources: CatalogSources, offers: Iterable[Offer]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("MODEL", "CREDENTIAL", "CONTEXT", "IN", "OUT", "READS", "WRITES")]
    for offer in offers:
        inputs, outputs = modalities(offer)
        price = ("-" if amount is None else f"{amount:g}" for amount in (offer.input, offer.output))
        context = "-" if offer.context is None else str(offer.context)
        mark = catalog_sources.availability(offer.provider).mark
        rows.append((offer.model, mark, context, *price, ",".join(inputs) or "-", ",".join(outputs)))
    if len(rows) == 1:
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _picked(options: Options, screen: Screen, catalog_sources: CatalogSources, path: str | None) -> None:
    from importlib.util import find_spec

    from lingate.cli.picker.opening import opened

    if find_spec("textual") is None:
        raise MissingExtraError("the picker needs textual: pip install 'lingate[cli]', or use --plain or --json")
    state = State(
        catalog_sources.availability,
        catalog_sources.curated(),
        enter=options.enter,
        default=default(),
        query=options.search,
    )
    if options.everything:
        state.toggle()
    with opened(state) as painted:
        from lingate.cli.picker.app import Picker, Services

        services = Services(
            catalog_sources.everything, lambda: _live(catalog_sources, path), lambda model: str(saved_model.save(model))
        )
        choice = Picker(state, services, painted=painted).run()
    if choice is None:
        return
    if choice.action == "print":
        screen.answer(choice.model + "\n")
    elif choice.action == "save":
        _save(choice.model, screen, catalog_sources)
    else:
        from lingate.cli import chat

        chat.run(chat.Options(model=choice.model, config=options.config), screen)


def default() -> str | None:
    # The saved default model; None too where its file is broken, which `lingate doctor` and `lingate chat` say.
    try:
        return saved_model.load()
    except ConfigError:
        return None


def _save(model: str, screen: Screen, catalog_sources: CatalogSources) -> None:
    provider, slash, name = model.partition("/")
    if not slash or not name:
        raise ConfigError(f"a model is written provider/model, not {model!r:.100}")
    if provider not in catalog_sources.rows:
        from lingate._providers.lookup import find

        find(provider)
    screen.note(f"{model} is the default model now, kept in {saved_model.save(model)}")


_AT_ONCE = 8
PATIENCE = 15.0
"""Seconds that a provider has for its list."""


class Listed(Record):
    # What a provider said: the models it lists, or why there is no list.

    provider: str
    offers: list[Offer] = []
    error: LingateError | None = None
    seconds: float = 0.0


def ask(
    providers: Sequence[str], config: Any = None, *, env: Mapping[str, str] | None = None, patience: float = PATIENCE
) -> Iterator[Listed]:
    # Ask providers at the same time, each for so many seconds at the most, and hand over each answer as it arrives.
    # Here, as the picker's first frame waits for neither.
    from concurrent.futures import ThreadPoolExecutor, as_completed

    from lingate._client import Lingate

    if not providers:
        return
    with Lingate(config, env=env, retries=0, timeout=patience) as client:
        pool = ThreadPoolExecutor(min(_AT_ONCE, len(providers)), thread_name_prefix="lingate-online")
        try:
            asked = [pool.submit(_one, client.models, name) for name in providers]
            for answer in as_completed(asked):
                yield answer.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # whoever presses Ctrl-C waits for no provider


def _one(models: Callable[[str], Any], provider: str) -> Listed:
    started = time.perf_counter()
    listed = Listed(provider)
    try:
        listed.offers += live(provider, as_dicts(models(provider).to_dict().get("data")))
    except LingateError as error:
        listed.error = error
    listed.seconds = time.perf_counter() - started
    return listed


def show_providers(screen: Screen, *, search: str, as_json: bool, present: bool) -> None:
    found = [info for info in providers() if _fits(info, search.lower()) and (info.present or not present)]
    if as_json:
        screen.json([info.to_dict() for info in found])
        return
    if found:
        _providers_table(found, screen)
    ready = sum(info.present for info in found)
    screen.note(f"{len(found)} provider{'s' * (len(found) != 1)}, {ready} with a credential")


def _fits(info: ProviderInfo, search: str) -> bool:
    texts = (info.name, info.title, *info.aliases, *info.variables)
    return search == info.dialect or any(search in text.lower() for text in texts)


def _providers_table(found: Sequence[ProviderInfo], screen: Screen) -> None:
    from rich.text import Text

    table = plain_table()
    table.add_column("provider", no_wrap=True)
    table.add_column("set", justify="center")
    table.add_column("variables", overflow="fold")
    if not screen.narrow:
        table.add_column("dialect", no_wrap=True)
        table.add_column("serves", overflow="fold")
        table.add_column("note", overflow="fold")
    for info in found:
        style = "dim" if info.ended else ("green" if info.present else "")
        known = "ended" if info.ended else "yes" if info.present else "no" if info.required else "free"
        cells = (
            Text(info.name, style),
            known,
            Text(", ".join(info.variables) or "none needed"),
            info.dialect,
            Text(", ".join(info.operations)),
            Text(f"ended: {info.ended}" if info.ended else info.note),
        )
        table.add_row(*cells[: len(table.columns)])
    screen.table(table)
