"""What an agent cannot begin with: told as a diagnostic, exit code 1, nothing written."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents import Begin
from tests.repositories import Forge, git
from tests.running import in_process


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


CASES = {
    "a ref that is not there": ("--repo {forge} --ref nope", "SS1302", "its branches: main"),
    "a ref that can be none": ("--repo {forge} --ref a..b", "SS1302", "cannot be the name of a ref"),
    "an option in a ref's place": ("--repo {forge} --ref=--upload-pack=touch", "SS1302", "has no branch or tag"),
    "a folder that is no repository": ("--repo {tmp}", "SS1301", "does not appear to be a git repository"),
    "a repository that is not there": ("--repo {tmp}/nowhere", "SS1301", "does not"),
    "an address where nobody listens": ("--repo http://127.0.0.1:1/x.git", "SS1301", "127.0.0.1"),
    "an address that runs a program": ("--repo ext::touch%20{tmp}/ran", "SS1301", "ext"),
    "a folder without a project": ("", "SS0112", "no project"),
    "an address that is in use": ("--repo {forge} --listen 127.0.0.1:{taken}", "SS1304", "in use"),
    "an address that is none": ("--repo {forge} --listen here", "SS1304", "no address"),
    "a port that is none": ("--repo {forge} --listen 65536", "SS1304", "no address"),
    "a port of many digits": (f"--repo {{forge}} --listen {'1' * 5_000}", "SS1304", "no address"),
    "a host that is none": ("--repo {forge} --listen ..:9464", "SS1304", "no name of a host"),
    "a host with a long name": (f"--repo {{forge}} --listen {'a' * 64}:9464", "SS1304", "no name of a host"),
    "a folder to work in that is not there": ("--repo {forge} --work-dir nowhere", "SS0704", "nowhere"),
    "an interval of nothing": ("--repo {forge} --interval 0", "SS0901", "interval"),
}


@pytest.mark.parametrize("case", CASES)
def test_is_told_and_nothing_is_written(
    case: str, forge: Forge, taken: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments, code, told = CASES[case]
    words = arguments.format(forge=forge.path, tmp=tmp_path, taken=taken).split()
    (tmp_path / "work").mkdir()
    assert in_process(["-C", str(tmp_path / "work"), "reconcile", *words]) == 1
    said = capfd.readouterr().err
    assert said.startswith(f"error[{code}]")
    assert told in said
    assert list((tmp_path / "work").iterdir()) == []
    assert not (tmp_path / "ran").exists()


def test_a_repository_without_a_project_is_refused_at_once(tmp_path: Path, agent: Begin) -> None:
    forge = Forge.make(tmp_path / "empty")
    forge.push({"README": "nothing here"})
    one = agent("--repo", str(forge.path))
    assert one.code() == 1
    assert "error[SS1305]" in one.other


def test_a_folder_in_use_is_refused(forge: Forge, agent: Begin) -> None:
    agent("--repo", str(forge.path)).wait("looked")
    other = agent("--repo", str(forge.path))
    assert other.code() == 1
    assert "error[SS1303]: another agent works in" in other.other


def test_an_environment_that_is_not_declared_is_refused(forge: Forge, agent: Begin) -> None:
    one = agent("--repo", str(forge.path), "--once", "-e", "prod")
    assert one.code() == 1
    assert one.wait("commit-refused")["diagnostics"][0]["code"] == "SS0407"
    assert one.wait("looked", environment="prod", condition="failed")["diagnostics"][0]["code"] == "SS0407"


def test_a_ref_that_goes_is_told_and_what_was_there_is_kept(forge: Forge, agent: Begin) -> None:
    git(forge.clone, "push", "--quiet", "origin", "HEAD:release")
    one = agent("--repo", str(forge.path), "--interval", "1", "--ref", "release")
    one.wait("looked", condition="in-line")
    git(forge.clone, "push", "--quiet", "origin", ":release")
    assert one.wait("source-lost")["diagnostics"][0]["code"] == "SS1302"
    one.again("looked", condition="in-line")
    git(forge.clone, "push", "--quiet", "origin", "HEAD:release")
    one.wait("source-back")


def test_a_folder_is_of_one_repository(forge: Forge, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work"
    work.mkdir()
    once = ["-C", str(work), "reconcile", "--once", "--repo"]
    assert in_process([*once, str(forge.path)]) == 0
    there = sorted(str(one) for one in work.rglob("*"))
    for words, code in (([str(tmp_path / "other")], "SS1303"), ([str(forge.path), "--ref", "nope"], "SS1302")):
        capfd.readouterr()
        assert in_process([*once, *words]) == 1
        assert capfd.readouterr().err.startswith(f"error[{code}]")
    assert sorted(str(one) for one in work.rglob("*")) == there


def test_a_repository_is_told_by_where_it_is_and_not_by_how_it_is_called(
    forge: Forge, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        shutil.copytree(forge.path, tmp_path / name / "r")
    (tmp_path / "work").mkdir()
    words = ["reconcile", "--once", "--work-dir", "../work", "--repo", "r"]
    assert in_process(["-C", str(tmp_path / "a"), *words]) == 0
    capfd.readouterr()
    assert in_process(["-C", str(tmp_path / "b"), *words]) == 1
    said = capfd.readouterr().err
    assert said.startswith("error[SS1303]")
    assert f"{tmp_path / 'a' / 'r'} at main" in said


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[]", b'{"format": 2}', b'{"format": 1, "good": null, "told": {}, "repository": 1}']
)
def test_a_damaged_record_is_no_new_beginning(
    data: bytes, forge: Forge, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "work" / ".stackspec" / "reconcile" / "agent.json"
    record.parent.mkdir(parents=True)
    record.write_bytes(data)
    assert in_process(["-C", str(tmp_path / "work"), "reconcile", "--once", "--repo", str(forge.path)]) == 1
    assert capfd.readouterr().err.startswith(f"error[SS1303]: {record} is damaged")
    assert list(record.parent.iterdir()) == [record]
