"""Stacks of ZenML's taken over: what it exports, what mlstacks reads, and what is neither."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Ask

FILES = Path(__file__).parent / "zenml"
"""What `zenml stack export` of ZenML 0.94.6 wrote; tests/separate/zenml makes the same again."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with ZenML's files beside it."""
    (tmp_path / "stacks").mkdir()
    for file in FILES.glob("*.yaml"):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def manifests(root: Path) -> dict[str, dict[str, object]]:
    """`kind/name`, or `type/name`, of each manifest to its spec."""
    found = {}
    for file in (root / "stacks").glob("*.yaml"):
        for one in yaml.safe_load_all(file.read_text()):
            kind = one["spec"].get("type", one["kind"]) if one["kind"] == "Component" else one["kind"]
            found[f"{kind}/{one['metadata']['name']}"] = one["spec"]
    return found


def codes(err: str) -> list[str]:
    return [line.split("]")[0][-6:] for line in err.splitlines() if line.startswith(("warning[", "error["))]


def exported(components: object, **more: object) -> str:
    return yaml.safe_dump({"components": components, "stack_name": "dev", "zenml_version": "0.94.6", **more})


def local(**more: object) -> dict[str, object]:
    return {
        "orchestrator": [{"name": "here", "type": "orchestrator", "flavor": "local", "configuration": {}}],
        "artifact_store": [{"name": "here", "type": "artifact_store", "flavor": "local", "configuration": {}}],
        **more,
    }


def one(flavor: str, name: str = "one", **configuration: object) -> list[dict[str, object]]:
    return [{"name": name, "flavor": flavor, "configuration": configuration}]


def test_the_default_stack_comes_over_and_is_valid(project: Path, ask: Ask) -> None:
    answer = ask("stack", "import", "default.yaml")
    assert (answer.code, codes(answer.err)) == (0, ["SS1004"])
    assert manifests(project) == {
        "Stack/default": {"components": {"orchestrator": "default", "artifact_store": "default"}},
        "orchestrator/default": {"type": "orchestrator", "flavor": "local"},
        "artifact_store/default": {
            "type": "artifact_store",
            "flavor": "local",
            "config": {"path": "./artifacts/default"},
        },
    }
    assert ask("apply", "--yes").code == 0
    assert ask("destroy", "--yes").code == 0


@pytest.mark.parametrize(
    ("file", "warned", "expected"),
    [
        (
            "aws.yaml",
            {"SS1002": 4, "SS1004": 1, "SS1005": 2},
            {
                "artifact_store/s3-artifacts": {
                    "bucket": "acme-artifacts",
                    "prefix": "zenml",
                    "region": "eu-central-1",
                    "endpoint_url": "https://s3.example.org",
                },
                "container_registry/ecr": {"region": "eu-central-1", "repository": "zenml"},
                "experiment_tracker/tracking": {
                    "uri": "https://mlflow.example.org",
                    "username": "{{ secrets.tracking.username }}",
                    "password": "{{ secrets.tracking.password }}",
                },
                "model_registry/models": {"uri": "{{ components['experiment_tracker/tracking'].outputs.uri }}"},
            },
        ),
        (
            "gcp.yaml",
            {"SS1003": 1, "SS1006": 1},
            {
                "artifact_store/gcs": {"bucket": "acme-artifacts", "prefix": "zenml/prod"},
                "container_registry/gar": {"uri": "europe-west3-docker.pkg.dev/acme-ml/zenml"},
                "alerter/slack": {"token": "{{ secrets.slack.token }}", "channel": "C0123456"},
            },
        ),
        (
            "my-kubernetes.yaml",
            {"SS1006": 1, "SS1007": 2},
            {
                "orchestrator/k8s-prod": {"context": "prod", "namespace": "zenml"},
                "artifact_store/azure-blobs": {
                    "account_url": "https://acmeml.blob.core.windows.net",
                    "container": "artifacts",
                    "prefix": "zenml",
                },
                "model_deployer/seldon": {"uri": "https://seldon.example.org"},
                "experiment_tracker/wandb": {
                    "api_key": "{{ secrets.wandb.api_key }}",
                    "entity": "acme",
                    "project": "fraud",
                },
            },
        ),
        ("laptop.yaml", {"SS1002": 1, "SS1003": 1, "SS1004": 2, "SS1006": 1}, {"log_store/otel": {}}),
    ],
)
def test_what_zenml_exports_comes_over(
    file: str, warned: dict[str, int], expected: dict[str, dict[str, str]], project: Path, ask: Ask
) -> None:
    answer = ask("stack", "import", file)
    assert answer.code == 0, answer.err
    told = codes(answer.err)
    assert {code: told.count(code) for code in warned} == warned
    found = manifests(project)
    for name, config in expected.items():
        assert dict(found[name]["config"], **config) == found[name]["config"]  # type: ignore[call-overload]  # parsed
    text = "".join(one.read_text() for one in (project / "stacks").glob("*.yaml"))
    for secret in ("hunter2", "plain-text", "AKIA", ": ada"):
        assert secret not in text
    assert ask("validate").code == 0


