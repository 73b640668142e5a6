"""`python -m lingate.compat.litellm check PATH`: which litellm names a code base uses, and whether they are covered."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lingate.compat.litellm._check import Report, check


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: 0 where all names are covered, 1 where some are not, 2 where there is nothing to read."""
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
    """The report as people read it: every name with its count, then where the missing ones are."""
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
