"""A real MLflow server: started, used over its REST API, suspended, resumed, killed and removed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import Flavor, HookContext, HookError, spec_of
from stackspec.flavors.experiment_tracker import ExperimentTracker
from stackspec.flavors.experiment_tracker.mlflow import MlflowExperimentTracker
from stackspec.flavors.extras import require_extra
from stackspec.flavors.model_registry.mlflow import MlflowModelRegistry
from stackspec.flavors.processes.local_server import LocalServer, ServerRecord
from stackspec.flavors.processes.marked_processes import marked_processes
from stackspec.flavors.registry import Registry
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests.flavors.contexts import Subjects
from tests.flavors.quick_server import quick
from tests.flavors.training import train
from tests.flavors.using import promote
from tests.running import command, environment
from tests.secret_stores.servers import Answer, web

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


def record_of(context: HookContext) -> ServerRecord:
    record = LocalServer(context).recorded()
    assert record is not None
    return record


def its_runs(context: HookContext, uri: str) -> None:
    """What code that runs on a stack records, with a server of ours and with the same as one of others."""
    for config in ({}, {"uri": uri, "token": "shown"}):
        used = tracker(replace(context, outputs={"uri": uri}), **config)
        assert used.observe().running
        good, bad = train(used)
        port = int(uri.rpartition(":")[2])
        kept = request(port, "GET", f"mlflow/runs/get?run_id={good}")[1]["run"]
        assert (kept["info"]["run_name"], kept["info"]["status"]) == ("train", "FINISHED")
        assert {"key": "depth", "value": "3"} in kept["data"]["params"]
        assert len(kept["data"]["params"]) == 152
        (loss,) = [one for one in kept["data"]["metrics"] if one["key"] == "loss"]
        assert (loss["value"], loss["step"]) == (0.25, 1)
        assert {"key": "stage", "value": "first"} in kept["data"]["tags"]
        assert request(port, "GET", f"mlflow/runs/get?run_id={bad}")[1]["run"]["info"]["status"] == "FAILED"
        with pytest.raises(HookError, match="refuses: "), used.run("x") as run:
            run.log_metrics({"": 1.0})


def its_models(context: HookContext, uri: str, folder: Path) -> None:
    """The models that are registered in its server."""
    subjects = Subjects(folder)
    registry = subjects.component(MlflowModelRegistry, {"uri": uri}, outputs={"uri": uri})
    assert registry.observe().running
    promote(registry, folder)
    for version, place, why in (
        ("@nobody", "other", "has no version @nobody"),
        ("7", "other", "refuses: "),
        ("1", "loaded", "no empty folder"),
    ):
        with pytest.raises(HookError, match=why):
            registry.load("fraud", version, folder / place)
    with pytest.raises(HookError, match="no folder with files"):
        registry.register("fraud", folder / "nothing")

    tracking = tracker(replace(context, outputs={"uri": uri}))
    with tracking.run("makes a model") as run:
        pass
    assert registry.register("fraud", f"runs:/{run.id}/model").source.endswith(f"{run.id}/artifacts/model")


def test_its_life(
    make_context: MakeContext, until: Until, mlflow: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """All of it in one test, since each start takes ten seconds and more."""
    lines: list[str] = []
    context = make_context(log=lines.append, seconds=240)
    component = tracker(context)
    assert not component.observe().provisioned

    outputs: Any = component.provision()
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
    its_runs(context, outputs.uri)
    its_models(context, outputs.uri, tmp_path_factory.mktemp("models"))

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

    record = record_of(context)
    os.kill(recorded(context)[0], signal.SIGKILL)
    until(lambda: LocalServer(context).running() is None)
    seen = component.observe()
    assert (seen.provisioned, seen.running) == (True, False)
    assert marked_processes(record.session, record.mark), "MLflow's own child outlives it; if not, this test is idle"

    changed = tracker(context, artifact_root="other", workers=2)
    assert changed.update(moved) == outputs
    assert changed.observe().running
    assert component.observe().fields["workers"] == 2
    assert not marked_processes(record.session, record.mark)

    record = record_of(context)
    changed.deprovision()
    assert not marked_processes(record.session, record.mark)
    assert not component.observe().provisioned
    assert [file.name for file in (context.data_dir / "database").iterdir()] == ["mlflow.db"]
    assert [file.name for file in context.data_dir.iterdir()] == ["database"]
    assert any("is kept" in line and str(context.data_dir / "database") in line for line in lines)
    changed.deprovision()


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


def test_the_registry_asks_for_the_tracker_of_its_server() -> None:
    (rule,) = spec_of(MlflowModelRegistry).stack_rules
    assert (rule.type, rule.flavors, rule.optional) == ("experiment_tracker", ("mlflow",), False)


def test_its_spec_is_data() -> None:
    spec = spec_of(MlflowExperimentTracker)
    assert spec.replacing == {"database_dir", "uri"}
    assert spec.paths == {"database_dir"}
    assert set(spec.outputs) == {"uri", "backend_store_uri", "username", "password", "token"}
    assert spec.sensitive == spec.sensitive_outputs == {"password", "token"}
    assert (spec.is_remote({}), spec.is_remote({"uri": "https://mlflow.example.org"})) == (False, True)
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


def test_a_server_of_others_is_shown_its_credentials_and_never_changed(tmp_path: Path) -> None:
    shown: list[str | None] = []

    def answer(_path: str, headers: Mapping[str, str]) -> Answer:
        shown.append(headers.get("Authorization"))
        return (200 if shown[-1] is None else 401), {}, b"{}"

    subjects = Subjects(tmp_path)
    with web(answer) as uri:
        config = {"uri": uri, "username": "ada", "password": "a secret"}
        component = subjects.component(MlflowExperimentTracker, config, outputs={"uri": uri})
        outputs = plain(component.provision())
        assert (outputs["uri"], outputs["username"], outputs["password"]) == (uri, "ada", "a secret")
        assert component.observe().running
        with pytest.raises(HookError, match="refuses the credentials") as caught, component.run("x"):
            pass
        assert "a secret" not in f"{caught.value}"
        assert shown[-1] == f"Basic {b64encode(b'ada:a secret').decode()}"
    assert component.observe().running is False
    component.suspend()
    component.deprovision()
    assert list(tmp_path.iterdir()) == []


def test_flavors_that_record_no_runs_say_so(tmp_path: Path) -> None:
    config = {"uri": "http://localhost:1"}
    subject = Subjects(tmp_path).component(Registry().flavor("experiment_tracker", "external"), config, outputs=config)
    assert isinstance(subject, ExperimentTracker)
    with pytest.raises(HookError, match="flavor external, which records no runs"), subject.run("x"):
        pass


OTHERS = FlavorCase(
    flavor=MlflowExperimentTracker,
    config=lambda _: {"uri": "http://127.0.0.1:1", "username": "ada", "password": "a secret word"},
    changed=lambda _: {"uri": "http://127.0.0.1:1", "token": "another"},
    provisions=False,
    kill_points=0,
)


REGISTRY = FlavorCase(
    flavor=MlflowModelRegistry,
    config=lambda _: {"uri": "http://127.0.0.1:1", "username": "ada", "password": "a secret word"},
    changed=lambda _: {"uri": "http://127.0.0.1:2"},
    provisions=False,
    kill_points=0,
)


def test_a_model_registry_that_is_not_provisioned_or_cannot_be_used_says_so(tmp_path: Path) -> None:
    config = {"uri": "http://127.0.0.1:1"}
    with pytest.raises(HookError, match="not provisioned"):
        Subjects(tmp_path).component(MlflowModelRegistry, config).versions("x")
    external: Any = Subjects(tmp_path).component(Registry().flavor("model_registry", "external"), config)
    with pytest.raises(HookError, match="cannot be used as a model registry"):
        external.versions("x")


class Quick(MlflowExperimentTracker):
    """The flavor with a server that starts at once and keeps nothing; `test_its_life` is about the real one."""

    def command(self, port: int) -> list[str]:
        return quick(port, self.directory().path / "mlflow.db")


CASE = FlavorCase(
    flavor=Quick,
    config=lambda root: {"artifact_root": (root / "kept").as_uri(), "delete_data": True},
    changed=lambda root: {"artifact_root": (root / "elsewhere").as_uri(), "delete_data": True},
    kill_points=3,
)


@pytest.mark.usefixtures("mlflow")
@pytest.mark.parametrize("case", [CASE, OTHERS, REGISTRY], ids=["ours", "of others", "models"])
class TestMlflow(FlavorConformance):
    def test_suspended_it_can_be_resumed(self, case: FlavorCase, component: Flavor) -> None:
        if case is CASE:  # one of others is never stopped
            super().test_suspended_it_can_be_resumed(case, component)


def test_a_database_elsewhere_that_is_to_go_goes(make_context: MakeContext, mlflow: None) -> None:
    context = make_context()
    values = {"artifact_root": "kept", "database_dir": "data base", "delete_data": True}
    component = Quick(Quick.Config.from_value(values), context)
    component.provision()
    assert (context.root / "data base" / "mlflow.db").exists()
    component.deprovision()
    assert not (context.root / "data base").exists()
    assert not context.data_dir.exists()