def test_what_the_file_does_not_tell_can_be_given(project: Path, ask: Ask) -> None:
    answer = ask("stack", "import", "aws.yaml", "step-operator.region=eu-central-1", "-o", "json")
    assert answer.code == 0
    assert "SS1004" not in {one["code"] for one in answer.json["diagnostics"]}
    assert manifests(project)["Stack/aws"]["components"]["step_operator"] == ["gpus", "k8s"]  # type: ignore[index]  # parsed
    refused = ask("stack", "import", "gcp.yaml", "sandbox.image=x")
    assert refused.code == 1
    assert "SS0502" in refused.err


def test_a_dry_run_writes_nothing(project: Path, ask: Ask) -> None:
    answer = ask("stack", "import", "default.yaml", "--dry-run", "--name", "other")
    assert answer.code == 0
    assert "+  name: other" in answer.out
    assert not manifests(project)


def test_components_that_are_there_just_so_are_shared(project: Path, ask: Ask) -> None:
    assert ask("stack", "import", "default.yaml").code == 0
    before = {file.name for file in (project / "stacks").iterdir()}
    assert ask("stack", "import", "default.yaml", "--name", "second").code == 0
    assert {file.name for file in (project / "stacks").iterdir()} - before == {"second.yaml"}
    again = ask("stack", "import", "default.yaml")
    assert again.code == 1
    assert "SS0401" in again.err
    (project / "other.yaml").write_text(exported(local(artifact_store=one("local", "default", path="./elsewhere"))))
    other = ask("stack", "import", "other.yaml")
    assert other.code == 1
    assert "declared already, in another way" in other.err


def test_the_form_of_older_versions(project: Path, ask: Ask) -> None:
    configuration = {"path": "s3://acme/x/", "client_kwargs": json.dumps({"region_name": "eu-west-1"})}
    store = {"name": "s3", "flavor": "s3", "configuration": configuration, "connector": "aws-prod"}
    components = {"orchestrator": {"name": "o", "flavor": "local", "configuration": {}}, "artifact_store": store}
    (project / "old.yaml").write_text(exported(components))
    answer = ask("stack", "import", "old.yaml")
    assert (answer.code, codes(answer.err)) == (0, ["SS1002"])
    assert manifests(project)["artifact_store/s3"]["config"] == {"bucket": "acme", "prefix": "x", "region": "eu-west-1"}


def test_texts_stay_texts_and_secrets_stay_out(project: Path, ask: Ask) -> None:
    components = local(
        artifact_store=one("local", path="./a{{ env.HOME }}"),
        experiment_tracker=one("mlflow", "mlflow", tracking_uri="https://ada:hunter2@mlflow.example.org"),
        alerter=one("slack", "mlflow", slack_token="xoxb-plain", slack_channel_id="{{mlflow.uri}}"),
    )
    (project / "file.yaml").write_text(exported(components))
    answer = ask("stack", "import", "file.yaml")
    assert answer.code == 0, answer.err
    found = manifests(project)
    assert found["artifact_store/one"]["config"] == {"path": "{{ './a\\x7b{ env.HOME }}' }}"}
    assert found["experiment_tracker/mlflow"]["config"] == {"uri": "{{ secrets['experiment_tracker-mlflow'].uri }}"}
    written = "".join(file.read_text() for file in (project / "stacks").iterdir())
    assert "hunter2" not in written + answer.out + answer.err
    assert "xoxb" not in written + answer.out


def test_what_other_machines_would_not_reach_is_left_out(project: Path, ask: Ask) -> None:
    components = {
        "orchestrator": one("kubernetes"),
        "artifact_store": one("gcp", path="gs://acme-artifacts"),
        "container_registry": one("github", uri="ghcr.io/acme"),
        "experiment_tracker": one("mlflow", tracking_password="hunter2"),
        "model_registry": one("mlflow"),
    }
    (project / "file.yaml").write_text(exported(components))
    answer = ask("stack", "import", "file.yaml")
    assert (answer.code, sorted(codes(answer.err))) == (0, ["SS1004", "SS1004", "SS1006"])
    assert set(manifests(project)) == {
        "Stack/dev",
        "orchestrator/one",
        "artifact_store/one",
        "container_registry/one",
    }


