"""Secrets that stand in manifests: each is told of once, and shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackspec.project import Project
from stackspec.render.diagnostics import diagnostics_text
from stackspec.render.text import Style
from tests.secrets.flavors import REGISTRY

TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ456789"
URL = "postgresql://ada:hunter2@db.example.com/stackspec"
STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store:
      flavor: vault
      config: CONFIG
"""
PROJECT = f"""\
apiVersion: stackspec.dev/v1
kind: Project
spec: {{state: {{backend: postgres, url: "{URL}", schema: fraud}}}}
"""


def told(root: Path) -> list[tuple[str, str]]:
    """The codes and headlines of what is said, none of which holds a secret."""
    project = Project.open(root, registry=REGISTRY)
    found = project.validate()
    text = diagnostics_text(found, project.loaded.texts, Style(False))
    assert not any(secret in text for secret in (TOKEN, "hunter2")), text
    return [(one.code, one.message.partition(",")[0]) for one in found]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "value", [TOKEN, f"'{TOKEN}'", f"x {TOKEN} y", f"'{URL}'", f"|\n          {TOKEN}\n          {URL}\n"]
)
def test_a_token_in_a_sensitive_field_is_told_once(value: str, root: Path) -> None:
    (root / "stacks" / "dev.yaml").write_text(STACK.replace("CONFIG", f"\n        password: {value}"))
    assert told(root) == [("SS0808", "'config.password' is sensitive and stands in plain text")]


def test_others_on_the_same_line_are_told_too(root: Path) -> None:
    config = f"{{label: {TOKEN}, password: '{TOKEN}', url: '{URL}'}}  # {TOKEN}"
    (root / "stacks" / "dev.yaml").write_text(STACK.replace("CONFIG", config))
    assert told(root) == [
        ("SS0808", "this looks like a GitHub token"),
        ("SS0808", "'config.password' is sensitive and stands in plain text"),
        ("SS0808", "this looks like a password in a URL"),
        ("SS0808", "this looks like a GitHub token"),
    ]


def test_the_password_of_the_states_own_store(root: Path) -> None:
    (root / "stackspec.yaml").write_text(f"# the old one: {URL}\n{PROJECT}")
    (root / "stacks" / "dev.yaml").write_text(STACK.replace("CONFIG", "{password: '{{ env.X }}'}"))
    codes = [one for one in told(root) if one[0] != "SS0306"]
    assert codes == [
        ("SS0808", "this looks like a password in a URL"),
        ("SS0210", "'spec.state.url' holds a password"),
    ]
