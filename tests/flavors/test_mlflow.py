"""A real MLflow server: started, used over its REST API, suspended, resumed, killed and removed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from stackspec.flavors.contract import HookContext, HookError, spec_of
from stackspec.flavors.experiment_tracker.mlflow import MlflowExperimentTracker
from stackspec.flavors.extras import require_extra
from stackspec.flavors.local_server import LocalServer
from stackspec.flavors.marked_processes import marked_processes
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests.running import command, environment

MakeContext = Callable[..., HookContext]
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def mlflow(real_part: Callable[[str, str], None]) -> None:
    real_part("mlflow", "pip install 'stackspec[mlflow]'")


def tracker(context: HookContext, **config: Any) -> MlflowExperimentTracker:
    values = {"artifact_root": (context.root / "kept here").as_uri(), **config}
    return MlflowExperimentTracker(MlflowExperimentTracker.Config.from_value(values), context)


def request(port: int, method: str, path: str, body: Any = None, host: str | None = None) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json", "Host": host or f"127.0.0.1:{port}"}
    connection.request(method, f"/api/2.0/{path}", json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, json.loads(text) if text.startswith(b"{") else text


def recorded(context: HookContext) -> tuple[int, int]:
    record = LocalServer(context).recorded()
    assert record is not None
    return record.pid, record.port


def test_its_life(make_context: MakeContext, mlflow: None) -> None:
    lines: list[str] = []
    context = make_context(log=lines.append)
    component = tracker(context)
    assert not component.observe().provisioned

    outputs = component.provision()
    pid, port = recorded(context)
    assert outputs.uri == f"http://127.0.0.1:{port}"
    seen = component.observe()
    assert (seen.provisioned, seen.running) == (True, True)
    assert seen.fields == {"artifact_root": component.config.artifact_root, "workers": 1}
    assert tracker(context, port=1).observe().fields["port"] == port

    status, made = request(port, "POST", "mlflow/experiments/create", {"name": "first"})
    assert status == 200
    run = {"experiment_id": made["experiment_id"], "start_time": 1}
    assert request(port, "POST", "mlflow/runs/create", run)[0] == 200
    assert request(port, "PUT", "mlflow-artifacts/artifacts/a.json", {"a": 1})[0] == 200
    assert json.loads((context.root / "kept here" / "a.json").read_text()) == {"a": 1}
    assert request(port, "GET", "mlflow/experiments/get-by-name?experiment_name=first", host="evil.example")[0] == 403

    assert component.provision() == outputs
    assert recorded(context) == (pid, port)

    component.suspend()
    seen = component.observe()
    assert (seen.provisioned, seen.running) == (True, False)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()

    moved = tracker(context, artifact_root="other")
    assert moved.resume() == outputs
    assert component.observe().fields["artifact_root"] == (context.root / "other").as_uri()
    status, found = request(port, "GET", "mlflow/experiments/get-by-name?experiment_name=first")
    assert (status, found["experiment"]["experiment_id"]) == (200, made["experiment_id"])

    moved.deprovision()
    assert not component.observe().provisioned
    assert [file.name for file in (context.data_dir / "database").iterdir()] == ["mlflow.db"]
    assert [file.name for file in context.data_dir.iterdir()] == ["database"]
    assert any("is kept" in line and str(context.data_dir / "database") in line for line in lines)
    moved.deprovision()


def test_a_killed_server_is_seen_and_started_again(make_context: MakeContext, until: Until, mlflow: None) -> None:
    context = make_context()
    component = tracker(context, database_dir="data base", delete_data=True)
    outputs = component.provision()
    pid, _port = recorded(context)
    os.kill(pid, signal.SIGKILL)
    until(lambda: LocalServer(context).running() is None)
    seen = component.observe()
    assert (seen.provisioned, seen.running) == (True, False)
    assert marked_processes(pid, context.identity), "MLflow's own child outlives it; if not, this test is idle"

    changed = tracker(context, database_dir="data base", delete_data=True, workers=2)
    assert changed.update(component) == outputs
    assert changed.observe().running
    assert component.observe().fields["workers"] == 2
    assert not marked_processes(pid, context.identity)
    pid, _port = recorded(context)

    changed.deprovision()
    assert not marked_processes(pid, context.identity)
    assert not (context.root / "data base").exists()
    assert not context.data_dir.exists()


PROJECT = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
    experiment_tracker:
      flavor: mlflow
      config: {artifact_root: "s3://key:{{ secrets.bucket.token }}@bucket/runs", delete_data: true}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: bucket}
spec: {store: env, keys: {token: BUCKET_TOKEN}}
"""
CANARY = "C4nary-of-the-bucket"


