"""What was applied once, brought back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK

LOGS = "    log_store: {flavor: local, config: {path: PATH}, depends_on: [artifact_store/dev]}\n"


@pytest.fixture
def changed(dev: Path, ask: Ask) -> Path:
    """A project whose log store moved, and then left."""
    for manifest in (STACK + LOGS.replace("PATH", "./logs"), STACK + LOGS.replace("PATH", "./moved"), STACK):
        (dev / "stacks" / "dev.yaml").write_text(manifest)
        assert ask("apply", "--yes").code == 0
    return dev


def serials(ask: Ask) -> list[int]:
    """The last serial of each run, the oldest first."""
    return [run["serial"] for run in reversed(ask("state", "history", "-o", "json").json["runs"])]


def test_each_past_can_be_brought_back(changed: Path, ask: Ask) -> None:
    first, second, third = serials(ask)
    for serial, folder in ((first, "logs"), (second, "moved"), (first, "logs")):
        plan = ask("plan", "--rollback", str(serial), "-o", "json").json
        assert plan["summary"]["create"] + plan["summary"]["replace"] == 1
        answer = ask("rollback", str(serial), "--yes")
        assert (answer.code, "Take the manifests back in git too" in answer.err) == (0, True)
        assert {path.name for path in changed.iterdir()} == {"stacks", ".stackspec", "artifacts", folder}
        assert ask("plan", "--rollback", str(serial), "--detailed-exitcode").code == 0
    assert ask("rollback", str(third), "--yes").code == 0
    assert "No changes" in ask("plan").out
    assert ask("state", "history", "-o", "json").json["runs"][0]["purpose"] == f"rollback to {third}"


def test_the_next_apply_makes_what_the_manifests_say(changed: Path, ask: Ask) -> None:
    assert ask("rollback", str(serials(ask)[0]), "--yes").code == 0
    assert ask("plan", "-o", "json").json["summary"]["delete"] == 1


def test_what_has_another_name_since_moves_back(dev: Path, ask: Ask) -> None:
    assert ask("apply", "--yes").code == 0
    before = ask("state", "show", "artifact_store/dev", "-o", "json").json
    assert ask("state", "mv", "artifact_store/dev", "artifact_store/data").code == 0
    assert ask("rollback", str(serials(ask)[0]), "--yes").code == 0
    after = ask("state", "show", "artifact_store/dev", "-o", "json").json
    assert (after["identity"], after["outputs"]) == (before["identity"], before["outputs"])
    assert "No changes" in ask("plan").out


def test_what_has_another_name_since_is_not_deleted_for_what_has_its_own(dev: Path, ask: Ask) -> None:
    assert ask("apply", "--yes").code == 0
    assert ask("state", "mv", "artifact_store/dev", "artifact_store/data").code == 0
    manifest = (dev / "stacks" / "dev.yaml").read_text()
    (dev / "stacks" / "dev.yaml").write_text(manifest.replace("./artifacts", "./others"))
    assert ask("apply", "--yes", "--target", "artifact_store/dev").code == 0
    answer = ask("rollback", str(serials(ask)[0]), "--yes")
    assert (answer.code, "error[SS0508]: artifact_store/dev of then is artifact_store/data now" in answer.err) == (
        1,
        True,
    )
    assert ask("state", "mv", "artifact_store/dev", "artifact_store/newer").code == 0
    assert ask("rollback", str(serials(ask)[0]), "--yes").code == 0
    assert (dev / "artifacts").is_dir()
    assert not (dev / "others").exists()


def test_in_the_middle_of_a_run_as_well(dev: Path, ask: Ask) -> None:
    (dev / "stacks" / "dev.yaml").write_text(STACK + LOGS.replace("PATH", "./logs"))
    assert ask("apply", "--yes", "--parallelism", "1").code == 0
    last = serials(ask)[0]
    held = [len(ask("plan", "--rollback", str(serial), "-o", "json").json["changes"]) for serial in range(1, last + 1)]
    assert held == sorted(held, reverse=True)  # ever fewer have to go
    assert held[-1] == 0


def test_a_rollback_obeys_what_protects_components_now(changed: Path, ask: Ask) -> None:
    (changed / "stacks" / "dev.yaml").write_text(
        STACK + LOGS.replace("PATH}", "./kept}, lifecycle: {prevent_destroy: true}")
    )
    assert ask("apply", "--yes").code == 0
    answer = ask("rollback", str(serials(ask)[2]), "--yes")
    assert (answer.code, "error[SS0501]" in answer.err) == (1, True)
    assert (changed / "kept").is_dir()


def test_a_rollback_neither_replaces_nor_unprotects_what_is_protected_now(dev: Path, ask: Ask) -> None:
    logs = "    log_store: {flavor: local, config: {path: PATH, delete_data: true}LIFE}\n"
    for path, life in (("./one", ""), ("./two", ""), ("./two", ", lifecycle: {prevent_destroy: true}")):
        (dev / "stacks" / "dev.yaml").write_text(STACK + logs.replace("PATH", path).replace("LIFE", life))
        assert ask("apply", "--yes").code == 0
    (dev / "two" / "precious").write_text("kept")
    first, second, _ = serials(ask)
    answer = ask("rollback", str(first), "--yes")
    assert (answer.code, "error[SS0501]" in answer.err) == (1, True)
    assert ask("rollback", str(second), "--yes").code == 0
    assert ask("state", "show", "log_store/dev", "-o", "json").json["lifecycle"]["prevent_destroy"]
    assert (dev / "two" / "precious").exists()


@pytest.mark.parametrize(
    ("serial", "told"),
    [
        ("99", "error[SS0712]: what 'default' held at serial 99 is not known"),
        ("0", "error[SS0712]"),
        ("x", "error[SS0901]"),
    ],
)
def test_a_serial_that_is_not_known(changed: Path, ask: Ask, serial: str, told: str) -> None:
    answer = ask("rollback", serial, "--yes")
    assert (answer.code, told in answer.err) == (1, True)


def test_nothing_was_applied(dev: Path, ask: Ask) -> None:
    answer = ask("plan", "--rollback", "1")
    assert (answer.code, "nothing was applied yet" in answer.err) == (1, True)


def test_it_can_be_saved(changed: Path, ask: Ask) -> None:
    assert ask("plan", "--rollback", str(serials(ask)[0]), "--out", "back.plan").code == 0
    assert ask("apply", "back.plan").code == 0
    assert (changed / "logs").is_dir()
