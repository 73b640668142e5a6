# What it takes to give a host application Lingate: data, and the pure functions that place it and take it away again.

# A `Recipe` is only data, so it can be read without the host. Nothing here touches a disk: a `Tree` reads files by their
# path relative to the host's root, and what would change comes out as `Change`s. `lingate.hosts._disk` carries them out.

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath

from lingate._model import Fixed
from lingate.errors import ConfigError


class Marker(Fixed, frozen=True):
    # A file that tells a checkout (or data directory) of the host from any other folder.

    file: str
    """Its path relative to the root, with slashes. A folder is given with a slash at its end."""
    contains: str = ""
    """Text that must be in it."""


class Edit(Fixed, frozen=True):
    # One change of a file of the host.

    file: str
    """Path relative to the root, with slashes."""
    anchor: str
    """Text that occurs exactly once in the file as the host ships it. As short as is unambiguous."""
    replacement: str
    """What the anchor becomes; must occur nowhere in the file as it is shipped."""
    former: tuple[str, ...] = ()
    """Replacements of earlier releases of Lingate, so that they are recognised, renewed and undone."""


class Added(Fixed, frozen=True):
    # A file that is put beside the host's own. One of the user's is never overwritten.

    path: str
    """Path relative to the root, with slashes. May hold `{{name}}` of a `Variable`."""
    text: str
    """What it holds. May hold `{{name}}` too."""
    mark: str
    """Text by which a file is recognised as ours, whatever else changed in it. Must occur in `text`."""


class Variable(Fixed, frozen=True):
    # A setting that the user makes.

    name: str
    """Of an environment variable (`OPENAI_API_KEY`), or of a `{{name}}` in what is added (`url`)."""
    meaning: str
    """One line."""
    default: str | None = None
    """What holds if it is not set. For a `{{name}}` without one, `install --set name=...` must give it."""
    fills: bool = False
    """Whether it is a `{{name}}` rather than an environment variable."""


class Recipe(Fixed, frozen=True):
    # One way of giving one host Lingate.

    host: str
    """Name of the host, as in `lingate.hosts.<host>`."""
    route: str
    """Name of this way; a host's first recipe is what is installed when none is named."""
    title: str
    """The host's own name."""
    summary: str
    """One line: what is gained."""
    about: str
    """What is changed and how it is used afterwards, in paragraphs."""
    undo: str
    """How everything is taken back, in words."""
    markers: tuple[Marker, ...]
    """By which the root is recognised; all must hold."""
    known: Mapping[str, Mapping[str, str]] = {}
    """Per version of the host (`04e7c13, 2026-05-15`), the `fingerprint` of each file that matters."""
    edits: tuple[Edit, ...] = ()
    """Changes of the host's files."""
    added: tuple[Added, ...] = ()
    """Files of ours."""
    variables: tuple[Variable, ...] = ()
    """Settings that the user makes."""
    check: str = ""
    """`module:function` of the check, see `lingate.hosts._probe`."""
    locate: Callable[[Mapping[str, str]], Path] | None = None
    """Where the root is when no path is given, from the environment; None: the current folder."""


class Tree(Fixed, frozen=True):
    # The host's files as the pure functions see them.

    read: Callable[[str], str | None]
    """The text of a file with `\\n` line ends, None if there is none. A path that ends in a slash asks for a folder:
    any text if it is there.
    """
    find: Callable[[str], Iterable[str]]
    """The paths that match a glob pattern."""


class Change(Fixed, frozen=True):
    # A file before and after; None where it does not exist.

    path: str
    before: str | None
    after: str | None


class Detection(Fixed, frozen=True):
    # What a folder is.

    missing: tuple[str, ...]
    """Markers that do not hold, in words; empty means that it is the host."""
    version: str | None
    """Name of the known version, None if the files are those of no known one."""
    installed: int
    """How many of the edits and files are in place."""
    parts: int
    """How many there are."""

    @property
    def state(self) -> str:
        # `installed`, `not installed` or `partly installed`.
        if self.installed in (0, self.parts):
            return "installed" if self.installed else "not installed"
        return "partly installed"


def fingerprint(text: str) -> str:
    # The first 16 hex digits of the SHA-256 of a file as the host ships it, with `\n` line ends.
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def detect(recipe: Recipe, tree: Tree) -> Detection:
    # Say whether a folder is the host, in which version, and what is installed in it.
    missing = tuple(_missing(marker, tree.read(marker.file)) for marker in recipe.markers)
    texts = [(edit, tree.read(edit.file) or "") for edit in recipe.edits]
    placed = [any(form in text for form in (edit.replacement, *edit.former)) for edit, text in texts]
    placed += [bool(_ours(item, tree)) for item in recipe.added]
    return Detection(
        missing=tuple(filter(None, missing)),
        version=next((name for name, files in recipe.known.items() if _is_version(recipe, files, tree)), None),
        installed=sum(placed),
        parts=len(placed),
    )


