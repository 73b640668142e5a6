# `lingate hosts`: give an application Lingate as its provider, take it back, and see that it works.

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lingate.cli.failures import YES, command, on_screen
from lingate.cli.screen import Screen
from lingate.errors import ConfigError
from lingate.hosts import registry
from lingate.hosts._recipe import Change, Detection, Recipe, Tree

app = typer.Typer(
    help="Give an application Lingate as its provider, take it back, and see that it works.", no_args_is_help=True
)

_HOST = Annotated[str, typer.Argument(help="Name of the host, see `lingate hosts list`.")]
_PATH = Annotated[Path | None, typer.Option("--path", "-p", help="Folder of the host. Default: the current one.")]
_ROUTE = Annotated[str | None, typer.Option(help="Which of the host's routes, see `lingate hosts show`.")]
_SET = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the route. Repeatable.")
]
_DEBUG = Annotated[bool, typer.Option("--debug", help="On errors, show what the host printed and the traceback.")]


@command(app, "list", debug=_DEBUG)
def list_(screen: Screen) -> None:
    """List the hosts."""
    for name in registry.HOSTS:
        for recipe in registry.recipes(name):
            screen.answer(f"{registry.spoken(name):13}{recipe.route:10}{recipe.title}: {recipe.summary}\n")


@command(app, debug=_DEBUG)
def show(screen: Screen, host: _HOST, route: _ROUTE = None) -> None:
    """Show what is done to a host, and how it is undone."""
    chosen = registry.recipes(host) if route is None else (registry.recipe(host, route),)
    screen.answer("\n\n".join(map(_described, chosen)) + "\n")


@command(app, debug=_DEBUG)
def install(
    screen: Screen,
    host: _HOST,
    path: _PATH = None,
    route: _ROUTE = None,
    settings: _SET = None,
    force: Annotated[bool, typer.Option("--force", help="Also in a version of the host that is not known.")] = False,
    yes: YES = False,
) -> None:
    """Put Lingate into a host. Shows the diff and asks first; running it again changes nothing."""
    from lingate.hosts import _recipe

    recipe, root = _place(host, route, path)
    found, tree = _found(recipe, root)
    if found.version is None and recipe.known and not force:
        versions = "; ".join(recipe.known)
        raise ConfigError(
            f"{root} is a version of {recipe.title} that is not known (known: {versions})",
            hint="look at the diff with --force; it asks before it changes anything",
        )
    changes = _recipe.install(recipe, tree, _settings(settings))
    if _carried_out(screen, recipe, root, changes, yes=yes, before="has Lingate already", after="has Lingate now"):
        for line in _settings_text(recipe):
            screen.note(line)


@command(app, debug=_DEBUG)
def uninstall(screen: Screen, host: _HOST, path: _PATH = None, route: _ROUTE = None, yes: YES = False) -> None:
    """Take Lingate out of a host. Shows the diff and asks first."""
    from lingate.hosts import _recipe

    recipe, root = _place(host, route, path)
    changes = _recipe.uninstall(recipe, _found(recipe, root)[1])
    _carried_out(screen, recipe, root, changes, yes=yes, before="does not have Lingate", after="is as it was")


@app.command()
def check(
    host: _HOST,
    path: Annotated[
        Path | None, typer.Option("--path", "-p", help="Folder of the host; without, the adapter alone is checked.")
    ] = None,
    route: _ROUTE = None,
    settings: _SET = None,
    python: Annotated[str | None, typer.Option(help="The host's Python. Default: the one this runs in.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds for all of it.")] = 300.0,
    debug: _DEBUG = False,
) -> None:
    """Run a host's own code against a simulated provider, and say what works. Changes nothing, needs no key."""
    from lingate.hosts import _check

    with on_screen(debug=debug) as screen:
        recipe = _recipe_for(host, route, path)
        if path is None:
            screen.note(f"No --path: the adapter for {recipe.title} alone, without the host.")
        else:
            found, _ = _found(recipe, path)
            screen.note(f"{recipe.title} in {path}: {found.version or 'a version that is not known'}, {found.state}.")
        well, printed = _check.check(
            recipe,
            path=path,
            python=python,
            values=_settings(settings),
            each=lambda one: screen.answer(f"{one.outcome:8}{one.says}" + (f": {one.why}" if one.why else "") + "\n"),
            timeout=timeout,
        )
        if debug and not well:
            screen.detail(printed)
        raise typer.Exit(0 if well else 1)


