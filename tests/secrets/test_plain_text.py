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
    assert not any(secret in text for secret in (TOKEN, AWS_KEY, "hunter2")), text
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


AWS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize("owner", ["stack", "component"])
@pytest.mark.parametrize(
    ("variable", "value", "warned"),
    [
        ("DB_PASSWORD", "hunter2", True),
        ("API_TOKEN", TOKEN, True),
        ("AWS_SECRET_ACCESS_KEY", AWS_KEY, True),
        ("DB_PASSWORD", "{{ vars.password }}", False),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD_FILE", "/run/secrets/db", False),
        ("REGION", "eu-west-1", False),
    ],
)
def test_a_variable_that_is_called_like_a_secret(
    owner: str, variable: str, value: str, warned: bool, root: Path
) -> None:
    held = f"environment: {{{variable}: '{value}'}}"
    (root / "stackspec.yaml").write_text(
        "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: dev}\nspec: {vars: {password: hunter2}}\n"
    )
    text = STACK.replace("CONFIG", "{password: '{{ env.X }}'}")
    text = text.replace("spec:\n", f"spec:\n  {held}\n") if owner == "stack" else text + f"      {held}\n"
    (root / "stacks" / "dev.yaml").write_text(text)
    expected = [("SS0808", f"'environment.{variable}' is called like a secret and stands in plain text")]
    assert [one for one in told(root) if one[0] != "SS0306"] == expected * warned


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
