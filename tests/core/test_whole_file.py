"""Files that are written whole: by one or by several, over what is there, and after a process was killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stackspec.core.whole_file import write_first, write_whole
from stackspec.testing.children import Child


def test_what_is_there_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_whole(file, b"old")
    write_whole(file, b"new")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("there", [lambda file: file.write_bytes(b"old"), lambda file: file.symlink_to("nowhere")])
def test_the_first_one_stays(there: Callable[[Path], object], tmp_path: Path) -> None:
    file = tmp_path / "file"
    there(file)
    assert not write_first(file, b"new")
    assert os.listdir(tmp_path) == ["file"]
    assert file.is_symlink() or file.read_bytes() == b"old"
    assert write_first(tmp_path / "other", b"new")


def test_a_failure_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", b"new")
    assert os.listdir(tmp_path) == ["folder"]


def test_several_who_write_at_once_do_not_meet(tmp_path: Path) -> None:
    file = tmp_path / "file"

    def write(number: int) -> None:
        for _ in range(20):
            write_whole(file, bytes([number]) * 1000)

    children = [Child(lambda _talk, number=number: write(number)) for number in range(1, 5)]  # type: ignore[misc]
    for child in children:
        child.end()
    assert [child.status for child in children] == [0] * 4
    assert len(set(file.read_bytes())) == 1
    assert os.listdir(tmp_path) == ["file"]


def test_what_killed_processes_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    old, young, another = (tmp_path / f".stackspec-{name}.new" for name in ("0" * 12, "f" * 12, "of-mine"))
    for file in (old, young, another):
        file.touch()
    for file in (old, another):
        os.utime(file, (0, 0))
    write_whole(tmp_path / "file", b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"file", young.name, another.name}
