"""What is somebody else's and only looked at: a server that answers as it is told stands for what cannot run here."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import Flavor, HookError, spec_of
from stackspec.flavors.http import service
from stackspec.flavors.orchestrator.airflow import AirflowOrchestrator
from stackspec.flavors.orchestrator.azureml import AzuremlOrchestrator
from stackspec.flavors.orchestrator.kubeflow import KubeflowOrchestrator
from stackspec.flavors.orchestrator.sagemaker import SagemakerOrchestrator
from stackspec.flavors.orchestrator.vertex import VertexOrchestrator
from stackspec.flavors.step_operator import slurm as slurm_flavor
from stackspec.flavors.step_operator.sagemaker import SagemakerStepOperator
from stackspec.flavors.step_operator.slurm import SlurmStepOperator
from stackspec.flavors.step_operator.spark import SparkStepOperator
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.answering import Answering, answering
from tests.flavors.contexts import Subjects

ROLE = "arn:aws:iam::123456789012:role/team/training"
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ml/providers/"
    "Microsoft.MachineLearningServices/workspaces/training"
)
VERTEX = "/v1/projects/acme-ml/locations/europe-west3/pipelineJobs"
HEALTHY = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}}


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering() as one:
        one.answers["/apis/v2beta1/healthz"] = (200, {"multi_user": False})
        one.answers["/apis/v2beta1/runs"] = (200, {})
        one.answers["/api/v2/monitor/health"] = (200, HEALTHY)
        one.answers["/auth/token"] = (201, {"access_token": "given"})
        one.answers["/api/v2/dags"] = (200, {"dags": []})
        one.answers["/json/"] = (200, {"url": "spark://127.0.0.1:7077", "status": "ALIVE", "aliveworkers": 2})
        one.answers[VERTEX] = (200, {})
        one.answers["/google"] = (200, {"access_token": "google's", "expires_in": 3600, "token_type": "Bearer"})
        one.answers["/azure"] = (
            200,
            {"access_token": "azure's", "expires_on": "4102444800", "token_type": "Bearer", "resource": "x"},
        )
        one.answers[WORKSPACE] = (200, {"properties": {"provisioningState": "Succeeded"}})
        one.answers[f"{WORKSPACE}/computes/cluster"] = (200, {"properties": {"provisioningState": "Succeeded"}})
        yield one


@pytest.fixture(scope="session")
def google_key(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A key of a service account that nobody knows."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"type": "service_account", "client_email": "a@acme-ml.iam.gserviceaccount.com", "private_key": text}


@pytest.fixture
def clouds(
    server: Answering,
    google_key: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Credentials that lead to the server."""
    file = tmp_path_factory.mktemp("google") / "key.json"
    file.write_text(json.dumps({**google_key, "token_uri": f"{server.url}/google"}), encoding="utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/azure")
    monkeypatch.setenv("IDENTITY_HEADER", "C4nary-header")


