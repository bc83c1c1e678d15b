"""Stacks given to ZenML, or out of their project as manifests."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stackspec.project import Project
from tests.cli.conftest import Ask

MANIFESTS = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: team}
spec:
  deploy_to: [prod]
  components:
    orchestrator: {flavor: kubernetes, config: {context: prod, namespace: "{{ vars.space }}"}}
    artifact_store: {flavor: gcs, config: {bucket: acme-artifacts, prefix: "{{ environment.name }}"}}
    container_registry:
      flavor: azure
      config: {uri: acmeml.azurecr.io, username: ada, password: "{{ secrets.acr.key }}"}
    image_builder: {flavor: local}
    experiment_tracker: tracking
    model_registry: {flavor: mlflow, config: {uri: "{{ components['experiment_tracker/tracking'].outputs.uri }}"}}
---
apiVersion: stackspec.dev/v1
kind: Component
metadata: {name: tracking}
spec:
  type: experiment_tracker
  flavor: mlflow
  config: {uri: "https://mlflow.example.org", username: ada, password: "{{ secrets.mlflow.password }}"}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: mlflow}
spec: {store: files, keys: {password: mlflow}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: acr}
spec: {store: env, keys: {key: ACR_KEY, unused: OTHER}}
---
apiVersion: stackspec.dev/v1
kind: SecretStore
metadata: {name: files}
spec: {type: file, config: {folder: ./secrets}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: others}
spec: {store: env, keys: {key: OTHERS}}
---
apiVersion: stackspec.dev/v1
kind: Environment
metadata: {name: dev}
spec: {vars: {space: dev}}
---
apiVersion: stackspec.dev/v1
kind: Environment
metadata: {name: prod}
spec: {vars: {space: ml}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "all.yaml").write_text(MANIFESTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_zenml_gets(project: Path, ask: Ask) -> None:
    answer = ask("stack", "export", "team", "--format", "zenml", "-e", "prod", "--out", "zenml.yaml")
    assert (answer.code, answer.out) == (0, "")
    said = yaml.safe_load((project / "zenml.yaml").read_text())["components"]
    assert said["orchestrator"][0]["configuration"] == {
        "kubernetes_context": "prod",
        "kubernetes_namespace": "ml",
        "service_account_name": "stackspec-runner",
    }
    assert said["artifact_store"][0]["configuration"] == {"path": "gs://acme-artifacts/prod"}
    assert said["container_registry"][0]["configuration"] == {"uri": "acmeml.azurecr.io"}
    assert said["experiment_tracker"][0]["configuration"] == {
        "tracking_uri": "https://mlflow.example.org",
        "tracking_username": "ada",
        "tracking_password": "{{mlflow.password}}",
    }
    assert said["model_registry"][0]["configuration"] == {}
    assert answer.err.count("[SS1008]") == 2
    assert "'username' of container_registry/team" in answer.err
    assert "zenml secret create mlflow --password=…" in answer.err


def test_manifests_stand_alone_and_mean_the_same(project: Path, ask: Ask, tmp_path: Path) -> None:
    before = Project.open(project).desired("prod")
    answer = ask("stack", "export", "team", "-e", "prod")
    assert (answer.code, answer.err) == (0, "")
    assert "others" not in answer.out
    other = tmp_path / "other"
    (other / "stacks").mkdir(parents=True)
    environments = "\n---\n".join(one for one in MANIFESTS.split("\n---\n") if "kind: Environment" in one)
    (other / "stacks" / "all.yaml").write_text(f"{answer.out}---\n{environments}")
    after = Project.open(other).desired("prod")
    assert {one: found.digest for one, found in after.components.items()} == {
        one: found.digest for one, found in before.components.items()
    }
    assert after.secret_stores.keys() == {"files"}


def test_what_is_not_there(project: Path, ask: Ask) -> None:
    for arguments, told in (
        (("nope", "-e", "prod"), "SS0502"),
        (("team", "-e", "dev"), "the stack 'team' is not in the environment 'dev'"),
        (("team", "-e", "prod", "--out", "/proc/no"), "SS0902"),
        (("team", "-e", "prod", "--format", "yaml"), "SS0901"),
    ):
        answer = ask("stack", "export", *arguments)
        assert answer.code in (1, 2)
        assert told in answer.err
        assert not answer.out
