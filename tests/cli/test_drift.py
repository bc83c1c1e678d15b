"""What is really there against what was applied: told by `drift`, mended with `--refresh`."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK

DATABASE = "    metadata_store: {flavor: sqlite, config: {path: ./m.db}IGNORED}\n"


@pytest.fixture
def kept(dev: Path, ask: Ask) -> Path:
    """A project with a database, applied."""
    (dev / "stacks" / "dev.yaml").write_text(STACK + DATABASE.replace("IGNORED", ""))
    assert ask("apply", "--yes").code == 0
    return dev


def set_mode(database: Path, mode: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode,)


def test_nothing_differs(kept: Path, ask: Ask) -> None:
    answer = ask("drift")
    assert (answer.code, answer.out) == (0, "No drift: 3 components as applied in 'default'.\n")


def test_what_differs_is_told_and_mended(kept: Path, ask: Ask) -> None:
    shutil.rmtree(kept / "artifacts")
    set_mode(kept / "m.db", "delete")
    answer = ask("drift")
    assert answer.code == 2
    assert "Drift in 'default': 1 missing, 1 different, 1 as applied." in answer.out
    assert 'config.journal_mode  "wal" → "delete"' in answer.out
    serial = ask("state", "list", "-o", "json").json["serial"]
    document = ask("drift", "-o", "json").json
    assert document["summary"] == {"missing": 1, "different": 1, "unknown": 0, "unfinished": 0, "as-applied": 1}
    (missing, different) = document["drift"]
    assert (missing["address"], missing["missing"]) == ("artifact_store/dev", True)
    assert different["fields"] == [
        {"path": "config.journal_mode", "applied": "wal", "real": "delete", "sensitive": False}
    ]
    assert "No changes" in ask("plan").out
    assert ask("plan", "--refresh", "--detailed-exitcode").code == 2
    assert ask("state", "list", "-o", "json").json["serial"] == serial  # looking writes nothing
    assert ask("apply", "--refresh", "--yes").code == 0
    assert (kept / "artifacts").is_dir()
    assert ask("drift").code == 0


def test_what_is_not_finished_is_told(dev: Path, ask: Ask) -> None:
    (dev / "artifacts").write_text("in the way")
    assert ask("apply", "--yes", "--target", "artifact_store/dev").code == 1
    answer = ask("drift")
    assert (answer.code, "Nothing is applied" in answer.out) == (2, False)
    assert "! artifact_store/dev (local)\n      provision is not done: " in answer.out
    assert "Drift in 'default': 1 unfinished.\nTo have it finished: stackspec apply\n" in answer.out
    document = ask("drift", "-o", "json").json
    assert document["summary"]["unfinished"] == 1
    assert document["unfinished"][0]["operation"] == "provision"


def test_a_change_taken_over_into_the_manifest_is_only_recorded(kept: Path, ask: Ask) -> None:
    set_mode(kept / "m.db", "delete")
    manifest = kept / "stacks" / "dev.yaml"
    manifest.write_text(manifest.read_text().replace("path: ./m.db", "path: ./m.db, journal_mode: delete"))
    answer = ask("apply", "--refresh", "--yes")
    assert "State takes over, without a hook: metadata_store/dev (config)." in answer.out
    assert ask("drift").code == 0


def test_what_the_lifecycle_ignores_is_no_drift(dev: Path, ask: Ask) -> None:
    ignored = ", lifecycle: {ignore_changes: [config.journal_mode]}"
    (dev / "stacks" / "dev.yaml").write_text(STACK + DATABASE.replace("IGNORED", ignored))
    assert ask("apply", "--yes").code == 0
    set_mode(dev / "m.db", "delete")
    assert ask("drift").code == 0
    assert "No changes" in ask("plan", "--refresh").out


def test_what_cannot_be_looked_at_is_an_error(kept: Path, ask: Ask, tmp_path_factory: pytest.TempPathFactory) -> None:
    shutil.rmtree(kept / "artifacts")
    (kept / "artifacts").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    answer = ask("drift")
    assert answer.code == 1
    assert "error[SS0610]: artifact_store/dev could not be looked at: the path './artifacts' leads to" in answer.err
    assert "Drift in 'default': 1 unknown, 2 as applied." in answer.out
    assert ask("drift", "-o", "json").json["diagnostics"][0]["code"] == "SS0610"


def test_a_plan_goes_by_the_record_where_it_cannot_look(dev: Path, ask: Ask) -> None:
    slow = ", journal_mode: delete}, timeouts: {observe: 200ms}"
    (dev / "stacks" / "dev.yaml").write_text(STACK + DATABASE.replace("}IGNORED", slow))
    assert ask("apply", "--yes").code == 0
    with closing(sqlite3.connect(dev / "m.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        answer = ask("plan", "--refresh")
    assert "warning[SS0610]: metadata_store/dev could not be looked at: cannot use the database" in answer.err
    assert (answer.code, "No changes" in answer.out) == (0, True)


def test_nothing_is_applied(dev: Path, ask: Ask) -> None:
    answer = ask("drift")
    assert (answer.code, answer.out) == (0, "Nothing is applied in 'default'.\n")
