"""The key under which secrets are told apart, handed from a machine to others."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackspec.project import Project
from tests.secrets.flavors import REGISTRY

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: vault, config: {password: "{{ secrets.db.password }}"}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: db}
spec: {store: env, keys: {password: DB_PASSWORD}}
"""


def opened(root: Path) -> Project:
    return Project.open(root, registry=REGISTRY)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is applied, with a key of its own."""
    project = tmp_path / "project"
    (project / "stacks").mkdir(parents=True)
    (project / "stacks" / "dev.yaml").write_text(STACK)
    monkeypatch.setenv("DB_PASSWORD", "hush-hush")
    made = opened(project)
    assert made.apply(made.plan()).failed == []
    return project


@pytest.mark.parametrize("after", ["", "\n", "\r\n"])
def test_what_the_file_holds_is_the_same_key_in_the_variable(
    after: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = root / ".stackspec" / "secrets.key"
    monkeypatch.setenv("STACKSPEC_SECRETS_KEY", key.read_text().strip() + after)
    key.unlink()
    planned = opened(root).plan()
    assert (planned.diagnostics, planned.plan.has_steps) == ((), False)
    (address,) = (one for one in planned.desired.components if one.type == "artifact_store")
    assert len(opened(root).outputs(address, None, reveal=True)["token"]) == 32


def test_any_other_text_is_another_key(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (root / ".stackspec" / "secrets.key").read_text().strip()
    for other in (text.upper(), text[:-1], f"{text}0", "k" * 64):
        monkeypatch.setenv("STACKSPEC_SECRETS_KEY", other)
        assert [one.code for one in opened(root).plan().diagnostics] == ["SS0806"], other