def test_a_secret_in_its_config_stands_in_no_argument_and_in_no_file(tmp_path: Path, mlflow: None) -> None:
    import psutil

    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(PROJECT)

    def run(*arguments: str) -> str:
        words = [*command("-C", str(tmp_path)), *arguments]
        variables = environment({"BUCKET_TOKEN": CANARY})
        return subprocess.run(words, check=True, capture_output=True, text=True, env=variables).stdout

    run("apply", "--yes")
    try:
        assert "running" in run("status")
        assert "No changes" in run("plan", "--refresh")
        seen = "\n".join(str(process.info["cmdline"]) for process in psutil.process_iter(["cmdline"]))
        assert "'-m', 'mlflow', 'server'" in seen
        assert CANARY not in seen
        kept = [file for file in (tmp_path / ".stackspec").rglob("*") if file.is_file()]
        assert {"server.json", "server.log", "mlflow.db", "default.db"} <= {file.name for file in kept}
        assert [file for file in kept if CANARY.encode() in file.read_bytes()] == []
    finally:
        run("destroy", "--yes")


def test_what_never_was_is_removed_without_complaint(make_context: MakeContext) -> None:
    context = make_context()
    component = tracker(context)
    component.suspend()
    component.deprovision()
    assert list(context.root.iterdir()) == []


@pytest.mark.parametrize("root", ["/etc", "file:///etc", "file://localhost/etc/x", "../outside", "file:///%2e%2e/etc"])
def test_artifacts_stay_inside_the_project_unless_allowed(make_context: MakeContext, mlflow: None, root: str) -> None:
    with pytest.raises(HookError, match="outside the project"):
        tracker(make_context(), artifact_root=root).provision()


def test_a_file_uri_of_another_machine_is_refused(make_context: MakeContext, mlflow: None) -> None:
    with pytest.raises(HookError, match="another machine: nas"):
        tracker(make_context(), artifact_root="file://nas/share").provision()


def test_its_server_gets_credentials_of_stores_and_nothing_that_opens_it(
    make_context: MakeContext, mlflow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, str] = {}

    def remember(_server: LocalServer, _command: list[str], *, environment: dict[str, str], **_other: object) -> None:
        given.update(environment)

    monkeypatch.setattr(LocalServer, "start", remember)
    for name in ("AWS_SECRET_ACCESS_KEY", "MLFLOW_S3_ENDPOINT_URL", "MLFLOW_SERVER_ALLOWED_HOSTS", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "value")
    context = make_context()
    tracker(context).provision()
    assert {"PATH", "AWS_SECRET_ACCESS_KEY", "MLFLOW_S3_ENDPOINT_URL"} <= set(given)
    assert not {"MLFLOW_SERVER_ALLOWED_HOSTS", "GITHUB_TOKEN"} & set(given)
    assert given["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_its_spec_is_data() -> None:
    spec = spec_of(MlflowExperimentTracker)
    assert spec.replacing == spec.paths == frozenset({"database_dir"})
    assert set(spec.outputs) == {"uri", "backend_store_uri"}
    assert spec.can_update
    assert spec.can_suspend
    assert spec.extra == "mlflow"


def test_its_spec_loads_without_its_packages() -> None:
    script = "import sys, stackspec.flavors.experiment_tracker.mlflow; print(*{'mlflow', 'psutil'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(HookError, match="not installed: no_such_package") as caught:
        require_extra("mlflow", "json", "no_such_package")
    assert caught.value.hint == "pip install 'stackspec[mlflow]'"


def test_a_question_mark_in_the_path_of_the_database_is_refused(make_context: MakeContext, mlflow: None) -> None:
    context = make_context()
    with pytest.raises(HookError, match=r"'\?' has a meaning"):
        tracker(replace(context, data_dir=Path(context.root, "what?"))).provision()


CASE = FlavorCase(
    flavor=MlflowExperimentTracker,
    config=lambda root: {"artifact_root": (root / "kept").as_uri(), "delete_data": True},
    changed=lambda root: {"artifact_root": (root / "elsewhere").as_uri(), "delete_data": True},
    kill_points=0,  # a forked child must not share a server's starting; the launcher's own tests kill it
)


@pytest.mark.usefixtures("mlflow")
@pytest.mark.parametrize("case", [CASE], ids=str)
class TestMlflow(FlavorConformance):
    pass
