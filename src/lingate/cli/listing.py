# `lingate providers`: the table of providers.

from __future__ import annotations

from collections.abc import Sequence

from lingate._io.public import ProviderInfo, providers
from lingate.cli.screen import Screen, plain_table


def show(screen: Screen, *, search: str, as_json: bool, present: bool) -> None:
    found = [info for info in providers() if _fits(info, search.lower()) and (info.present or not present)]
    if as_json:
        screen.json([info.to_dict() for info in found])
        return
    if found:
        _table(found, screen)
    ready = sum(info.present for info in found)
    screen.note(f"{len(found)} provider{'s' * (len(found) != 1)}, {ready} with a credential")


def _fits(info: ProviderInfo, search: str) -> bool:
    texts = (info.name, info.title, *info.aliases, *info.variables)
    return search == info.dialect or any(search in text.lower() for text in texts)


def _table(found: Sequence[ProviderInfo], screen: Screen) -> None:
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