def _recipe_for(host: str, route: str | None, path: Path | None) -> Recipe:
    # The route that was named, else the one for what the folder is, else the host's usual one.
    from lingate.hosts._disk import tree_of

    if route is not None or path is None or not path.expanduser().is_dir():
        return registry.recipe(host, route)
    return registry.fitting(host, tree_of(path.expanduser()))


def _place(host: str, route: str | None, path: Path | None) -> tuple[Recipe, Path]:
    recipe = _recipe_for(host, route, path)
    if path is not None:
        return recipe, path.expanduser()
    try:
        return recipe, recipe.locate(os.environ) if recipe.locate is not None else Path.cwd()
    except RuntimeError:  # a container's user may have no home
        raise ConfigError(
            f"there is no home directory to look for {recipe.title} in", hint="--path names its folder"
        ) from None


def _found(recipe: Recipe, root: Path) -> tuple[Detection, Tree]:
    from lingate.hosts._disk import tree_of
    from lingate.hosts._recipe import detect

    # A folder that the host makes when it is first started, and that only gets files, may be missing.
    may_be_new = recipe.locate is not None and not recipe.edits
    tree = tree_of(root, new=may_be_new)
    found = detect(recipe, tree)
    ours = found.installed > 0 or not root.exists() or not any(root.iterdir())
    if found.missing and not (ours and may_be_new):
        raise ConfigError(f"{root} is not {recipe.title}: {found.missing[0]}", hint="--path names its folder")
    return found, tree


def _settings(given: Sequence[str] | None) -> dict[str, str]:
    settings = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set takes NAME=VALUE, not {text!r}")
        settings[name] = value
    return settings


def _carried_out(
    screen: Screen, recipe: Recipe, root: Path, changes: Sequence[Change], *, yes: bool, before: str, after: str
) -> bool:
    # Whether there was something to change; how the host is before and after is said in words.
    from lingate.hosts._disk import write
    from lingate.hosts._recipe import diff

    if not changes:
        screen.answer(f"{recipe.title} in {root} {before}.\n")
        return False
    screen.answer(diff(changes))
    if not yes:
        screen.agreed(f"Make these changes in {root}?")
    write(root, changes)
    screen.note(f"{recipe.title} in {root} {after}.")
    return True


def _described(recipe: Recipe) -> str:
    name = registry.spoken(recipe.host)
    lines = [f"{recipe.title}, route {recipe.route}: {recipe.summary}", "", recipe.about.strip(), ""]
    for edit in recipe.edits:
        lines.append(f"Changes {edit.file}:")
        # All its lines, those that stay included: they say where it is.
        changed = difflib.ndiff(edit.anchor.splitlines(), edit.replacement.splitlines())
        lines += [f"    {line}".rstrip() for line in changed if not line.startswith("?")]
    lines += [f"Adds {item.path}" for item in recipe.added]
    lines += _settings_text(recipe)
    lines += ["", f"Known versions: {'; '.join(recipe.known) or 'any'}", f"To undo: {recipe.undo.strip()}"]
    return "\n".join([*lines, f"         lingate hosts uninstall {name} --route {recipe.route}"])


def _settings_text(recipe: Recipe) -> list[str]:
    lines = []
    for variable in recipe.variables:
        name = f"--set {variable.name}=..." if variable.fills else variable.name
        default = "" if variable.default is None else f" (default: {variable.default or 'empty'})"
        lines.append(f"{name}: {variable.meaning}{default}")
    return lines
