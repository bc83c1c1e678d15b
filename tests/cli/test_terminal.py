"""What a terminal would act on never reaches it raw, wherever the text came from; what has lines is shown in lines."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from stackspec.core.address import ComponentAddress
from stackspec.project import Project
from stackspec.state.model import Operation, PendingOperation
from stackspec.state.run import Run
from stackspec.state.store import Begin, Finish
from tests.cli.conftest import Ask
from tests.cli.hostile import STACK
from tests.cli.test_hostile_files import UNSAFE

EVIL = "\x1b]0;owned\x07\x1b[2J\x7f\x9b\u202e\u2066\u200b"
LINES = "the server ended before it was ready:\nTraceback\n  at \x1b[2Jmain\nerror[SS0000]: forged"
ARTIFACTS = ComponentAddress("artifact_store", "dev")


@pytest.fixture
def evil_state(applied: Path) -> Path:
    """An applied project whose state somebody else wrote."""
    store = Project.open(applied).store("default")
    artifacts = store.read().components[ARTIFACTS]
    evil = {EVIL: EVIL, "uri": EVIL}
    changed = replace(artifacts, flavor=EVIL, outputs=evil, config=evil, labels=evil, variables=evil, stacks=(EVIL,))
    with store.lock(Run.of_this_process("test")):
        store.commit([Finish(ARTIFACTS, changed)])
        store.commit([Begin(PendingOperation(Operation.UPDATE, changed, EVIL))])
    return applied


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(
    "arguments",
    ["plan --all", "plan --destroy", "status", "state list", "state show artifact_store/dev", "apply --yes"],
)
def test_of_a_state(arguments: str, output: str, evil_state: Path, ask: Ask) -> None:
    answer = ask(*arguments.split(), "-o", output)
    assert not UNSAFE.search(answer.out + answer.err)
    (evil_state / "stacks" / "dev.yaml").write_text(STACK.replace("    artifact_store: {f", "    log_store: {f"))
    assert not UNSAFE.search("".join(map(str, ask("plan", "-o", output))))


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--target", EVIL],
        ["plan", "--replace", f"artifact_store/{EVIL}"],
        ["plan", "--stack", EVIL],
        ["plan", "-e", EVIL],
        ["plan", "-f", EVIL],
        ["plan", "-o", EVIL],
        ["plan", f"--{EVIL}"],
        ["validate", EVIL],
        ["-C", EVIL, "plan"],
        ["apply", "--approve", EVIL],
        ["state", "show", EVIL],
        ["state", EVIL],
        ["schema", EVIL],
        ["schema", "--write", EVIL],
        ["init", EVIL],
        [EVIL],
    ],
)
def test_of_arguments(arguments: list[str], dev: Path, ask: Ask) -> None:
    answer = ask(*arguments)
    assert not UNSAFE.search(answer.out + answer.err)
    assert "SS0999" not in answer.err


@pytest.mark.parametrize("output", ["text", "json"])
def test_of_file_names(output: str, dev: Path, ask: Ask) -> None:
    (dev / "stacks" / f"{EVIL}.yaml").write_text(STACK.replace("dev", "two").replace("local,", "locl,"))
    for command in ("validate", "plan"):
        answer = ask(command, "-o", output)
        assert answer.code == 1
        assert "SS0208" in answer.err + answer.out
        assert not UNSAFE.search(answer.out + answer.err)


def test_of_a_bug(dev: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError(EVIL)

    monkeypatch.setattr(Project, "plan", broken)
    answer = ask("-v", "plan")
    assert "Traceback" in answer.err
    assert not UNSAFE.search(answer.err)


def test_a_message_of_several_lines_is_shown_in_lines(applied: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    from stackspec.flavors.artifact_store.local import LocalArtifactStore
    from stackspec.flavors.contract import HookError

    def broken(_: object) -> None:
        raise HookError(LINES)

    for hook in ("provision", "deprovision", "observe"):
        monkeypatch.setattr(LocalArtifactStore, hook, broken)
    apply = ask("apply", "--yes", "--replace", str(ARTIFACTS))
    shown = LINES.replace("\x1b", "\\u001b").splitlines()
    assert "\n    ".join([shown[0], *shown[1:]]) + "\n" in apply.err
    assert apply.err.count("\nerror[") == 1
    assert f"{ARTIFACTS}: deprovision failed: the server ended before it was ready\n" in apply.err
    assert "deprovision failed before: the server ended before it was ready\n" in ask("plan").out
    status = ask("status").out
    assert re.search(r"^artifact_store/dev .* the server ended before it was ready$", status, re.MULTILINE)
    assert "deprovision did not end well: the server ended before it was ready\n" in status
    failed = ask("apply", "--yes", "-o", "json").lines
    assert [one["message"] for one in failed if one["event"] == "failed"] == [LINES]
    assert LINES in failed[-1]["diagnostics"][0]["message"]
