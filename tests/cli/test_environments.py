"""Environments that come and go, and what their states still hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK

DEV = "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: dev}\nspec: {protected: PROTECTED}\n"

GUARDED = "orchestrator: {flavor: local, lifecycle: {prevent_destroy: GUARD}}"


@pytest.fixture
def moved(applied: Path) -> Path:
    """A project that was applied before it had any Environment, and has one now."""
    (applied / "stackspec.yaml").write_text(DEV.replace("PROTECTED", "false"))
    return applied


def test_what_a_former_environment_holds_is_told(moved: Path, ask: Ask) -> None:
    answer = ask("plan")
    assert "2 to create" in answer.out
    assert (
        "warning[SS0706]: no Environment 'default' is declared, and 2 of its components are still there" in answer.err
    )
    assert "stackspec destroy -e default" in answer.err
    (failed,) = [line for line in ask("apply", "--yes").err.splitlines() if line.startswith("error")]
    assert "belongs to another component, artifact_store/dev of the environment 'default'" in failed


def test_a_former_environment_can_be_looked_at_and_destroyed(moved: Path, ask: Ask) -> None:
    assert "artifact_store/dev" in ask("status", "-e", "default").out
    assert "artifact_store/dev" in ask("state", "list", "-e", "default").out
    assert ask("state", "show", "artifact_store/dev", "-e", "default").code == 0
    refused = ask("apply", "--yes", "-e", "default")
    assert (refused.code, "error[SS0407]" in refused.err) == (1, True)
    assert "stackspec destroy -e default" in refused.err
    assert "2 to delete" in ask("plan", "-e", "default", "--destroy").out
    assert ask("destroy", "--yes", "-e", "default").code == 0
    assert not (moved / "artifacts").exists()
    assert "SS0706" not in ask("plan").err
    assert ask("apply", "--yes").code == 0


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["destroy", "--yes"]], ids=" ".join)
def test_a_bad_state_of_a_former_environment_is_told_and_stops_no_other(
    command: list[str], dev: Path, ask: Ask
) -> None:
    (dev / "stackspec.yaml").write_text(DEV.replace("PROTECTED", "false"))
    assert ask("apply", "--yes").code == 0
    (dev / ".stackspec" / "state" / "old.db").write_text("junk")
    answer = ask(*command)
    assert answer.code == 0, answer.err
    assert "warning[SS0701]" in answer.err
    assert "old.db is not a good state of stackspec" in answer.err
    assert "error" not in answer.err
    refused = ask("status", "-e", "old")
    assert (refused.code, "error[SS0701]" in refused.err) == (1, True)


def test_a_protected_environment_needs_approval_for_what_only_state_records(dev: Path, ask: Ask) -> None:
    stacks = dev / "stacks" / "dev.yaml"
    (dev / "stackspec.yaml").write_text(DEV.replace("PROTECTED", "true"))
    text = STACK.replace("orchestrator: {flavor: local}", GUARDED)
    stacks.write_text(text.replace("GUARD", "true"))
    assert ask("apply", "--yes", "--approve", "dev").code == 0
    stacks.write_text(text.replace("GUARD", "false"))
    answer = ask("apply", "--yes")
    assert (answer.code, "error[SS0605]" in answer.err) == (1, True)
    assert "State takes over, without a hook: orchestrator/dev (lifecycle)." in answer.out
    serial = ask("state", "list", "-o", "json").json["serial"]
    assert ask("apply", "--approve", "dev").code == 0
    assert ask("state", "list", "-o", "json").json["serial"] == serial + 1
    assert "State takes over" not in ask("plan").out


def test_what_is_not_selected_is_not_called_unchanged(dev: Path, ask: Ask) -> None:
    assert ask("apply", "--yes").code == 0
    stacks = dev / "stacks" / "dev.yaml"
    stacks.write_text(stacks.read_text().replace("./artifacts", "./moved"))
    answer = ask("plan", "--target", "orchestrator/dev")
    assert answer.out == "No changes: 1 component, as applied in 'default'; 1 not selected.\n"
    summary = ask("plan", "--target", "orchestrator/dev", "-o", "json").json["summary"]
    assert (summary["no-op"], summary["not-selected"]) == (1, 1)
    answer = ask("plan", "--target", "orchestrator/dev", "--replace", "artifact_store/dev")
    assert "error[SS0502]: artifact_store/dev is not selected, so it is not replaced" in answer.err


def test_a_stack_of_other_environments_is_told_from_one_that_is_nowhere(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "stacks").mkdir()
    names = ("dev", "prod", "test")
    declared = "---\n".join(DEV.replace("dev}", f"{one}}}").replace("PROTECTED", "false") for one in names)
    (tmp_path / "stackspec.yaml").write_text(declared)
    (tmp_path / "stacks" / "serve.yaml").write_text(STACK.replace("spec:\n", "spec:\n  deploy_to: [prod, test]\n", 1))
    answer = ask("-C", str(tmp_path), "exec", "--stack", "dev", "-e", "dev", "--", "true")
    assert (
        "error[SS0502]: there is no stack 'dev' in the environment 'dev'\n --> stacks/serve.yaml:5:14\n" in answer.err
    )
    assert "it is in prod, test: select one by -e, or add 'dev' to its deploy_to\n" in answer.err
    nowhere = ask("-C", str(tmp_path), "exec", "--stack", "nope", "-e", "dev", "--", "true")
    assert "there is no stack 'nope' in the environment 'dev'\n" in nowhere.err
    assert "deploy_to" not in nowhere.err