def _missing(marker: Marker, text: str | None) -> str:
    if text is None:
        return f"{marker.file} is not there"
    return "" if marker.contains in text else f"{marker.file} does not contain {marker.contains!r}"


def _is_version(recipe: Recipe, files: Mapping[str, str], tree: Tree) -> bool:
    for path, expected in files.items():
        text = tree.read(path)
        if text is None or fingerprint(_undone(recipe, path, text)) != expected:
            return False
    return True


def _undone(recipe: Recipe, path: str, text: str) -> str:
    # A file without our edits: the last placed is the first taken back.
    for edit in reversed(recipe.edits):
        if edit.file == path:
            for form in (edit.replacement, *edit.former):
                if form in text:
                    text = text.replace(form, edit.anchor, 1)
                    break
    return text


def install(recipe: Recipe, tree: Tree, values: Mapping[str, str] | None = None) -> tuple[Change, ...]:
    # What installing would change; nothing if all is in place.
    # `values` are for the `{{name}}`s of the added files.
    # Raises ConfigError: An anchor is not where it should be, a file of the user's is in the way, or a value is missing or
    # unknown. Nothing may be changed then.
    filled = _values(recipe, values or {})
    changes = [_edited(recipe, path, tree) for path in dict.fromkeys(edit.file for edit in recipe.edits)]
    changes += [_put(item, filled, tree) for item in recipe.added]
    return tuple(change for change in changes if change.before != change.after)


def _edited(recipe: Recipe, path: str, tree: Tree) -> Change:
    before = tree.read(path)
    if before is None:
        raise ConfigError(f"{recipe.title}: {path} is not there")
    text = _undone(recipe, path, before)
    for edit in recipe.edits:
        if edit.file == path:
            if (count := text.count(edit.anchor)) != 1:
                first = edit.anchor.strip().splitlines()[0].strip()
                raise ConfigError(
                    f"{recipe.title}: {path} has {count} places like {first!r} instead of one",
                    hint="this version of the host is too different; the text to change is in `lingate hosts show`",
                )
            text = text.replace(edit.anchor, edit.replacement)
    return Change(path, before, text)


def _put(item: Added, values: Mapping[str, str], tree: Tree) -> Change:
    path, text = _fill(item.path, values), _fill(item.text, values)
    if ".." in PurePath(path).parts or PurePath(path).is_absolute():
        raise ConfigError(f"{path} is not below the folder of the host")
    before = tree.read(path)
    if before is not None and item.mark not in before:
        raise ConfigError(f"{path} exists and is not Lingate's", hint="move it away, or give another name")
    return Change(path, before, text)


def _values(recipe: Recipe, given: Mapping[str, str]) -> dict[str, str]:
    names = [variable for variable in recipe.variables if variable.fills]
    if unknown := sorted(set(given) - {variable.name for variable in names}):
        known = ", ".join(variable.name for variable in names) or "nothing"
        raise ConfigError(f"{recipe.title} has no setting {unknown[0]!r}: it takes {known}")
    filled = {}
    for variable in names:
        value = given.get(variable.name, variable.default)
        if value is None:
            raise ConfigError(f"{variable.name} is needed: {variable.meaning}", hint=f"--set {variable.name}=...")
        filled[variable.name] = value
    return filled


def _fill(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def uninstall(recipe: Recipe, tree: Tree) -> tuple[Change, ...]:
    # What taking everything back would change; nothing if nothing is installed.
    changes = []
    for path in dict.fromkeys(edit.file for edit in recipe.edits):
        text = tree.read(path)
        if text is not None:
            changes.append(Change(path, text, _undone(recipe, path, text)))
    for item in recipe.added:
        changes += [Change(path, text, None) for path, text in _ours(item, tree)]
    return tuple(change for change in changes if change.before != change.after)


def _ours(item: Added, tree: Tree) -> list[tuple[str, str]]:
    # Files that carry the mark, where the item may have been put: a `{{name}}` in its path may have been anything.
    pattern = re.sub(r"\{\{.*?\}\}", "*", item.path)
    texts = [(path, tree.read(path)) for path in sorted(tree.find(pattern))]
    return [(path, text) for path, text in texts if text is not None and item.mark in text]


def diff(changes: Iterable[Change]) -> str:
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
        for change in changes
        for line in difflib.unified_diff(
            (change.before or "").splitlines(keepends=True),
            (change.after or "").splitlines(keepends=True),
            "/dev/null" if change.before is None else f"a/{change.path}",
            "/dev/null" if change.after is None else f"b/{change.path}",
        )
    )