def test_mlstacks(project: Path, ask: Ask) -> None:
    for file in (FILES / "mlstacks").iterdir():
        shutil.copy(file, project)
    answer = ask("stack", "import", "stack.yaml")
    assert answer.code == 0, answer.err
    found = manifests(project)
    assert found["artifact_store/aws-artifacts"]["config"] == {"bucket": "acme-artifacts"}
    assert found["container_registry/aws-images"]["config"] == {"region": "eu-north-1", "repository": "acme"}


FLAWED = {
    "": "SS1001",
    "a: [": "SS0107",
    "- 1": "SS1001",
    "a: 1": "SS1001",
    "stack_name: 3\ncomponents: {}": "SS1001",
    "stack_name: dev\ncomponents: []": "SS1001",
    "stack_name: dev\ncomponents: {orchestrator: 3}": "SS1001",
    "stack_name: dev\ncomponents: {orchestrator: [3]}": "SS1001",
    "stack_name: dev\ncomponents: {orchestrator: [{name: a}]}": "SS1001",
    "stack_name: dev\ncomponents: {orchestrator: [{name: a, flavor: local, configuration: []}]}": "SS1001",
    "stack_name: dev\ncomponents: {orchestrator: [{name: [], flavor: local}]}": "SS1001",
    "stack_name: dev\ncomponents: {}": "SS0404",
    "stack_name: dev\ncomponents: {teapot: [{name: a, flavor: b}]}": "SS0404",
    "stack_name: '...'\ncomponents: {}": "SS1001",
    "stack_name: dev\ncomponents: !!python/object/apply:os.system [true]": "SS0109",
    "a: 1\n---\nb: 2": "SS1001",
    "spec_type: stack\nname: dev\ncomponents: 3": "SS1001",
    "spec_type: stack\nname: dev\ncomponents: [3]": "SS1001",
    "spec_type: stack\nname: dev\ncomponents: [gone.yaml]": "SS0111",
    "spec_type: stack\nname: dev\ncomponents: [/etc/passwd]": "SS0103",
    "spec_type: stack\nname: dev\ncomponents: [../x.yaml]": "SS0103",
    "x: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(f"y{n}: &b{n} [{'*a,' * 30}]\n" for n in range(9)): "SS0106",
    exported(local(experiment_tracker=one("mlflow", "A b") + one("mlflow", "a-b"))): "SS0401",
    exported(local(alerter=one("slack", slack_token="{{a.b}}") + one("slack", "two", slack_token="{{A.b}}"))): "SS0401",
    exported(local(artifact_store=one("local", path="../../etc"))): "SS0406",
    exported(local(artifact_store=one("gcp", path=["gs://x"]))): "SS0404",
    exported(local(orchestrator=one("vm_aws"))): "SS0404",
    exported(local(orchestrator=one("kubernetes"))): "SS0411",
}


@pytest.mark.parametrize("text", FLAWED, ids=lambda text: text[:40])
def test_what_cannot_come_over_is_refused_as_a_whole(text: str, project: Path, ask: Ask) -> None:
    (project / "file.yaml").write_text(text)
    answer = ask("stack", "import", "file.yaml")
    assert answer.code == 1
    assert f"error[{FLAWED[text]}]" in answer.err
    assert "--> file.yaml" in answer.err or "--> stacks/" in answer.err
    assert not list((project / "stacks").iterdir())


def test_what_is_no_file_of_a_bearable_size_is_refused(project: Path, ask: Ask) -> None:
    with open(project / "huge.yaml", "wb") as file:
        file.truncate(100_000_000)
    for name, code in (("huge.yaml", "SS0106"), ("stacks", "SS0102"), ("none.yaml", "SS0111"), ("a\0b", "SS0101")):
        answer = ask("stack", "import", name)
        assert answer.code == 1
        assert f"error[{code}]" in answer.err


def test_a_secret_of_the_project_is_used_and_never_changed(project: Path, ask: Ask) -> None:
    secret = (
        "apiVersion: stackspec.dev/v1\nkind: Secret\nmetadata: {name: slack}\nspec: {store: env, keys: {token: MINE}}\n"
    )
    (project / "stacks" / "secret.yaml").write_text(secret)
    assert ask("stack", "import", "gcp.yaml").code == 0
    assert not (project / "stacks" / "secret-slack.yaml").exists()
    (project / "file.yaml").write_text(exported(local(alerter=one("slack", slack_token="{{slack.other}}"))))
    answer = ask("stack", "import", "file.yaml")
    assert answer.code == 1
    assert "declared already, without other" in answer.err