@pytest.fixture(scope="session")
def execution_role(moto: str) -> str:
    """A role that SageMaker may take on."""
    import boto3

    iam = boto3.client("iam", endpoint_url=moto, region_name="eu-central-1")
    for name, path, who in (("training", "/team/", "sagemaker"), ("closed", "/", "ec2")):
        trust = {"Effect": "Allow", "Principal": {"Service": f"{who}.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=document)
    return ROLE


AZURE = {"subscription_id": "00000000-0000-0000-0000-000000000000", "resource_group": "ml", "workspace": "training"}
VERTEX_CONFIG = {"project": "acme-ml", "location": "europe-west3"}
BY_SERVER: dict[type[Flavor], tuple[dict[str, Any], dict[str, Any], str]] = {
    KubeflowOrchestrator: ({"address": ""}, {"namespace": "team", "token": "C4nary"}, "is healthy"),
    VertexOrchestrator: ({**VERTEX_CONFIG, "endpoint_url": ""}, {"service_account": "a@b.c"}, "Vertex AI answers"),
    AzuremlOrchestrator: ({**AZURE, "endpoint_url": ""}, {"compute": "cluster"}, "can be used"),
    SparkStepOperator: ({"address": "spark://127.0.0.1:7077", "web_address": ""}, {"threads": 2}, "with 2 workers"),
}
"""Flavor to a config with room for the server's address, what can change in it, and what is said where it will do."""


def at(server: Answering, config: dict[str, Any]) -> dict[str, Any]:
    return {name: value or server.url for name, value in config.items()}


@pytest.mark.parametrize("flavor", BY_SERVER)
class TestByServer(FlavorConformance):
    @pytest.fixture
    def case(self, flavor: type[Flavor], server: Answering, clouds: None) -> FlavorCase:
        config, change, _ = BY_SERVER[flavor]
        return FlavorCase(
            flavor=flavor,
            config=lambda _: at(server, config),
            changed=lambda _: at(server, {**config, **change}),
            provisions=False,
            kill_points=0,
        )


class TestSagemaker(FlavorConformance):
    @pytest.fixture
    def case(self, moto: str, execution_role: str) -> FlavorCase:
        config = {"region": "eu-central-1", "execution_role": execution_role, "endpoint_url": moto}
        return FlavorCase(
            flavor=SagemakerOrchestrator,
            config=lambda _: config,
            changed=lambda _: {**config, "instance_type": "ml.g5.xlarge"},
            provisions=False,
            kill_points=0,
        )


class TestAirflow(FlavorConformance):
    @pytest.fixture
    def case(self, server: Answering) -> FlavorCase:
        return FlavorCase(
            flavor=AirflowOrchestrator,
            config=lambda _: {"dags_dir": "deep/dags"},
            changed=lambda _: {"dags_dir": "deep/dags", "address": server.url, "username": "ada", "password": "C4nary"},
            beside=lambda _: {"dags_dir": "deep/other"},
            before=lambda root: (root / "deep" / "dags").mkdir(parents=True),
            kill_points=6,
        )


@pytest.mark.parametrize("flavor", BY_SERVER)
def test_what_will_do(flavor: type[Flavor], server: Answering, clouds: None, subjects: Subjects) -> None:
    config, change, said = BY_SERVER[flavor]
    for given in (at(server, config), at(server, {**config, **change})):
        component = subjects.component(flavor, given)
        seen = component.observe()
        assert (seen.provisioned, seen.running) == (True, True), seen.detail
        assert said in seen.detail
        assert plain(component.provision())["uri"]
    assert subjects.lines == []


@pytest.mark.parametrize("flavor", BY_SERVER)
@pytest.mark.parametrize(
    ("answer", "said", "passes"),
    [
        ((401, {}), "refuses who asks", False),
        ((403, {}), "refuses who asks", False),
        ((404, {}), "status 404", False),
        ((302, {}), "status 302", False),
        ((503, {}), "status 503", True),
        ((200, b"<html>"), "what answers at", False),
        ((200, b"\xff"), "what answers at", False),
        ((200, []), "what answers at", False),
    ],
)
def test_what_will_not_do(
    flavor: type[Flavor],
    answer: tuple[int, Any],
    said: str,
    passes: bool,
    server: Answering,
    clouds: None,
    subjects: Subjects,
) -> None:
    for path in server.answers.keys() - {"/google", "/azure"}:
        server.answers[path] = answer
    component = subjects.component(flavor, at(server, BY_SERVER[flavor][0]))
    seen = component.observe()
    assert (seen.provisioned, seen.running) == (True, False)
    assert said in seen.detail
    if passes:
        component.provision()
        assert said in subjects.lines[0]
    else:
        with pytest.raises(HookError, match=said) as caught:
            component.provision()
        assert caught.value.hint
    component.deprovision()


@pytest.mark.parametrize("flavor", BY_SERVER)
def test_what_does_not_answer(
    flavor: type[Flavor], server: Answering, clouds: None, subjects: Subjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_PATIENCE", 0.2)
    server.hangs = server.answers.keys() - {"/google", "/azure"}
    component = subjects.component(flavor, at(server, BY_SERVER[flavor][0]))
    assert "did not answer within 0.2 s" in component.observe().detail
    stopped = subjects.component(flavor, at(server, BY_SERVER[flavor][0]), cancelled=threading.Event())
    stopped.context.cancelled.set()
    with pytest.raises(HookError, match="stopped"):
        stopped.provision()


@pytest.mark.parametrize(("flavor", "path"), [(VertexOrchestrator, "/google"), (AzuremlOrchestrator, "/azure")])
def test_credentials_of_clouds_that_are_refused(
    flavor: type[Flavor],
    path: str,
    server: Answering,
    clouds: None,
    subjects: Subjects,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    server.answers[path] = (400, {"error": "invalid_grant", "error_description": "C4nary"})
    component = subjects.component(flavor, at(server, BY_SERVER[flavor][0]))
    assert "there are no credentials for" in component.observe().detail
    with pytest.raises(HookError, match="there are no credentials for") as caught:
        component.provision()
    assert "C4nary" not in f"{caught.value.message} {caught.value.hint}"


def test_kubeflow_is_shown_the_token(server: Answering, subjects: Subjects) -> None:
    config = {"address": f"{server.url}/", "namespace": "team", "token": "C4nary"}
    assert plain(subjects.component(KubeflowOrchestrator, config).provision()) == {
        "uri": f"{server.url}/",
        "namespace": "team",
    }
    assert [headers["Authorization"] for _, headers in server.asked] == ["Bearer C4nary"] * 2
    assert server.asked[1][0].endswith("namespace=team")
    server.answers["/apis/v2beta1/healthz"] = (200, {"multi_user": True})
    with pytest.raises(HookError, match="has several users"):
        subjects.component(KubeflowOrchestrator, {"address": server.url}).provision()


def test_azure_that_is_not_ready(server: Answering, clouds: None, subjects: Subjects) -> None:
    server.answers[f"{WORKSPACE}/computes/cluster"] = (200, {"properties": {"provisioningState": "Creating"}})
    component = subjects.component(AzuremlOrchestrator, {**AZURE, "compute": "cluster", "endpoint_url": server.url})
    assert component.observe().detail == "the compute cluster is not ready: Creating"


def test_airflow(server: Answering, subjects: Subjects) -> None:
    config = {"address": server.url, "username": "ada", "password": "C4nary", "dags_dir": "dags"}
    component = subjects.component(AirflowOrchestrator, config)
    assert not component.observe().provisioned
    component.provision()
    assert (subjects.root / "dags").is_dir()
    assert component.observe().detail == f"{server.url} is healthy; made by stackspec, empty"
    assert server.asked[-1][1]["Authorization"] == "Bearer given"
    server.answers["/auth/token"] = (401, {})
    with pytest.raises(HookError, match="refuses who asks"):
        component.provision()
    server.answers["/api/v2/monitor/health"] = (200, {**HEALTHY, "scheduler": {"status": "unhealthy"}})
    seen = component.observe()
    assert (seen.provisioned, seen.running) == (True, False)
    assert "is not healthy: scheduler" in seen.detail
    component.provision()
    assert "is not healthy: scheduler" in subjects.lines[0]
    component.deprovision()
    assert not (subjects.root / "dags").exists()


def test_a_real_airflow(subjects: Subjects) -> None:
    """With Airflow 3 in an environment of its own, which has no room beside the others: PATH=$PATH:/there/bin."""
    if shutil.which("airflow") is None:
        pytest.skip("airflow is not on PATH; to test with it: pip install apache-airflow in an environment of its own")
    with servers.airflow() as address:
        config = {"address": address, "username": "ada", "password": "right"}
        component = subjects.component(AirflowOrchestrator, config)
        component.provision()
        assert component.observe().detail == f"{address} is healthy; made by stackspec, empty"
        assert subjects.lines == []
        with pytest.raises(HookError, match="refuses who asks"):
            subjects.component(AirflowOrchestrator, {**config, "password": "C4nary"}).provision()
        component.deprovision()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"execution_role": ROLE.replace("team/training", "absent")}, "there is no role"),
        ({"execution_role": ROLE.replace("team/", "")}, f"but {ROLE}"),
        ({"execution_role": ROLE.replace("team/training", "closed")}, "may not take on the role"),
        ({"profile": "absent"}, "no credentials to use"),
    ],
)
def test_sagemaker_that_will_not_do(
    changes: dict[str, Any], said: str, moto: str, execution_role: str, subjects: Subjects
) -> None:
    config = {"region": "eu-central-1", "execution_role": execution_role, "endpoint_url": moto, **changes}
    component = subjects.component(SagemakerOrchestrator, config)
    assert said in component.observe().detail
    with pytest.raises(HookError, match=said):
        component.provision()


