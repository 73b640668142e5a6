"""Placing what a recipe says and taking it away again, whatever the host's files hold; and every recipe there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate.errors import ConfigError
from lingate.hosts import registry
from lingate.hosts._disk import tree_of, write
from lingate.hosts._recipe import (
    Added,
    Change,
    Edit,
    Marker,
    Recipe,
    Tree,
    Variable,
    detect,
    diff,
    fingerprint,
    install,
    uninstall,
)

SHIPPED = "import os\n\nKNOWN = {\n    'a': 1,\n}\n"


def recipe(**other: object) -> Recipe:
    values: dict[str, object] = {
        "host": "deepwiki",
        "route": "test",
        "title": "Test host",
        "summary": "",
        "about": "",
        "undo": "",
        "markers": (Marker("app.py", contains="KNOWN"), Marker("data/")),
        "known": {"1.0": {"app.py": fingerprint(SHIPPED)}},
        "edits": (
            Edit("app.py", "    'a': 1,\n", "    'a': 1,\n    'lingate': 2,\n"),
            Edit("app.py", "import os\n", "import os\nimport lingate\n"),
        ),
        "added": (Added("data/{{name}}.txt", "# made by lingate\n{{url}}\n", mark="# made by lingate"),),
        "variables": (
            Variable("name", "name of the file", default="usual", fills=True),
            Variable("url", "where to", fills=True),
            Variable("SOME_KEY", "a key"),
        ),
    }
    return Recipe(**{**values, **other})  # type: ignore[arg-type]


def tree(**files: str) -> Tree:
    return Tree(files.get, lambda pattern: [path for path in files if path == pattern])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "app.py").write_text(SHIPPED)
    return tmp_path


VALUES = {"url": "http://here"}


def placed(root: Path, one: Recipe | None = None) -> tuple[Change, ...]:
    changes = install(one or recipe(), tree_of(root), VALUES)
    write(root, changes)
    return changes


def test_installing_twice_changes_nothing_the_second_time(root: Path) -> None:
    first = placed(root)

    assert [change.path for change in first] == ["app.py", "data/usual.txt"]
    assert placed(root) == ()
    assert (root / "data/usual.txt").read_text() == "# made by lingate\nhttp://here\n"


def test_uninstalling_gives_back_every_byte(root: Path) -> None:
    placed(root)

    write(root, uninstall(recipe(), tree_of(root)))

    assert (root / "app.py").read_text() == SHIPPED
    assert not (root / "data/usual.txt").exists()
    assert uninstall(recipe(), tree_of(root)) == ()


def test_windows_line_ends_stay(root: Path) -> None:
    shipped = SHIPPED.replace("\n", "\r\n").encode()
    (root / "app.py").write_bytes(shipped)
    assert detect(recipe(), tree_of(root)).version == "1.0"

    placed(root)
    patched = (root / "app.py").read_bytes()
    write(root, uninstall(recipe(), tree_of(root)))

    assert b"'lingate': 2,\r\n" in patched
    assert b"\n" not in patched.replace(b"\r\n", b"")
    assert (root / "app.py").read_bytes() == shipped


def test_a_file_added_under_another_name_is_found_again(root: Path) -> None:
    write(root, install(recipe(), tree_of(root), {**VALUES, "name": "mine"}))

    assert [change.path for change in uninstall(recipe(), tree_of(root))] == ["app.py", "data/mine.txt"]


def test_a_file_of_the_users_is_never_overwritten(root: Path) -> None:
    (root / "data/usual.txt").write_text("precious\n")

    with pytest.raises(ConfigError, match=r"data/usual\.txt exists and is not Lingate's"):
        install(recipe(), tree_of(root), VALUES)
    assert uninstall(recipe(), tree_of(root)) == ()


def test_the_state_tells_half_an_installation(root: Path) -> None:
    assert detect(recipe(), tree_of(root)).state == "not installed"
    placed(root)
    assert detect(recipe(), tree_of(root)).state == "installed"
    assert detect(recipe(), tree_of(root)).version == "1.0"

    (root / "data/usual.txt").unlink()

    assert detect(recipe(), tree_of(root)).state == "partly installed"


def test_a_changed_host_is_an_unknown_version(root: Path) -> None:
    (root / "app.py").write_text(SHIPPED + "# of the user\n")

    assert detect(recipe(), tree_of(root)).version is None


@pytest.mark.parametrize(
    ("content", "says"), [(None, "app.py is not there"), ("nothing", "app.py does not contain 'KNOWN'")]
)
def test_another_folder_is_told_from_the_host(root: Path, content: str | None, says: str) -> None:
    (root / "app.py").unlink()
    if content is not None:
        (root / "app.py").write_text(content)

    assert detect(recipe(), tree_of(root)).missing == (says,)


@pytest.mark.parametrize(("content", "count"), [("KNOWN\n", 0), (SHIPPED + SHIPPED, 2)])
def test_an_anchor_that_is_not_there_once_stops_everything(root: Path, content: str, count: int) -> None:
    (root / "app.py").write_text(content)

    with pytest.raises(ConfigError, match=f"app.py has {count} places like \"'a': 1,\" instead of one"):
        install(recipe(), tree_of(root), VALUES)


def test_a_missing_setting_and_an_unknown_one_are_named(root: Path) -> None:
    with pytest.raises(ConfigError, match="url is needed: where to"):
        install(recipe(), tree_of(root))
    with pytest.raises(ConfigError, match="no setting 'uri': it takes name, url"):
        install(recipe(), tree_of(root), {"uri": "x"})


def test_what_an_earlier_release_wrote_is_renewed_and_undone(root: Path) -> None:
    placed(root)
    newer = recipe(
        edits=(
            Edit(
                "app.py",
                "    'a': 1,\n",
                "    'a': 1,\n    'lingate': 3,\n",
                former=("    'a': 1,\n    'lingate': 2,\n",),
            ),
            Edit("app.py", "import os\n", "import os\nimport lingate\n"),
        )
    )

    placed(root, newer)
    renewed = (root / "app.py").read_text()
    write(root, uninstall(newer, tree_of(root)))

    assert renewed.count("lingate") == 2
    assert "'lingate': 3" in renewed
    assert (root / "app.py").read_text() == SHIPPED


def test_nothing_is_written_when_one_file_cannot_be(root: Path) -> None:
    changes = install(recipe(), tree_of(root), VALUES)
    (root / "data/usual.txt").write_text("came meanwhile\n")

    with pytest.raises(ConfigError, match="nothing was changed"):
        write(root, changes)

    assert (root / "app.py").read_text() == SHIPPED


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside"])
def test_a_setting_cannot_lead_out_of_the_hosts_folder(root: Path, name: str) -> None:
    one = recipe(added=(Added("{{name}}", "# made by lingate {{url}}", mark="# made by lingate"),))

    with pytest.raises(ConfigError, match="not below the folder"):
        install(one, tree_of(root), {**VALUES, "name": name})


def test_a_file_that_is_not_there_or_not_text_is_named_and_one_that_is_gone_needs_no_undoing(root: Path) -> None:
    placed(root)
    (root / "app.py").unlink()

    assert [change.path for change in uninstall(recipe(), tree_of(root))] == ["data/usual.txt"]
    with pytest.raises(ConfigError, match=r"app\.py is not there"):
        install(recipe(), tree_of(root), VALUES)
    (root / "app.py").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"app\.py is not UTF-8 text"):
        install(recipe(), tree_of(root), VALUES)


def test_a_linked_file_stays_a_link(root: Path) -> None:
    (root / "app.py").rename(root / "data" / "app.py")
    (root / "app.py").symlink_to(root / "data" / "app.py")

    placed(root)

    assert (root / "app.py").is_symlink()
    assert "lingate" in (root / "data" / "app.py").read_text()


def test_permissions_stay(root: Path) -> None:
    (root / "app.py").chmod(0o750)

    placed(root)

    assert (root / "app.py").stat().st_mode & 0o777 == 0o750


def test_the_diff_names_new_and_deleted_files() -> None:
    text = diff([Change("a", None, "one\n"), Change("b", "two", None)])

    assert "--- /dev/null\n+++ b/a\n" in text
    assert "--- a/b\n+++ /dev/null\n" in text
    assert "-two\n\\ No newline at end of file\n" in text


lines = st.text(alphabet="abc' \t:#", max_size=12)


@given(
    before=st.lists(lines, max_size=5), after=st.lists(lines, max_size=5), anchor=st.text("xyz", min_size=1, max_size=5)
)
def test_undoing_is_exact_whatever_stands_around_the_anchor(before: list[str], after: list[str], anchor: str) -> None:
    shipped = "\n".join([*before, anchor, *after])
    one = recipe(edits=(Edit("app.py", anchor, f"{anchor}\nLINGATE {anchor}"),), added=(), variables=())

    (change,) = install(one, tree(**{"app.py": shipped}))
    (undone,) = uninstall(one, tree(**{"app.py": change.after or ""}))

    assert undone.after == shipped
    assert install(one, tree(**{"app.py": change.after or ""})) == ()


every_host = pytest.mark.parametrize("host", list(registry.HOSTS))


@every_host
def test_every_recipe_can_be_recognised_in_what_it_wrote(host: str) -> None:
    for one in registry.recipes(host):
        for edit in one.edits:
            assert edit.replacement
            assert edit.replacement not in edit.anchor
        for item in one.added:
            assert item.mark in item.text


@every_host
def test_every_recipe_says_what_it_does_and_which_version_it_knows(host: str) -> None:
    for one in registry.recipes(host):
        assert one.host == host
        assert one.summary
        assert one.about
        assert one.undo
        assert one.markers or not one.edits
        assert one.check
        known = {name for files in one.known.values() for name in files}
        # What code is changed has to be known; a list of dependencies changes with every release.
        assert {edit.file for edit in one.edits if not edit.file.endswith(".toml")} <= known


@every_host
def test_every_recipe_is_undone_exactly_in_a_host_made_of_its_anchors(host: str) -> None:
    for one in registry.recipes(host):
        files: dict[str, str] = {}
        for edit in one.edits:
            text = files.get(edit.file, "# shipped\n")
            files[edit.file] = text if edit.anchor in text else f"{text}{edit.anchor}\n"
        values = {item.name: item.default or "x" for item in one.variables if item.fills}

        changed = dict(files)
        for change in install(one, tree(**files), values):
            assert change.after is not None
            changed[change.path] = change.after
        again = install(one, tree(**changed), values)
        edited = {path: text for path, text in changed.items() if path in files}
        undone = {change.path: change.after for change in uninstall(one, tree(**edited))}

        assert again == ()
        assert {**edited, **undone} == files


def test_recipes_load_without_any_host_or_package() -> None:
    code = (
        "import sys\n"
        "from lingate.hosts import registry\n"
        "[registry.recipes(name) for name in registry.HOSTS]\n"
        # msgspec is part of every install, and loads typing_extensions where there is one.
        "known = set(sys.stdlib_module_names) | {'lingate', 'msgspec', 'typing_extensions'}\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - known - set(sys.argv[1].split(','))))"
    )
    before = subprocess.run(
        [sys.executable, "-c", "import sys; print(','.join({name.partition('.')[0] for name in sys.modules}))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    done = subprocess.run([sys.executable, "-c", code, before], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("given_name", "name"), [("second-brain", "second_brain"), ("Fast_Agent", "fast_agent")])
def test_hyphens_and_upper_case_are_accepted_in_names(given_name: str, name: str) -> None:
    assert registry.canonical(given_name) == name


def test_an_unknown_host_and_an_unknown_route_are_named() -> None:
    with pytest.raises(ConfigError, match=r"no host is called 'viu' \(did you mean vui\?\)"):
        registry.recipes("viu")
    with pytest.raises(ConfigError, match="deepwiki has no route 'x': there are chat, embedder"):
        registry.recipe("deepwiki", "x")
