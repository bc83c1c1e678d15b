"""`down` stops what runs, and changes nothing of it, whatever its secrets are by then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import in_process

_STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./data}}
    feature_store:
      flavor: process
      config: {command: [sleep, "600"], health: null, environment: {TOKEN: "{{ secrets.db.password }}"}}
    model_registry:
      flavor: process
      config: {command: [sleep, "600"], health: null}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: db}
spec: {store: env, keys: {password: DB_PASSWORD}}
"""


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with two processes that run, one of them with a secret; the working directory is its root."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(_STACK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DB_PASSWORD", "the-first-one")
    try:
        assert in_process(["apply", "--yes"]) == 0
        yield tmp_path
    finally:
        monkeypatch.setenv("DB_PASSWORD", "the-last-one")
        assert in_process(["destroy", "--yes"]) == 0


def _actions(capfd: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What the next apply would do, by component."""
    capfd.readouterr()
    assert in_process(["plan", "-o", "json"]) in (0, 2)
    changes: list[dict[str, Any]] = json.loads(capfd.readouterr().out)["changes"]
    return {one["address"]: one["action"] for one in changes}


def test_a_rotated_secret_is_no_update(
    up: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "another-one")
    capfd.readouterr()
    assert in_process(["down", "dev", "--yes"]) == 0
    said = capfd.readouterr()
    assert "2 to suspend" in said.out + said.err
    assert "to update" not in said.out + said.err
    assert _actions(capfd)["feature_store/dev"] == "update"  # the rotation is still to be brought about


def test_an_absent_secret_keeps_nothing_else_up(
    up: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DB_PASSWORD")
    capfd.readouterr()
    assert in_process(["down", "dev", "--yes"]) == 1
    said = capfd.readouterr()
    assert "2 to suspend" in said.out + said.err
    assert "DB_PASSWORD" in said.out + said.err
    monkeypatch.setenv("DB_PASSWORD", "the-first-one")
    actions = _actions(capfd)
    assert actions["model_registry/dev"] == "resume"
