"""Stacks for Python code: built from manifests and from components in code."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stackspec import Component, Stack, StackspecError

MANIFESTS = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev, labels: {team: fraud}}
spec:
  description: Laptop
  environment: {LEVEL: debug, TOKEN: "{{ secrets.api.token }}"}
  secrets: [api]
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./artifacts, delete_data: true}}
    log_store: shared
    alerter:
      - {flavor: external, config: {uri: "{{ components.artifact_store.outputs.uri }}"}}
      - {name: other, flavor: external, config: {uri: "https://example.org"}}
---
apiVersion: stackspec.dev/v1
kind: Component
metadata: {name: shared}
spec: {type: log_store, flavor: local, config: {path: ./logs}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: api}
spec: {store: env, keys: {token: STACK_TOKEN}}
"""

REMOTE = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: prod}
spec:
  components:
    orchestrator: {flavor: kubernetes, config: {namespace: ml}}
    artifact_store: {flavor: s3, config: {bucket: acme}}
    container_registry: {flavor: default, config: {uri: ghcr.io/acme}}
    image_builder: {flavor: local}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(MANIFESTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STACK_TOKEN", "canary-of-the-stack")
    return tmp_path


@pytest.fixture
def stack(project: Path) -> Stack:
    return Stack.open("dev")


def test_it_tells_what_manifests_declare(stack: Stack) -> None:
    assert (stack.name, stack.description, stack.labels) == ("dev", "Laptop", {"team": "fraud"})
    assert list(stack.components) == ["orchestrator", "artifact_store", "log_store", "alerter"]
    assert [one.address for one in stack.components["alerter"]] == ["alerter/dev", "alerter/other"]
    assert stack.get("alerter") == stack.components["alerter"][0]
    assert stack.get("alerter", "other") == stack.components["alerter"][1]
    assert stack.get("sandbox") is None
    assert stack.components["alerter"][0].config["uri"] == "{{ components['artifact_store/dev'].outputs.uri }}"
    assert stack.secrets == ("api",)
    assert not stack.requires_remote_server
    assert stack.docker_builds() == ()


def test_it_is_a_value_without_secrets(stack: Stack) -> None:
    again = pickle.loads(pickle.dumps(stack))
    assert again == stack
    stack.provision()
    assert again.is_provisioned
    with pytest.raises(AttributeError):
        stack.name = "other"  # type: ignore[misc]
    for text in (repr(stack), pickle.dumps(stack).decode("latin-1"), str(stack.environment)):
        assert "canary" not in text
    assert stack.environment["LEVEL"] == "debug"
    assert "TOKEN" not in stack.environment


def test_its_life(stack: Stack) -> None:
    assert (stack.is_provisioned, stack.is_running) == (False, False)
    with pytest.raises(StackspecError, match="not provisioned"):
        stack.use("artifact_store")
    stack.provision()
    assert (stack.is_provisioned, stack.is_running) == (True, True)
    store = stack.use("artifact_store")
    store.write("a/b.txt", b"kept")
    assert stack.use("artifact_store").list() == ["a/b.txt"]
    stack.suspend()
    stack.resume()
    stack.deprovision()
    assert not stack.is_provisioned


def test_what_is_missing_is_told(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stack.validate(fail_if_secrets_missing=True) == []
    monkeypatch.delenv("STACK_TOKEN")
    assert [one.code for one in stack.validate(fail_if_secrets_missing=True)] == ["SS0802"]
    with pytest.raises(StackspecError, match="has no sandbox"):
        stack.use("sandbox")
    with pytest.raises(StackspecError, match="there is no stack 'nope'"):
        Stack.open("nope")


def test_what_runs_on_it_needs(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "prod.yaml").write_text(REMOTE)
    stack = Stack.open(root=tmp_path)
    assert stack.requires_remote_server
    assert any(one.startswith("s3fs") for one in stack.requirements())
    assert not any(one.startswith("s3fs") for one in stack.requirements(exclude={"artifact_store"}))
    (build,) = stack.docker_builds()
    assert build.component == "orchestrator/prod"
    assert build.image is None, "the registry is not provisioned"
    assert build.requirements == stack.requirements()


CODE = [
    Component("orchestrator", "local"),
    Component("artifact_store", "local", {"path": "./in-code", "delete_data": True}),
]


def test_it_is_built_in_code(tmp_path: Path) -> None:
    stack = Stack.of("quick", CODE, root=tmp_path, description="In code")
    assert stack == Stack.of("quick", CODE, root=tmp_path, description="In code")
    assert stack.get("orchestrator") is not None
    assert pickle.loads(pickle.dumps(stack)) == stack
    stack.provision()
    assert (tmp_path / "in-code").is_dir()
    assert stack.is_running
    stack.deprovision()
    assert not (tmp_path / "in-code").exists()
    assert not (tmp_path / "stacks").exists()


def test_in_code_it_shares_what_manifests_declare(project: Path) -> None:
    stack = Stack.of("more", [*CODE, Component("log_store", name="shared")], root=project)
    stack.provision()
    Stack.open("dev").provision()
    stack.deprovision()
    assert (project / "logs").is_dir()


CIRCLE: dict[str, Any] = {}
CIRCLE["path"] = CIRCLE


def test_in_code_there_has_to_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StackspecError, match="is not a folder"):
        Stack.of("quick", CODE, root=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("components", "told"),
    [
        (CODE[:1], "has no artifact_store"),
        ([*CODE, Component("log_store", "locall", {})], "no flavor 'locall'"),
        ([*CODE, Component("log_store", "local", {"path": 3})], "must be text"),
        ([*CODE, Component("log_store", "local", {"path": object()})], "holds what no manifest can"),
        ([*CODE, Component("log_store", "local", {"path": float("nan")})], "holds what no manifest can"),
        ([*CODE, Component("log_store", "local", CIRCLE)], "holds what no manifest can"),
        ([*CODE, Component("log_store", name="shared")], "no Component 'shared'"),
    ],
    ids=["lacking", "unknown flavor", "wrong value", "no value", "no number", "a circle", "unknown name"],
)
def test_what_is_wrong_in_code_is_told_as_of_manifests(components: list[Component], told: str, tmp_path: Path) -> None:
    with pytest.raises(StackspecError, match=told):
        Stack.of("quick", components, root=tmp_path)


def test_a_protected_environment_is_not_changed_unasked(project: Path) -> None:
    (project / "stackspec.yaml").write_text(
        "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: prod}\nspec: {protected: true}\n"
    )
    stack = Stack.open("dev")
    with pytest.raises(StackspecError, match="protected"):
        stack.provision()
    stack.provision(approve="prod")
    assert stack.is_provisioned


def test_the_package_offers_it_without_importing_it() -> None:
    program = "import sys, stackspec; print([m for m in sys.modules if m.startswith('stackspec.')])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
