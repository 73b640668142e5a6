"""Takes keys out of a YAML text and leaves the rest of it, comments too, as it is."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import yaml

from lingate.server.config.source import Place


def pruned(text: str, places: Collection[Place]) -> str:
    """The text without these keys and list entries."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
    finally:
        loader.dispose()
    cuts: list[tuple[int, int]] = []
    if node is not None:
        _cuts(node, (), frozenset(places), text, cuts)
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    return text


def _cuts(node: Any, place: Place, places: frozenset[Place], text: str, cuts: list[tuple[int, int]]) -> None:
    if isinstance(node, yaml.MappingNode):
        items = [(key.value, key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
    elif isinstance(node, yaml.SequenceNode):
        items = [(index, value, value) for index, value in enumerate(node.value)]
    else:
        return
    gone = [(*place, name) in places for name, _, _ in items]
    if items and all(gone):
        cuts.append(_emptied(node, items, text))
        return
    for at, (name, _, value) in enumerate(items):
        if not gone[at]:
            _cuts(value, (*place, name), places, text, cuts)
    for begin, end in _runs(gone):
        if node.flow_style:
            cuts.append(_in_flow(items, begin, end))
        else:
            cuts.append(_in_block(items, begin, end, text))


def _emptied(node: Any, items: list[tuple[Any, Any, Any]], text: str) -> tuple[int, int]:
    """Of brackets, what is between them; of a block everything, which leaves its key with no value."""
    if node.flow_style:
        return node.start_mark.index + 1, node.end_mark.index - 1
    start = node.start_mark.index if isinstance(node, yaml.SequenceNode) else items[0][1].start_mark.index
    return len(text[:start].rstrip()), _end(items[-1][2])


def _runs(gone: list[bool]) -> list[tuple[int, int]]:
    """First and last of those that follow each other."""
    runs: list[tuple[int, int]] = []
    for at, is_gone in enumerate(gone):
        if is_gone and runs and runs[-1][1] == at - 1:
            runs[-1] = (runs[-1][0], at)
        elif is_gone:
            runs.append((at, at))
    return runs


def _in_flow(items: list[tuple[Any, Any, Any]], first: int, last: int) -> tuple[int, int]:
    """With the comma behind them, or before them for what stands last."""
    if last + 1 < len(items):
        return items[first][1].start_mark.index, items[last + 1][1].start_mark.index
    return items[first - 1][2].end_mark.index, items[last][2].end_mark.index


def _in_block(items: list[tuple[Any, Any, Any]], first: int, last: int, text: str) -> tuple[int, int]:
    begin = items[first][1].start_mark.index
    line = text.rfind("\n", 0, begin) + 1
    in_list = items[first][1] is items[first][2]
    before = text[line:begin].strip()
    if not before or (in_list and before == "-"):
        end = text.find("\n", _end(items[last][2]))
        return line, len(text) if end < 0 else end + 1
    # The first key of a list's entry stands behind the dash, which the next key needs.
    if in_list:
        begin = text.rfind("-", 0, begin)
        return begin, text.rfind("-", 0, items[last + 1][1].start_mark.index)
    return begin, items[last + 1][1].start_mark.index


def _end(node: Any) -> int:
    """Where a value's own text ends: the parser's mark for a block lies behind the comments that follow it."""
    if isinstance(node, yaml.ScalarNode):
        mark: int = node.end_mark.index
        return mark - 1 if node.style in ("|", ">") else mark
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
