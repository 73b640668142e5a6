# From files to plain values: YAML read strictly, includes joined, `os.environ/NAME` replaced, and where each value stood.

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from lingate._wire.shapes import without
from lingate.server.config.reading import FromEnv, Place, Problem, Unset

REFERENCE = "os.environ/"
_WITHIN = re.compile(rf"{re.escape(REFERENCE)}(\w+)")
_MOST_DEPTH = 64


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    # The safe loader, in C where it is there.

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, AttributeError):
            what = "there is no such date or number; write it in quotes"  # 2024-02-30, 0x_
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark) from None


class Source(msgspec.Struct):
    # What the files hold.

    data: Any = None
    """The values."""
    lines: dict[Place, tuple[str, int]] = {}
    """File and line of every key, by its place."""
    files: list[str] = []
    """All files that were read."""
    problems: list[Problem] = []
    """What is wrong with them as YAML."""
    unset: dict[Place, str] = {}
    """Variables that are referred to and not set, by place."""

    def where(self, place: Place) -> str:
        # File and line of a place, or of what it is part of.
        for end in range(len(place), -1, -1):
            found = self.lines.get(place[:end])
            if found is not None:
                return f"{found[0]}:{found[1]}"
        return self.files[0] if self.files else ""


def read(path: str) -> Source:
    source = Source()
    source.data = _file(Path(path), source, ())
    return source


def parse(text: str, name: str = "config") -> Source:
    # Read a text that includes nothing.
    source = Source(files=[name])
    source.data = _text(text, name, source)
    return source


def _file(path: Path, source: Source, above: tuple[Path, ...]) -> Any:
    source.files.append(str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "is not UTF-8"
        source.problems.append(Problem(str(path), (), what))
        return None
    data = _text(text, str(path), source)
    if not isinstance(data, dict) or "include" not in data:
        return data
    return _joined(data, path, source, (*above, path.resolve()))


def _joined(data: dict[str, Any], path: Path, source: Source, above: tuple[Path, ...]) -> dict[str, Any]:
    # A file with those it includes: lists are put behind each other, mappings are joined, the file's own words win.
    included = data.pop("include")
    names = [included] if isinstance(included, str) else included
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        source.problems.append(Problem(source.where(("include",)), ("include",), "must be a list of files"))
        return data
    for name in names:
        inner = path.parent / name
        if inner.resolve() in above:
            source.problems.append(Problem(source.where(("include",)), ("include",), f"{name} includes itself"))
            continue
        own = Source()
        other = _file(inner, own, above)
        source.files += own.files
        source.problems += own.problems
        if other is None:
            continue
        if not isinstance(other, dict):
            source.problems.append(Problem(str(inner), (), "must be a mapping"))
            continue
        _merge(data, other, source, own)
    return data


def _merge(data: dict[str, Any], other: dict[str, Any], source: Source, own: Source) -> None:
    for key, value in other.items():
        mine = data.get(key)
        shift = 0
        if mine is None:
            data[key] = value
        elif isinstance(mine, list) and isinstance(value, list):
            shift = len(mine)
            data[key] = [*mine, *value]
        elif isinstance(mine, dict) and isinstance(value, dict):
            data[key] = {**value, **mine}
        for place, line in own.lines.items():
            if place[:1] == (key,):
                moved = (key, place[1] + shift, *place[2:]) if shift and len(place) > 1 else place  # type: ignore[operator]
                source.lines.setdefault(moved, line)


def _text(text: str, name: str, source: Source) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}
        _note(node, (), name, source, 0)
        if any(problem.where.startswith(f"{name}:") for problem in source.problems):
            return None
        data = loader.construct_document(node)
        return without(data, set(filter(_is_holder, data))) if isinstance(data, dict) else data
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        # The parser's own context may quote a secret; its problem does not.
        what = getattr(error, "problem", None) or "cannot be parsed"
        source.problems.append(Problem(where, (), f"is not valid YAML: {what}"))
        return None
    finally:
        loader.dispose()


def _is_holder(key: Any) -> bool:
    # Whether a key at the top holds what anchors share, by the names that other programs give it.
    return isinstance(key, str) and key.startswith(("x-", "_", "."))


def _note(node: Any, place: Place, name: str, source: Source, depth: int) -> None:
    # Where each key stands; a key that stands twice is a problem, of which YAML itself keeps the last.
    source.lines.setdefault(place, (name, node.start_mark.line + 1))
    if depth > _MOST_DEPTH:
        source.problems.append(Problem(f"{name}:{node.start_mark.line + 1}", place[:3], "is nested too deeply"))
        return
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            inner = (*place, key.value)
            source.lines[inner] = (name, key.start_mark.line + 1)
            if key.value in seen and key.value != "<<":
                source.problems.append(Problem(f"{name}:{key.start_mark.line + 1}", inner, "stands here twice"))
            seen.add(key.value)
            _note(value, inner, name, source, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note(value, (*place, index), name, source, depth + 1)


def substituted(source: Source, env: Mapping[str, str]) -> None:
    # Replace `os.environ/NAME` wherever it stands.
    # A variable that is not set leaves its key out, and is noted.
    source.data = _with_variables(source.data, (), env.get, source.unset)


def _with_variables(value: Any, place: Place, get: Callable[[str], str | None], unset: dict[Place, str]) -> Any:
    if isinstance(value, str) and REFERENCE in value:
        alone = value.removeprefix(REFERENCE)
        found = get(alone) if alone != value else None
        if found is not None:
            return FromEnv(found, alone)
        names = _WITHIN.findall(value) or [alone]
        missing = next((name for name in names if get(name) is None), None)
        if missing is not None:
            unset[place] = missing
            return Unset(missing)
        return FromEnv(_WITHIN.sub(lambda match: get(match[1]) or "", value), ", ".join(names))
    if isinstance(value, dict):
        return {key: _with_variables(item, (*place, key), get, unset) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_variables(item, (*place, index), get, unset) for index, item in enumerate(value)]
    return value
