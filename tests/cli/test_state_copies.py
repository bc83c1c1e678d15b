"""`state pull` and `state push`, and the way out of a damaged state as a user walks it."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK
from tests.running import in_bounds


def test_what_was_pulled_can_be_pushed(applied: Path, ask: Ask) -> None:
    text = ask("state", "pull").out
    assert {one["address"] for one in json.loads(text)["components"]} == {"orchestrator/dev", "artifact_store/dev"}
    (applied / "copy.json").write_text(text)
    serial = json.loads(text)["serial"]
    answer = ask("state", "push", "copy.json")
    assert (answer.code, f"at serial {serial + 1}" in answer.out) == (0, True)
    assert "No changes" in ask("plan").out


@pytest.mark.parametrize("damage", ["gone", "garbled"])
def test_the_way_out_of_damage_is_the_command_that_is_shown(damage: str, applied: Path, ask: Ask) -> None:
    (applied / "stacks" / "dev.yaml").write_text(STACK + "    log_store: {flavor: local}\n")
    assert ask("apply", "--yes").code == 0
    state = applied / ".stackspec" / "state" / "default.db"
    if damage == "gone":
        state.unlink()
    else:
        state.write_bytes(b"\xff" * 5_000)
    for command in (["plan"], ["apply", "--yes"], ["destroy", "--yes"], ["status"]):
        answer = ask(*command)
        assert (answer.code, "error[SS0701]" in answer.err) == (1, True)
    (line,) = [line for line in answer.err.splitlines() if "stackspec state push" in line]
    words = shlex.split(line.partition("stackspec ")[2])
    assert ask(*words).code == 0
    assert "No changes: 3 components" in ask("plan").out
    assert ask("destroy", "--yes").code == 0


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda text: "notes", "it is no exported state"),
        (lambda text: text.replace("orchestrator", "orchestrater"), "it is damaged"),
        (lambda text: text.replace('"format":1', '"format":9'), "written by a newer stackspec"),
    ],
)
def test_what_is_no_state_is_refused(edit: object, told: str, applied: Path, ask: Ask) -> None:
    assert callable(edit)
    (applied / "copy.json").write_text(edit(ask("state", "pull").out))
    before = ask("state", "pull").out
    answer = ask("state", "push", "copy.json")
    assert (answer.code, "error[SS0707]" in answer.err, told in answer.err) == (1, True, True)
    assert ask("state", "pull").out == before


def test_another_lineage_needs_force(applied: Path, ask: Ask, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "stacks").mkdir()
    (other / "stacks" / "dev.yaml").write_text(STACK)
    (applied / "copy.json").write_text(ask("state", "pull").out)
    assert ask("-C", str(other), "apply", "--yes").code == 0
    answer = ask("-C", str(other), "state", "push", str(applied / "copy.json"))
    assert (answer.code, "its lineage is" in answer.err) == (1, True)
    assert ask("-C", str(other), "state", "push", "--force", str(applied / "copy.json")).code == 0


@pytest.mark.parametrize("command", ["apply --yes", "state rm orchestrator/dev", "state push copy"])
def test_what_is_done_is_no_failure_though_what_guards_the_state_cannot_be_written(
    command: str, applied: Path, ask: Ask
) -> None:
    (applied / "copy").write_text(ask("state", "pull").out)
    (applied / "stacks" / "dev.yaml").write_text(STACK + "    log_store: {flavor: local}\n")
    head = applied / ".stackspec" / "state" / "default.head"
    head.unlink()
    head.mkdir()
    serial = json.loads(ask("state", "pull").out)["serial"]
    answer = ask(*command.split())
    assert (answer.code, answer.err.count("warning[SS0714]")) == (0, 1), answer.err
    assert "Is a directory" in answer.err
    assert json.loads(ask("state", "pull").out)["serial"] > serial


def test_a_json_answer_holds_what_could_not_be_kept_beside_the_state(dev: Path, ask: Ask) -> None:
    (dev / ".stackspec" / "state" / "default.head").mkdir(parents=True)
    answer = ask("apply", "--yes", "-o", "json")
    assert answer.code == 0
    assert [one["code"] for one in answer.lines[-1]["diagnostics"]] == ["SS0714"]


def test_a_project_in_a_folder_whose_name_is_no_utf_8(tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"caf\xe9")
    (root / "stacks").mkdir(parents=True)
    (root / "stacks" / "dev.yaml").write_text(STACK + "    metadata_store: {flavor: sqlite, config: {path: ./m.db}}\n")
    applied = in_bounds(root, "apply", "--yes")
    assert (applied.returncode, "Done: 3 created" in applied.stdout) == (0, True), applied.stderr
    (tmp_path / "copy.json").write_text(in_bounds(root, "state", "pull").stdout)
    pushed = in_bounds(root, "state", "push", str(tmp_path / "copy.json"))
    assert pushed.returncode == 0, pushed.stderr
    assert "No changes: 3 components" in in_bounds(root, "plan").stdout
    assert "created" in in_bounds(root, "state", "history").stdout
    assert in_bounds(root, "destroy", "--yes").returncode == 0
    assert {path.name for path in root.iterdir()} == {"stacks", ".stackspec"}
