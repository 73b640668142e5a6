"""Files of the user's are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lingate.cli import files
from lingate.errors import ConfigError


def test_a_file_is_replaced_and_its_owners_alone_whatever_it_was(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text("old")
    path.chmod(0o644)

    files.write(path, b"new")

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["talk.json"]


def test_a_file_gets_the_permissions_of_another_if_that_is_asked_for(tmp_path: Path) -> None:
    like = tmp_path / "theirs.yaml"
    like.touch()
    like.chmod(0o640)

    files.write(tmp_path / "ours.yaml", b"new", like=like)

    assert stat.S_IMODE((tmp_path / "ours.yaml").stat().st_mode) == 0o640


def test_what_a_link_leads_to_is_replaced_and_the_link_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to("kept.json")

    files.write(link, b"new")

    assert link.is_symlink()
    assert (tmp_path / "kept.json").read_bytes() == b"new"


def test_nothing_that_lies_where_the_file_is_drafted_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("theirs")
    (tmp_path / f".talk.json.{os.getpid()}").symlink_to("other")

    files.write(tmp_path / "talk.json", b"new")

    assert (tmp_path / "other").read_text() == "theirs"
    assert sorted(os.listdir(tmp_path)) == ["other", "talk.json"]
    assert not (tmp_path / "talk.json").is_symlink()


def test_what_cannot_be_written_is_an_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    with pytest.raises(ConfigError, match=r"cannot write .*folder: "):
        files.write(folder, b"new")
    with pytest.raises(ConfigError, match=r"cannot write .*x\.json: "):
        files.write(tmp_path / "nowhere" / "x.json", b"new")

    assert os.listdir(tmp_path) == ["folder"]


def test_what_is_no_file_is_never_replaced_by_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(ConfigError, match="it is no file"):
        files.write(pipe, b"new")

    assert stat.S_ISFIFO(pipe.stat().st_mode)
