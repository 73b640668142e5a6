# What `lingate migrate litellm.yaml` says: what carries over, what differs, what is not done and what to use instead.

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lingate.errors import ConfigError
from lingate.server.config.litellm_schema import DIFFERENT
from lingate.server.config.loading import anywhere, read
from lingate.server.config.reading import Place, Problem
from lingate.server.config.source import REFERENCE, parse


class Migration(NamedTuple):
    # What becomes of a configuration of LiteLLM's.

    path: str
    """The file."""
    carried: tuple[str, ...]
    """Places that mean the same, each once."""
    different: Mapping[str, str]
    """Places that mean something else, and what."""
    undone: Mapping[str, str]
    """Places without effect, and what to use instead."""
    problems: tuple[Problem, ...]
    """What is wrong, at LiteLLM too or only here."""
    models: int
    """Number of deployments that were read."""

    @property
    def ok(self) -> bool:
        # Whether the gateway would start with the file as it is.
        return not self.problems

    def lines(self) -> list[str]:
        lines = [f"{self.path}: {self.models} deployment{'s' * (self.models != 1)}"]
        lines += _part("carries over", dict.fromkeys(self.carried, ""))
        lines += _part("carries over with a difference", self.different)
        lines += _part("has no effect here", self.undone)
        lines += _part("errors, to be corrected by hand", {str(problem): "" for problem in self.problems})
        return lines


def _part(title: str, items: Mapping[str, str]) -> list[str]:
    if not items:
        return []
    return ["", f"{title}:", *(f"  {name}" + (f": {text}" if text else "") for name, text in items.items())]


def migrate(path: str) -> Migration:
    # Say what becomes of a configuration of LiteLLM's.
    # Variables are not read: `os.environ/NAME` stands for whatever the gateway's environment will hold.
    loaded = read(path, {})
    data = loaded.source.data
    problems = tuple(problem for problem in loaded.problems if not _in_variable(data, problem.place))
    later = {
        problem.place[1] for problem in loaded.problems if problem not in problems and "model_list" in problem.place
    }
    undone: dict[str, str] = {}
    for place, text in loaded.undone.items():
        told = undone.setdefault(anywhere(place), text)
        if text not in told:
            undone[anywhere(place)] = f"{told}; {text}"
    leaves = dict.fromkeys(_leaves(data, ()))
    different = {name: DIFFERENT[name] for name in leaves if name in DIFFERENT and name not in undone}
    elsewhere = {*undone, *(anywhere(problem.place) for problem in problems)}
    # A place is told of with what it is part of.
    carried = [
        name
        for name in leaves
        if name not in different and elsewhere.isdisjoint(accumulate(name.split("."), "{}.{}".format))
    ]
    return Migration(
        path=path,
        carried=tuple(carried),
        different=different,
        undone=undone,
        problems=problems,
        models=len(loaded.config.deployments) + len(later),
    )


def cleaned(path: str) -> str:
    # The file without what has no effect here, everything else and its comments as they are.
    # Raises ConfigError: What is left cannot be told apart safely: edit the file by hand.
    loaded = read(path, {})
    text = Path(path).read_text(encoding="utf-8")
    own = parse(text, path)
    places = {place for place in loaded.undone if place in own.lines or place[:-1] in own.lines}
    by_hand = ConfigError(f"{path} is written in a way that cannot be cleaned by a program: edit it by hand")
    try:
        cut = pruned(text, places)
    except (yaml.YAMLError, RecursionError):  # an alias within its own anchor
        raise by_hand from None
    # What an alias or a merge shares with others may be cut for one of them only.
    if _without(parse(cut, path).data, frozenset()) != _without(own.data, places):
        raise by_hand
    return cut


def _without(value: Any, places: Collection[Place], here: Place = ()) -> Any:
    # Values without these places; what is empty is nothing.
    if not isinstance(value, dict | list):
        return value
    items = value.items() if isinstance(value, dict) else enumerate(value)
    kept = {key: _without(item, places, (*here, key)) for key, item in items if (*here, key) not in places}
    return (kept if isinstance(value, dict) else list(kept.values())) or None


