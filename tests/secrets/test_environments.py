"""Secrets that are kept elsewhere in each environment: where they are, and where they are missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stackspec.project import Project
from tests.running import in_process

MANIFESTS = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: main}
spec:
  secrets: [db]
  components:
    orchestrator: {flavor: local, config: {max_parallel_steps: "{{ secrets.process.steps | int }}"}}
    artifact_store: {flavor: local, config: {path: "./data/{{ secrets.db.name }}"}}
---
apiVersion: stackspec.dev/v1
kind: SecretStore
metadata: {name: files}
spec: {type: file, config: {folder: "./secrets/{{ environment.name }}"}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: db}
spec: {store: files, keys: {name: name, password: "{{ environment.name }}-password"}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: process}
spec: {store: env, keys: {steps: STEPS_OF_THE_TEST}}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with all secrets of three environments."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "main.yaml").write_text(MANIFESTS)
    for name in ("dev", "prod", "test"):
        declared = f"apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {{name: {name}}}\n"
        (tmp_path / "stacks" / f"{name}.yaml").write_text(declared)
        (tmp_path / "secrets" / name).mkdir(parents=True)
        for file in ("name", f"{name}-password"):
            (tmp_path / "secrets" / name / file).write_text("hush-hush")
            (tmp_path / "secrets" / name / file).chmod(0o600)
    monkeypatch.setenv("STEPS_OF_THE_TEST", "3")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def missing(root: Path, environment: str | None = None) -> list[str]:
    """What is said of secrets without a value."""
    return [one.message for one in Project.open(root).secrets.without_value(environment, fail=False)]


def test_which_environment_lacks_a_secret_is_said(root: Path) -> None:
    assert missing(root) == []
    (root / "secrets" / "prod" / "name").unlink()
    told = "secrets.db.name: there is no file './secrets/prod/name'"
    assert missing(root) == [f"{told} (in the environment 'prod')"]
    assert missing(root, "prod") == [told]
    assert missing(root, "dev") == []


def test_what_several_lack_is_said_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPS_OF_THE_TEST")
    told = "secrets.process.steps: the variable STEPS_OF_THE_TEST is not set"
    assert missing(root) == [f"{told} (in every environment)"]
    stack = MANIFESTS.replace("spec:\n  secrets", "spec:\n  deploy_to: [dev, test]\n  secrets", 1)
    (root / "stacks" / "main.yaml").write_text(stack)
    assert missing(root) == [f"{told} (in the environments 'dev', 'test')"]


def test_of_one_environment_nothing_is_said_but_what_is_missing(root: Path) -> None:
    for name in ("dev", "prod"):
        (root / "stacks" / f"{name}.yaml").unlink()
    (root / "secrets" / "test" / "test-password").unlink()
    told = "secrets.db.password: there is no file './secrets/test/test-password'; what runs with stack/main needs it"
    assert missing(root) == [told]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("  secrets: [db]", "  secrets: [late]", (5, 13)),
        ("  secrets: [db]", "  environment: {A: '1', KEY: '{{ secrets.late.KEY }}'}", (5, 30)),
        ('./data/{{ secrets.db.name }}"}}', './data"}, secrets: [late]}', (8, 73)),
    ],
)
def test_what_hands_a_missing_secret_on_is_shown(old: str, new: str, place: tuple[int, int], root: Path) -> None:
    late = (
        "---\napiVersion: stackspec.dev/v1\nkind: Secret\nmetadata: {name: late}\n"
        "spec: {store: env, keys: {KEY: NO_SUCH_VARIABLE}}\n"
    )
    (root / "stacks" / "main.yaml").write_text(MANIFESTS.replace(old, new, 1) + late)
    (found,) = Project.open(root).secrets.without_value(None, fail=True)
    assert (found.code, found.source and (found.source.line, found.source.column)) == ("SS0802", place)


def test_where_values_lie_is_listed(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert in_process(["secret", "list", "-e", "prod"]) == 0
    assert capfd.readouterr().out == (
        "SECRET                 STORE  TYPE  PATH\n"
        "secrets.db.name        files  file  name\n"
        "secrets.db.password    files  file  prod-password\n"
        "secrets.process.steps  env    env   STEPS_OF_THE_TEST\n"
    )
    (root / "secrets" / "prod" / "name").unlink()
    assert in_process(["secret", "check", "-e", "prod", "-o", "json"]) == 1
    document = json.loads(capfd.readouterr().out)
    assert document["environment"] == "prod"
    first, second, _ = document["secrets"]
    told = "secrets.db.name: there is no file './secrets/prod/name'"
    assert first == {
        "secret": "db",
        "key": "name",
        "store": "files",
        "type": "file",
        "path": "name",
        "available": False,
        "problem": {"code": "SS0802", "message": told, "hint": "known: prod-password"},
    }
    assert (second["path"], second["available"], second["problem"]) == ("prod-password", True, None)


def test_an_expression_that_its_secret_does_not_fit_is_told_so(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPS_OF_THE_TEST", "hush-hush")
    assert in_process(["plan", "-e", "dev"]) == 1
    said = capfd.readouterr().err
    assert "error[SS0304]: with its secrets, the filter 'int' cannot take this text" in said
    assert "hush" not in said
