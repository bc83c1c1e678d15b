"""What programs read: the shapes of SPEC's chapter 6, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK

PLAN = [
    "format_version",
    "environment",
    "untrusted",
    "protected",
    "protection",
    "serial",
    "lineage",
    "summary",
    "since",
    "moves",
    "changes",
    "diagnostics",
]
CHANGE = [
    "address",
    "action",
    "flavor",
    "stacks",
    "source",
    "reason",
    "fields",
    "recorded",
    "create_before_destroy",
    "deposed",
]
FIELD = ["path", "before", "after", "sensitive", "requires_replacement", "secrets"]
SOURCE = ["file", "line", "column", "end_line", "end_column"]
DIAGNOSTIC = ["severity", "code", "message", "hint", "source"]


def test_a_plan(dev: Path, ask: Ask) -> None:
    plan = ask("plan", "-o", "json").json
    assert list(plan) == PLAN
    assert (plan["format_version"], plan["environment"], plan["serial"], plan["diagnostics"]) == (
        "1.0",
        "default",
        0,
        [],
    )
    assert {"create", "update", "replace", "delete", "no-op"} <= set(plan["summary"])
    assert plan["summary"]["create"] == 2
    change = next(one for one in plan["changes"] if one["address"] == "artifact_store/dev")
    assert list(change) == CHANGE
    assert (change["action"], change["flavor"], change["stacks"]) == ("create", "local", ["dev"])
    assert change["reason"] == "not in the applied state"
    assert list(change["source"]) == SOURCE
    assert (change["source"]["file"], change["source"]["line"], change["source"]["column"]) == (
        "stacks/dev.yaml",
        7,
        21,
    )
    field = next(one for one in change["fields"] if one["path"] == "config.path")
    assert list(field) == FIELD
    assert field == {
        "path": "config.path",
        "before": None,
        "after": "./artifacts",
        "sensitive": False,
        "requires_replacement": False,
        "secrets": [],
    }


def test_a_plan_leaves_unchanged_components_out_unless_all_are_asked_for(applied: Path, ask: Ask) -> None:
    plan = ask("plan", "-o", "json").json
    assert (plan["changes"], plan["summary"]["no-op"]) == ([], 2)
    assert plan["lineage"]
    plan = ask("plan", "-o", "json", "--all").json
    assert [change["action"] for change in plan["changes"]] == ["no-op", "no-op"]


def test_a_change(applied: Path, ask: Ask) -> None:
    (applied / "stacks" / "dev.yaml").write_text(STACK.replace("./artifacts", "./moved"))
    (change,) = ask("plan", "-o", "json").json["changes"]
    assert change["action"] == "replace"
    (field,) = change["fields"]
    assert (field["before"], field["after"], field["requires_replacement"]) == ("./artifacts", "./moved", True)


@pytest.mark.parametrize("command", [["validate"], ["plan"], ["apply", "--yes"], ["destroy", "--yes"]])
def test_errors_are_diagnostics_on_standard_output(command: list[str], dev: Path, ask: Ask) -> None:
    (dev / "stacks" / "dev.yaml").write_text(STACK.replace("local}", "locl}"))
    answer = ask(*command, "-o", "json")
    assert (answer.code, answer.err) == (1, "")
    (diagnostic,) = answer.json["diagnostics"]
    assert list(diagnostic) == DIAGNOSTIC
    assert (diagnostic["severity"], diagnostic["code"]) == ("error", "SS0208")
    assert diagnostic["hint"] == "did you mean 'local'?"
    assert list(diagnostic["source"]) == SOURCE
    assert list(diagnostic["source"].values()) == ["stacks/dev.yaml", 6, 28, 6, 32]


@pytest.mark.parametrize(("text", "valid"), [(STACK, True), (STACK.replace("local}", "locl}"), False), ("", True)])
def test_validate(text: str, valid: bool, dev: Path, ask: Ask) -> None:
    (dev / "stacks" / "dev.yaml").write_text(text)
    answer = ask("validate", "-o", "json")
    assert list(answer.json) == ["valid", "diagnostics"]
    assert answer.json["valid"] is valid
    assert answer.code == (not valid)


def test_validate_where_there_is_no_project(tmp_path: Path, ask: Ask) -> None:
    answer = ask("-C", str(tmp_path), "validate", "-o", "json")
    assert list(answer.json) == ["valid", "diagnostics"]
    assert answer.json["valid"] is False


def test_apply_tells_one_event_a_line_and_last_the_summary(dev: Path, ask: Ask) -> None:
    answer = ask("apply", "--yes", "-o", "json")
    assert (answer.code, answer.err) == (0, "")
    *events, summary = answer.lines
    assert {event["event"] for event in events} == {"started", "succeeded"}
    assert {event["address"] for event in events} == {"orchestrator/dev", "artifact_store/dev"}
    assert summary["event"] == "summary"
    assert (summary["summary"], summary["failed"], summary["diagnostics"]) == ({"create": 2}, 0, [])
    assert [event["event"] for event in ask("apply", "-o", "json").lines] == ["summary"]
    assert ask("destroy", "--yes", "-o", "json").lines[-1]["summary"] == {"delete": 2}


def test_apply_that_cannot_begin_is_one_line_too(dev: Path, ask: Ask) -> None:
    (event,) = ask("apply", "-o", "json").lines
    assert event["event"] == "error"
    assert [one["code"] for one in event["diagnostics"]] == ["SS0603"]


def test_a_failed_hook_is_in_the_summary(dev: Path, ask: Ask) -> None:
    (dev / "artifacts").write_text("a file in the place of the directory")
    answer = ask("apply", "--yes", "-o", "json")
    assert answer.code == 1
    *events, summary = answer.lines
    assert "failed" in {event["event"] for event in events}
    assert summary["failed"] == 1
    assert [one["code"] for one in summary["diagnostics"]] == ["SS0601"]


def test_status(applied: Path, ask: Ask) -> None:
    status = ask("status", "-o", "json").json
    assert list(status) == ["format_version", "environment", "serial", "lineage", "components", "pending", "deposed"]
    component = next(one for one in status["components"] if one["address"] == "artifact_store/dev")
    assert component["provisioned"] is True
    assert component["error"] is False
    assert component["outputs"]["uri"].endswith("/artifacts")


def test_state_list(applied: Path, ask: Ask) -> None:
    document = ask("state", "list", "-o", "json").json
    rows: list[dict[str, Any]] = document["components"]
    row = {
        "address": "orchestrator/dev",
        "flavor": "local",
        "stacks": ["dev"],
        "applied": True,
        "pending": None,
        "deposed": [],
    }
    assert row in rows
    assert ask("state", "list").out.splitlines() == [row["address"] for row in rows]


def test_what_never_came_to_be_is_in_the_state_too(dev: Path, ask: Ask) -> None:
    (dev / "artifacts").write_text("a file in the place of the directory")
    assert ask("apply", "--yes", "--target", "artifact_store/dev").code == 1
    (row,) = ask("state", "list", "-o", "json").json["components"]
    assert (row["address"], row["applied"], row["pending"]) == ("artifact_store/dev", False, "provision")
    assert ask("state", "list").out == "artifact_store/dev\n"
    pending = ask("state", "show", "artifact_store/dev", "-o", "json").json["pending"]
    assert (pending["operation"], pending["component"]["config"]["path"]) == ("provision", "./artifacts")
    assert "is not a directory" in pending["failure"]
    (dev / "stacks" / "dev.yaml").unlink()
    assert "holds 1" in ask("plan").err


def test_state_show(applied: Path, ask: Ask) -> None:
    record = ask("state", "show", "artifact_store/dev", "-o", "json").json
    assert record["config"]["path"] == "./artifacts"
    assert "path: ./artifacts" in ask("state", "show", "artifact_store/dev").out
    answer = ask("state", "show", "artifact_store/dve", "-o", "json")
    assert answer.code == 1
    assert [one["code"] for one in answer.json["diagnostics"]] == ["SS0705"]
    assert answer.json["diagnostics"][0]["hint"] == "did you mean 'artifact_store/dev'?"


def test_version(ask: Ask) -> None:
    from stackspec import __version__

    assert ask("version", "-o", "json").json == {"version": __version__}
    assert ask("--version").out == ask("version").out == f"stackspec {__version__}\n"


def test_an_empty_state(dev: Path, ask: Ask) -> None:
    assert ask("status", "-o", "json").json["components"] == []
    assert ask("state", "list", "-o", "json").json["components"] == []
    assert not (dev / ".stackspec").exists()