def _in_variable(data: Any, place: Place) -> bool:
    # Whether a variable tells what stands there.
    for part in place:
        try:
            data = data[part]
        except (LookupError, TypeError):
            return False
    return isinstance(data, str) and data.startswith(REFERENCE)


_AS_ONE = 3
"""Below this depth, keys are values of ours rather than settings: names of groups, headers, parameters."""


def _leaves(data: Any, place: tuple[str, ...]) -> Iterator[str]:
    if isinstance(data, dict) and data and len(place) < _AS_ONE and not _names_things(place):
        for key, value in data.items():
            yield from _leaves(value, (*place, str(key)))
    elif isinstance(data, list) and place == ("model_list",):
        for item in data:
            yield from _leaves(item, place)
    elif place:
        yield ".".join(place)


def _names_things(place: tuple[str, ...]) -> bool:
    return place in {("environment_variables",), ("credential_list",), ("lingate", "providers")} or (
        place[:1] == ("router_settings",) and len(place) == 2
    )


def pruned(text: str, places: Collection[Place]) -> str:
    # The YAML text without these keys and list entries; the rest of it, comments too, as it is.
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
    finally:
        loader.dispose()
    cuts: list[tuple[int, int]] = []
    _cuts(node, (), frozenset(places), text, cuts)
    for start, end in sorted(set(cuts), reverse=True):
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
        if name == "<<":
            for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                _cuts(merged, place, places, text, cuts)
        elif not gone[at]:
            _cuts(value, (*place, name), places, text, cuts)
    for begin, end in _runs(gone):
        if node.flow_style:
            cuts.append(_in_flow(items, begin, end))
        else:
            cuts.append(_in_block(items, begin, end, text))


def _emptied(node: Any, items: list[tuple[Any, Any, Any]], text: str) -> tuple[int, int]:
    # Of brackets, what is between them; of a block everything, which leaves its key with no value.
    if node.flow_style:
        return node.start_mark.index + 1, node.end_mark.index - 1
    start = node.start_mark.index if isinstance(node, yaml.SequenceNode) else items[0][1].start_mark.index
    return len(text[:start].rstrip()), _end(items[-1][2])


def _runs(gone: list[bool]) -> Iterator[tuple[int, int]]:
    # First and last of those that follow each other.
    for is_gone, run in groupby(range(len(gone)), gone.__getitem__):
        if is_gone:
            places = list(run)
            yield places[0], places[-1]


def _in_flow(items: list[tuple[Any, Any, Any]], first: int, last: int) -> tuple[int, int]:
    # With the comma behind them, or before them for what stands last.
    if last + 1 < len(items):
        return items[first][1].start_mark.index, items[last + 1][1].start_mark.index
    return items[first - 1][2].end_mark.index, items[last][2].end_mark.index


def _in_block(items: list[tuple[Any, Any, Any]], first: int, last: int, text: str) -> tuple[int, int]:
    begin = items[first][1].start_mark.index
    line = text.rfind("\n", 0, begin) + 1
    in_list = items[first][1] is items[first][2]
    before = text[line:begin].strip()
    if not before or (in_list and before == "-") or last + 1 == len(items):
        end = text.find("\n", _end(items[last][2]))
        return line, len(text) if end < 0 else end + 1
    # The first key of a list's entry stands behind the dash, which the next key needs; so does a list's own first entry.
    following = items[last + 1][1].start_mark.index
    return (text.rfind("-", 0, begin), text.rfind("-", 0, following)) if in_list else (begin, following)


def _end(node: Any) -> int:
    # Where a value's own text ends: the parser's mark for a block lies behind the comments that follow it.
    if isinstance(node, yaml.ScalarNode):
        mark: int = node.end_mark.index
        return mark - 1 if node.style in ("|", ">") else mark
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