@pytest.mark.parametrize("flavor", [SagemakerOrchestrator, SagemakerStepOperator])
def test_sagemaker_that_will_do(flavor: type[Flavor], moto: str, execution_role: str, subjects: Subjects) -> None:
    config = {"region": "eu-central-1", "execution_role": execution_role, "endpoint_url": moto}
    component = subjects.component(flavor, config)
    assert plain(component.provision()) == {"uri": moto, "region": "eu-central-1", "execution_role": ROLE}
    assert component.observe().detail.startswith("SageMaker in eu-central-1 answers arn:aws:")
    asked = {rule.type: rule.flavors for rule in spec_of(flavor).stack_rules if rule.flavors}
    assert asked == {"artifact_store": ("s3",), "container_registry": ("aws", "external")}


def test_sagemaker_that_does_not_answer(s3_credentials: None, subjects: Subjects) -> None:
    url = f"http://127.0.0.1:{servers.free_port()}"
    config = {"region": "eu-central-1", "execution_role": ROLE, "endpoint_url": url}
    component = subjects.component(SagemakerOrchestrator, config)
    assert f"{url} does not answer" in component.observe().detail
    assert plain(component.provision())["region"] == "eu-central-1"
    assert "does not serve" in subjects.lines[0]


def test_spark(server: Answering, subjects: Subjects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    address = server.url.replace("http", "spark")
    assert subjects.component(SparkStepOperator, {"address": address}).observe().running
    gone = subjects.component(SparkStepOperator, {"address": f"spark://127.0.0.1:{servers.free_port()}"})
    assert "cannot be reached" in gone.observe().detail
    other = subjects.component(SparkStepOperator, {"address": "spark://a.b:7077", "web_address": server.url})
    with pytest.raises(HookError, match=r"is of the master spark://127\.0\.0\.1:7077"):
        other.provision()
    server.answers["/json/"] = (200, {"url": "spark://a.b:7077", "status": "ALIVE", "aliveworkers": 0})
    assert other.observe().detail == "the master spark://a.b:7077 has no workers"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    local = subjects.component(SparkStepOperator, {"threads": 2})
    assert local.observe().detail == "there is no Java on this machine"
    assert plain(local.provision())["uri"] == "local[2]"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch(0o755)
    assert local.observe().running


class TestSlurm(FlavorConformance):
    @pytest.fixture
    def case(self, slurm: None) -> FlavorCase:
        return FlavorCase(
            flavor=SlurmStepOperator,
            config=lambda _: {},
            changed=lambda _: {"partition": "small", "account": "team"},
            provisions=False,
            kill_points=2,
        )


def test_slurm(slurm: None, subjects: Subjects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert subjects.component(SlurmStepOperator).observe().detail == "partition big with 1 node"
    small = subjects.component(SlurmStepOperator, {"partition": "small"})
    assert plain(small.provision()) == {"uri": "slurm://localhost", "partition": "small"}
    absent = subjects.component(SlurmStepOperator, {"partition": "absent"})
    with pytest.raises(HookError, match="has no partition absent") as caught:
        absent.provision()
    assert caught.value.hint == "set partition to one of: big, small, closed"
    assert "takes no jobs" in subjects.component(SlurmStepOperator, {"partition": "closed"}).observe().detail
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "absent.conf"))
    monkeypatch.setattr(slurm_flavor, "_PATIENCE", 0.3)
    assert small.observe().detail == "sinfo is not done after 0.3 s"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "cannot run sinfo" in small.observe().detail


def test_slurm_over_ssh(subjects: Subjects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shim = tmp_path / "ssh"
    shim.write_text('#!/bin/sh\necho "$*" >&2\nexit 255\n', encoding="utf-8")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    config = {"host": "login.example.org", "user": "ada", "port": 2222}
    component = subjects.component(SlurmStepOperator, config)
    expected = "-l ada -p 2222 login.example.org sinfo --noheader '--format=%P|%a|%D'"
    assert expected in component.observe().detail
    assert plain(component.provision())["uri"] == "slurm://ada@login.example.org:2222"
    shim.write_text("#!/bin/sh\necho 'big*|up|3'\n", encoding="utf-8")
    assert component.observe().detail == "partition big with 3 nodes"
