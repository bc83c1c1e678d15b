"""The manifests of an environment as they are once resolved, and what differs between two."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ask

MANIFESTS = """\
apiVersion: stackspec.dev/v1
kind: Environment
metadata: {name: dev}
spec: {vars: {steps: 1}}
---
apiVersion: stackspec.dev/v1
kind: Environment
metadata: {name: prod}
spec: {vars: {steps: 8}}
---
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: train, labels: {team: fraud}}
spec:
  description: "For {{ environment.name }}"
  environment: {LEVEL: "{{ environment.name }}"}
  secrets: [db]
  components:
    orchestrator: {flavor: local, config: {max_parallel_steps: "{{ vars.steps }}"}, timeouts: {provision: 90s}}
    artifact_store: {flavor: local, config: {path: "./data/{{ environment.name }}"}}
    log_store:
      name: logs
      flavor: local
      config: {path: "./logs/{{ secrets.db.name }}"}
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
metadata: {name: db}
spec: {store: env, keys: {name: SOME_NAME}}
"""


@pytest.fixture
def project(dev: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOME_NAME", "a-secret-name")
    (dev / "stacks" / "dev.yaml").write_text(MANIFESTS)
    return dev


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_what_is_rendered_means_the_same(environment: str, project: Path, ask: Ask) -> None:
    assert ask("apply", "--yes", "-e", environment).code == 0
    rendered = ask("render", "-e", environment)
    assert (rendered.code, "a-secret-name" in rendered.out) == (0, False)
    declared = [part for part in MANIFESTS.split("---\n") if "kind: Environment" in part or "kind: Secret" in part]
    (project / "rendered.yaml").write_text("---\n".join(declared) + rendered.out)
    again = ask("plan", "-e", environment, "-f", "rendered.yaml", "-o", "json", "--all").json
    assert {change["action"] for change in again["changes"]} == {"no-op"}
    assert [change["recorded"] for change in again["changes"] if change["recorded"]] in ([], [["labels"]] * 3)


def test_two_environments_side_by_side(project: Path, ask: Ask) -> None:
    answer = ask("render", "--diff", "dev", "prod")
    assert answer.out == (
        "COMPONENT             FIELD                      dev           prod\n"
        "orchestrator/train    config.max_parallel_steps  1             8\n"
        'artifact_store/train  config.path                "./data/dev"  "./data/prod"\n'
        'stack/train           description                "For dev"     "For prod"\n'
        'stack/train           environment.LEVEL          "dev"         "prod"\n'
        "orchestrator/serve                               -             declared\n"
        "artifact_store/serve                             -             declared\n"
        "stack/serve                                      -             declared\n"
    )
    document = ask("render", "--diff", "dev", "prod", "-o", "json").json
    assert document["environments"] == ["dev", "prod"]
    assert document["differences"][0] == {
        "address": "orchestrator/train",
        "path": "config.max_parallel_steps",
        "values": {"dev": 1, "prod": 8},
    }
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
