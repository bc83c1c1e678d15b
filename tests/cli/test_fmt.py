"""`stackspec fmt`: which files it lays out, and what it leaves alone."""

from __future__ import annotations

import fcntl
import io
import os
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.running import in_bounds

BEFORE = b"\xef\xbb\xbfkind:  Component # what\r\napiVersion: stackspec.dev/v1\r\n"
AFTER = b"apiVersion: stackspec.dev/v1\nkind: Component  # what\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "messy.yaml").write_bytes(BEFORE)
    (tmp_path / "stacks" / "neat.yaml").write_bytes(AFTER)
    (tmp_path / "stacks" / "wrong.yaml").write_text("a:   [")
    (tmp_path / "stacks" / "later.yml").write_text("kind:  Stack")
    (tmp_path / "other.yaml").write_text("kind:  Stack")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_of_the_project_are_laid_out_and_what_cannot_be_read_is_told(project: Path, ask: Ask) -> None:
    messy = project / "stacks" / "messy.yaml"
    messy.chmod(0o640)
    answer = ask("fmt")
    assert (answer.code, answer.out) == (1, "stacks/later.yml\nstacks/messy.yaml\n")
    assert "stacks/wrong.yaml:1:6" in answer.err
    assert messy.read_bytes() == AFTER
    assert messy.stat().st_mode & 0o777 == 0o640
    assert (project / "stacks" / "wrong.yaml").read_text() == "a:   ["
    assert (project / "other.yaml").read_text() == "kind:  Stack"
    assert ask("fmt", "stacks/messy.yaml", "stacks/later.yml").out == ""


@pytest.mark.parametrize("options", [["--check"], ["--diff"], ["--check", "--diff"], ["--check", "-o", "json"]])
def test_nothing_is_written_to_look(project: Path, ask: Ask, options: list[str]) -> None:
    answer = ask("fmt", *options, "stacks/messy.yaml", "stacks/neat.yaml")
    assert answer.code == (1 if "--check" in options else 0)
    assert (project / "stacks" / "messy.yaml").read_bytes() == BEFORE
    if "-o" in options:
        assert answer.json["files"] == ["stacks/messy.yaml"]
        assert not answer.json["written"]
    elif "--diff" in options:
        assert "+kind: Component  # what\n" in answer.out
    else:
        assert answer.out == "stacks/messy.yaml\n"
    assert ask("fmt", "--check", "stacks/neat.yaml").code == 0


def test_a_stream_is_laid_out_anywhere(
    tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for given, code, out in ((BEFORE, 0, AFTER.decode()), (b"a: [", 1, "")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        answer = ask("fmt", "-")
        assert (answer.code, answer.out) == (code, out)
    assert ask("fmt", "-", "a.yaml").code == 1


def test_a_file_anywhere_is_laid_out_by_its_name_and_a_link_stays_one(
    tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real.yaml").write_bytes(BEFORE)
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    assert ask("fmt", "link.yaml").code == 0
    assert (tmp_path / "link.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_bytes() == AFTER
    assert "SS0112" in ask("fmt").err


def test_no_folder_outside_of_the_project_is_rewritten(project: Path, ask: Ask, tmp_path: Path) -> None:
    other = tmp_path.parent / f"{tmp_path.name}-other"
    other.mkdir()
    (other / "a.yaml").write_bytes(BEFORE)
    for words in ((str(other),), ("stacks", f"../{other.name}"), ("..",)):
        answer = ask("fmt", *words)
        assert (answer.code, "error[SS0103]" in answer.err) == (1, True)
    assert (other / "a.yaml").read_bytes() == BEFORE


def test_nothing_is_written_where_an_argument_is_wrong(project: Path, ask: Ask) -> None:
    (project / "stacks" / "messy.yaml").write_bytes(BEFORE)
    answer = ask("fmt", "stacks", "nope")
    assert (answer.code, "error[SS0111]" in answer.err) == (1, True)
    assert (project / "stacks" / "messy.yaml").read_bytes() == BEFORE


def test_a_name_is_one_line(project: Path, ask: Ask) -> None:
    name = "a\n::error::x\x1b[31m.yaml"
    (project / "stacks" / name).write_bytes(BEFORE)
    for words in (("--check",), ("--diff",), ()):
        out = ask("fmt", *words).out
        assert "\x1b" not in out
        assert not any(line.startswith("::") for line in out.splitlines())


def test_a_link_on_the_way_leads_no_writing_out_of_the_project(project: Path, ask: Ask) -> None:
    outside = project.parent / f"{project.name}-outside"
    outside.mkdir()
    (outside / "a.yaml").write_bytes(BEFORE)
    (project / "stacks" / "inner").symlink_to(outside)
    answer = ask("fmt", "stacks/inner/a.yaml")
    assert answer.code == 1
    assert "SS0103" in answer.err
    assert (outside / "a.yaml").read_bytes() == BEFORE


def test_in_a_stranger_s_checkout_it_only_looks(project: Path) -> None:
    for words, code in ((["stacks/neat.yaml"], 0), (["--check", "stacks/messy.yaml"], 1), (["stacks/messy.yaml"], 1)):
        done = in_bounds(project, "fmt", *words, variables={"STACKSPEC_UNTRUSTED": "1"})
        assert done.returncode == code, done.stderr
    assert done.stderr.startswith("error[SS0809]")
    assert (project / "stacks" / "messy.yaml").read_bytes() == BEFORE


def test_a_file_that_was_changed_meanwhile_is_left_alone(project: Path, ask: Ask) -> None:
    from stackspec.core.diagnostic import StackspecError
    from stackspec.formatting import Formatted, Formatting

    formatting = Formatting(["stacks/messy.yaml"])
    (one,) = formatting.found()
    assert isinstance(one, Formatted)
    (project / "stacks" / "messy.yaml").write_text("# newer\n")
    with pytest.raises(StackspecError, match="changed meanwhile"):
        formatting.write(one)
    assert (project / "stacks" / "messy.yaml").read_text() == "# newer\n"
    assert not list((project / "stacks").glob(".*"))


def test_nobody_is_waited_for_for_ever(project: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stackspec.rewriting.PATIENCE", 0.1)
    descriptor = os.open(project, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        answer = ask("fmt", "stacks/messy.yaml")
    finally:
        os.close(descriptor)
    assert (answer.code, "error[SS0902]: another process has kept the lock of" in answer.err) == (1, True)
    assert (project / "stacks" / "messy.yaml").read_bytes() == BEFORE
    assert ask("fmt", "stacks/messy.yaml").code == 0


@pytest.mark.parametrize(
    "text", ["one two\nthree four\n", "apiVersion: v1\nkind: [x]\n", "kind:   {Stack:   1}\n", "- kind:   Stack\n"]
)
def test_what_is_no_manifest_is_left_as_it_is(text: str, project: Path, ask: Ask) -> None:
    (project / "prose.txt").write_text(text)
    answer = ask("fmt", "prose.txt")
    assert (answer.code, "error[SS0201]" in answer.err) == (1, True)
    assert (project / "prose.txt").read_text() == text
