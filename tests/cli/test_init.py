"""`stackspec init`: a project that works, and nothing at all where something stands in its way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.test_hostile_files import snapshot

OBSTACLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a-project": (lambda root: (root / "stackspec.yaml").touch(), "stackspec.yaml exists already"),
    "stacks": (lambda root: (root / "stacks").mkdir(), "stacks exists already"),
    "a-link-nowhere": (lambda root: (root / "stackspec.yaml").symlink_to("/nowhere"), "stackspec.yaml exists already"),
    "ignore-is-a-folder": (lambda root: (root / ".gitignore").mkdir(), ".gitignore: it is not a file"),
    "ignore-is-a-fifo": (lambda root: os.mkfifo(root / ".gitignore"), ".gitignore: it is not a file"),
    "ignore-leads-nowhere": (lambda root: (root / ".gitignore").symlink_to("/nowhere"), ".gitignore: it is not a file"),
    "ignore-is-utf-16": (
        lambda root: (root / ".gitignore").write_bytes("data\n".encode("utf-16")),
        ".gitignore: git cannot read it, as it is UTF-16 or no text",
    ),
    "github-is-a-file": (lambda root: (root / ".github").touch(), "{root}/.github is not a folder"),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_stands_in_the_way_is_told_before_anything_is_written(name: str, tmp_path: Path, ask: Ask) -> None:
    make, message = OBSTACLES[name]
    make(tmp_path)
    before = snapshot(tmp_path)
    answer = ask("init", str(tmp_path))
    assert answer.code == 1
    assert answer.out == ""
    assert message.format(root=tmp_path) in answer.err
    assert snapshot(tmp_path) == before


def test_a_gitignore_of_any_encoding_is_extended(tmp_path: Path, ask: Ask) -> None:
    ignore = tmp_path / ".gitignore"
    ignore.write_bytes(b"# caf\xe9\ndata/")
    assert ask("init", str(tmp_path)).code == 0
    assert ignore.read_bytes() == b"# caf\xe9\ndata/\n.stackspec/\n.env\n"
    assert ask("-C", str(tmp_path), "validate").code == 0


def test_what_is_there_is_kept(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / ".pre-commit-config.yaml").write_text("repos: []\n")
    (tmp_path / ".gitignore").write_text("data/\r\n.env\r\n.stackspec/\r\n")
    before = snapshot(tmp_path)
    answer = ask("init", str(tmp_path))
    assert answer.code == 0
    assert f"kept     {tmp_path}/.pre-commit-config.yaml\n" in answer.out
    assert f"kept     {tmp_path}/.gitignore\n" in answer.out
    assert {name: snapshot(tmp_path)[name] for name in before} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path, ask: Ask) -> None:
    tmp_path.chmod(0o500)
    answer = ask("init", str(tmp_path))
    tmp_path.chmod(0o700)
    assert answer.code == 1
    assert "Permission denied" in answer.err
    assert not list(tmp_path.iterdir())
