"""The manifests of an environment as they are once resolved, and what differs between two."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ask

MANIFESTS = """\
apiVersion: stackspec.dev/v1
kind: Environment
metadata: {name: dev}
spec: {vars: {steps: 1, host: near, keys: [a, b]}}
---
apiVersion: stackspec.dev/v1
kind: Environment
metadata: {name: prod}
spec: {vars: {steps: 8, host: far, keys: [c]}}
---
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: train, labels: {team: fraud}}
spec:
  description: "For {{ environment.name }}"
  environment: {LEVEL: "{{ environment.name }}", URL: "db://{{ secrets.db.name }}@{{ vars.host | upper }}/x"}
  secrets: [db]
  components:
    orchestrator: {flavor: local, config: {max_parallel_steps: "{{ vars.steps }}"}, timeouts: {provision: 90s}}
    artifact_store: {flavor: local, config: {path: "./data/{{ environment.name }}"}}
    log_store:
      name: logs
      flavor: local
      config: {path: "./logs-{{ environment.name }}/{{ secrets.db.name }}"}
      environment: {KEYS: "{{ vars.keys | join(secrets.db.name) }}"}
      lifecycle: {retain_on_delete: true}
      depends_on: [artifact_store/train]
---
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: serve}
spec:
  deploy_to: [prod]
  run_state: suspended
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./serve}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: db, labels: {team: fraud}}
spec: {store: here, keys: {name: NAME, other: "{{ environment.name | upper }}_NAME"}}
---
apiVersion: stackspec.dev/v1
kind: SecretStore
metadata: {name: here}
spec: {type: env, config: {prefix: "SOME_{{ environment.name | upper }}_"}}
"""


@pytest.fixture
def project(dev: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for environment in ("DEV", "PROD"):
        monkeypatch.setenv(f"SOME_{environment}_NAME", "a-secret-name")
    (dev / "stacks" / "dev.yaml").write_text(MANIFESTS)
    return dev


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_what_is_rendered_means_the_same(environment: str, project: Path, ask: Ask) -> None:
    assert ask("apply", "--yes", "-e", environment).code == 0
    rendered = ask("render", "-e", environment)
    assert (rendered.code, "a-secret-name" in rendered.out) == (0, False)
    declared = [part for part in MANIFESTS.split("---\n") if "kind: Environment" in part]
    (project / "rendered.yaml").write_text("---\n".join(declared) + rendered.out)
    again = ask("plan", "-e", environment, "-f", "rendered.yaml", "-o", "json", "--all").json
    assert {change["action"] for change in again["changes"]} == {"no-op"}
    # Labels may be said at another place, and the text around a secret in fewer pieces.
    assert {name for change in again["changes"] for name in change["recorded"]} <= {"labels", "secrets"}


def test_what_is_known_beside_a_secret_is_rendered(project: Path, ask: Ask) -> None:
    documents = {one["kind"]: one for one in ask("render", "-e", "prod", "-o", "json").json["manifests"]}
    assert documents["SecretStore"]["spec"] == {"type": "env", "config": {"prefix": "SOME_PROD_"}}
    assert documents["Secret"]["spec"] == {"store": "here", "keys": {"name": "NAME", "other": "PROD_NAME"}}
    assert documents["Secret"]["metadata"] == {"name": "db", "labels": {"team": "fraud"}}
    text = ask("render", "-e", "prod").out
    assert "URL: db://{{ secrets.db.name }}@FAR/x\n" in text
    assert "path: ./logs-prod/{{ secrets.db.name }}\n" in text
    assert "KEYS: '{{ vars.keys | join(secrets.db.name) }}'\n" in text


def test_two_environments_side_by_side(project: Path, ask: Ask) -> None:
    document = ask("render", "--diff", "dev", "prod", "-o", "json").json
    assert document["environments"] == ["dev", "prod"]
    told = [(one["address"], one["path"], *one["values"].items()) for one in document["differences"]]
    assert told == [
        ("secret_store/here", "config.prefix", ("dev", "SOME_DEV_"), ("prod", "SOME_PROD_")),
        ("secret/db", "keys.other", ("dev", "DEV_NAME"), ("prod", "PROD_NAME")),
        ("orchestrator/train", "config.max_parallel_steps", ("dev", 1), ("prod", 8)),
        ("artifact_store/train", "config.path", ("dev", "./data/dev"), ("prod", "./data/prod")),
        (
            "log_store/logs",
            "config.path",
            ("dev", "./logs-dev/{{ secrets.db.name }}"),
            ("prod", "./logs-prod/{{ secrets.db.name }}"),
        ),
        (
            "log_store/logs",
            "environment.KEYS",
            ("dev", '{{ ["a", "b"] | join(secrets.db.name) }}'),
            ("prod", '{{ ["c"] | join(secrets.db.name) }}'),
        ),
        ("stack/train", "description", ("dev", "For dev"), ("prod", "For prod")),
        (
            "stack/train",
            "environment.URL",
            ("dev", "db://{{ secrets.db.name }}@NEAR/x"),
            ("prod", "db://{{ secrets.db.name }}@FAR/x"),
        ),
        ("stack/train", "environment.LEVEL", ("dev", "dev"), ("prod", "prod")),
        ("orchestrator/serve", "", ("prod", "declared")),
        ("artifact_store/serve", "", ("prod", "declared")),
        ("stack/serve", "", ("prod", "declared")),
    ]
    head, *lines = [" ".join(line.split()) for line in ask("render", "--diff", "dev", "prod").out.splitlines()]
    assert head == "ADDRESS FIELD dev prod"
    assert lines[2] == "orchestrator/train config.max_parallel_steps 1 8"
    assert lines[-1] == "stack/serve - declared"
    assert len(lines) == len(told)
    assert ask("render", "--diff", "dev", "dev").out == "'dev' and 'dev' are the same but for their names.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--diff", "dev"], "SS0901", "--diff compares two environments"),
        (["dev"], "SS0901", "an environment is selected by -e"),
        (["--diff", "dev", "prdo"], "SS0407", "did you mean 'prod'?"),
        ([], "SS0407", "select one with -e: dev, prod"),
    ],
)
def test_what_is_no_question(arguments: list[str], code: str, told: str, project: Path, ask: Ask) -> None:
    answer = ask("render", *arguments)
    assert (answer.code, f"error[{code}]" in answer.err, told in answer.err) == (1, True, True)
