"""A replacement with the new one first, as a user sees it: while it goes well, and while the old one is in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stackspec.project import Project
from tests.cli.conftest import Ask

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store:
      flavor: local
      config: {path: ./PATH, delete_data: true}
      lifecycle: {create_before_destroy: true}
    metadata_store:
      flavor: sqlite
      config: {path: ./metadata.db}
      environment: {STORE: "{{ components.artifact_store.outputs.uri }}"}
"""


def write(root: Path, path: str) -> None:
    (root / "stacks").mkdir(exist_ok=True)
    (root / "stacks" / "dev.yaml").write_text(STACK.replace("PATH", path))


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask) -> Path:
    """A project in which the old artifact store could not be removed: another component has a directory inside it."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "old")
    assert ask("apply", "--yes").code == 0
    (tmp_path / "old" / "theirs").mkdir()
    (tmp_path / "old" / "theirs" / ".stackspec-owner.json").write_text('{"identity": "another", "address": "x/y"}')
    write(tmp_path, "new")
    answer = ask("apply", "--yes")
    assert answer.code == 1
    assert "artifact_store/dev: deprovision failed" in answer.err
    return tmp_path


def identity(root: Path) -> str:
    (found,) = Project.open(root).store("default").read().deposed
    return found


def test_new_before_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "old")
    assert ask("apply", "--yes").code == 0
    write(tmp_path, "new")
    (change,) = ask("plan", "-o", "json").json["changes"]
    assert (change["action"], change["create_before_destroy"], change["deposed"]) == ("replace", True, None)
    told = [line for line in ask("apply", "--yes", "-o", "json").lines if line["event"] == "succeeded"]
    done = [(line["address"], line["operation"]) for line in told]
    assert done == [("artifact_store/dev", "provision"), ("artifact_store/dev", "deprovision")]
    assert (tmp_path / "new").is_dir()
    assert not (tmp_path / "old").exists()
    assert "No changes" in ask("plan").out


def test_what_is_left_is_told_everywhere(left: Path, ask: Ask) -> None:
    one = identity(left)
    assert (left / "new").is_dir()
    plan = ask("plan")
    assert f"  - artifact_store/dev deposed {one} (local)" in plan.out
    assert "a new one has taken its place; deprovision failed before: " in plan.out
    (change,) = ask("plan", "-o", "json").json["changes"]
    assert (change["action"], change["deposed"]) == ("delete", one)
    assert ask("plan", "--detailed-exitcode").code == 2
    assert f"artifact_store/dev: deposed {one} is still to be removed: " in ask("status").out
    (told,) = ask("status", "-o", "json").json["deposed"]
    assert (told["address"], told["identity"]) == ("artifact_store/dev", one)
    assert f"artifact_store/dev deposed {one}\n" in ask("state", "list").out
    rows = ask("state", "list", "-o", "json").json["components"]
    assert {row["address"]: row["deposed"] for row in rows}["artifact_store/dev"] == [one]
    shown = ask("state", "show", "artifact_store/dev", "-o", "json").json
    assert shown["config"]["path"] == "./new"
    assert [owed["component"]["config"]["path"] for owed in shown["deposed"]] == ["./old"]


def test_the_next_apply_removes_it(left: Path, ask: Ask) -> None:
    assert ask("apply", "--yes").code == 1  # it is still in the way
    (left / "old" / "theirs" / ".stackspec-owner.json").unlink()
    answer = ask("apply", "--yes")
    assert (answer.code, "1 deleted" in answer.out) == (0, True)
    assert not (left / "old").exists()
    assert "No changes" in ask("plan").out


def test_a_destroy_removes_both(left: Path, ask: Ask) -> None:
    (left / "old" / "theirs" / ".stackspec-owner.json").unlink()
    assert ask("destroy", "--yes").code == 0
    assert {path.name for path in left.iterdir()} == {"stacks", ".stackspec"}
    assert Project.open(left).store("default").read().is_empty


def test_going_back_to_where_the_old_one_still_is(left: Path, ask: Ask) -> None:
    (left / "old" / "theirs" / ".stackspec-owner.json").unlink()
    write(left, "old")
    assert ask("apply", "--yes").code == 0
    assert (left / "old").is_dir()
    assert not (left / "new").exists()
    assert "No changes" in ask("plan").out


def test_pulled_and_pushed_it_is_still_there(left: Path, ask: Ask) -> None:
    text = ask("state", "pull").out
    assert [owed["component"]["identity"] for owed in json.loads(text)["deposed"]] == [identity(left)]
    (left / "copy.json").write_text(text)
    before = Project.open(left).store("default").read()
    assert ask("state", "push", "copy.json").code == 0
    after = Project.open(left).store("default").read()
    assert (after.deposed, after.components) == (before.deposed, before.components)


def test_history_tells_of_the_component_and_goes_back_before_it(left: Path) -> None:
    store = Project.open(left).store("default")
    second, first = store.history()
    changes = {str(address): word for address, word in second.changes.items()}
    assert changes == {"artifact_store/dev": "changed", "metadata_store/dev": "changed"}
    then = store.read_at(first.last)
    assert {str(one.address): one.config.get("path") for one in then.components.values()}[
        "artifact_store/dev"
    ] == "./old"
    now = store.read()
    assert dict(store.read_at(now.serial).components) == dict(now.components)


def test_an_environment_is_not_empty_while_one_is_left(left: Path, ask: Ask) -> None:
    write(left, "new")
    (left / "stacks" / "dev.yaml").unlink()
    assert "error[SS0503]" in ask("plan").err
