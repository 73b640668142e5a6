"""`python -m lingate.compat.litellm check PATH`: which litellm names a code base uses, and whether they are covered."""

from __future__ import annotations

import argparse
import ast
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from lingate._model import Fixed
from lingate.compat.litellm._names import SUBMODULES, covered, instead

_PACKAGE = "litellm"


class Use(Fixed, frozen=True, order=True):
    # One use of a name: what comes after `litellm.`, whether it is here, and what to use instead.

    path: str
    line: int
    name: str
    covered: bool
    note: str


class Report(Fixed, frozen=True):
    # What was found; `unread` are files that are not Python or not text, and why.

    files: int
    uses: tuple[Use, ...]
    unread: tuple[str, ...]

    @property
    def missing(self) -> tuple[Use, ...]:
        return tuple(use for use in self.uses if not use.covered)


def check(path: Path) -> Report:
    # Read a file, or all Python files below a folder; nothing of them is imported.
    if not path.exists():
        raise FileNotFoundError(f"there is nothing at {path}")
    files = sorted(item for item in path.rglob("*.py") if item.is_file()) if path.is_dir() else [path]
    uses: list[Use] = []
    unread: list[str] = []
    for file in files:
        try:
            tree = ast.parse(file.read_bytes(), str(file))
        except (SyntaxError, ValueError, OSError, RecursionError) as error:
            unread.append(f"{file}: {error}")
            continue
        for line, name in sorted(set(_names(tree))):
            found = covered(name)
            uses.append(Use(str(file), line, name, found, "" if found else instead(name).partition(": ")[2]))
    return Report(len(files), tuple(uses), tuple(unread))


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    # Line and dotted name of every use, the package's own name left out.
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from _imported(node, bound)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from _imported_from(node, bound)
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    inner = {id(node.value) for node in attributes}
    for node in attributes:
        if id(node) not in inner and (name := _dotted(node, bound)):
            yield node.lineno, name


def _imported(node: ast.Import, bound: dict[str, str]) -> Iterator[tuple[int, str]]:
    for alias in node.names:
        head, _, rest = alias.name.partition(".")
        if head != _PACKAGE:
            continue
        # `import litellm.utils` binds `litellm`; with `as` it binds the submodule.
        bound[alias.asname or head] = rest if alias.asname else ""
        if rest:
            yield node.lineno, rest


def _imported_from(node: ast.ImportFrom, bound: dict[str, str]) -> Iterator[tuple[int, str]]:
    head, _, module = (node.module or "").partition(".")
    if head != _PACKAGE:
        return
    for alias in node.names:
        if alias.name == "*":
            yield node.lineno, module or "*"
            continue
        name = f"{module}.{alias.name}" if module else alias.name
        yield node.lineno, name
        if name in SUBMODULES:
            bound[alias.asname or alias.name] = name


def _dotted(node: ast.Attribute, bound: dict[str, str]) -> str | None:
    # The name as far as it belongs to the package: what comes after a class or function is theirs.
    parts: list[str] = []
    value: ast.expr = node
    while isinstance(value, ast.Attribute):
        parts.append(value.attr)
        value = value.value
    if not isinstance(value, ast.Name) or value.id not in bound:
        return None
    module = bound[value.id]
    for part in reversed(parts):
        name = f"{module}.{part}" if module else part
        if name not in SUBMODULES:
            return name
        module = name
    return module


def main(arguments: Sequence[str] | None = None) -> int:
    # Run the command: 0 where all names are covered, 1 where some are not, 2 where there is nothing to read.
    parser = argparse.ArgumentParser(prog="python -m lingate.compat.litellm", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("check", help="report the litellm names that a code base uses")
    command.add_argument("path", type=Path, help="a file or a folder")
    asked = parser.parse_args(arguments)
    try:
        report = check(asked.path)
    except FileNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(text(report))
    return 1 if report.missing else 0


def text(report: Report) -> str:
    # The report as people read it: every name with its count, then where the missing ones are.
    counts = Counter((use.covered, use.name) for use in report.uses)
    lines = [
        f"{'covered' if found else 'MISSING'}  {name}  ({count})" for (found, name), count in sorted(counts.items())
    ]
    lines += [f"{use.path}:{use.line}: {use.name}: {use.note}" for use in report.missing]
    lines += [f"not read: {item}" for item in report.unread]
    missing = len({use.name for use in report.missing})
    files = "1 file" if report.files == 1 else f"{report.files} files"
    lines.append(
        f"{files}: {len(counts)} names of litellm are used, {len(counts) - missing} are covered, {missing} are not"
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
