"""Container registries of clouds: ECR as moto speaks it, and those that are only named."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.container_registry import ContainerRegistry
from stackspec.flavors.container_registry.aws import AwsContainerRegistry
from stackspec.flavors.contract import HookError, spec_of
from stackspec.flavors.registry import Registry
from stackspec.manifest.schema import Checker
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects

ALL = {
    "scan_on_push": True,
    "immutable_tags": True,
    "untagged_expire_days": 7,
    "keep_images": 0,
    "tags": {"team": "a"},
}
"""A config with everything in it that can be seen."""
NAMED = {
    "dockerhub": ("docker.io/acme", ["docker.io", "docker.io/a/b", "acme", "docker.io/Acme"], "registry-1.docker.io"),
    "github": ("ghcr.io/acme/team", ["ghcr.io", "ghcr.io.evil.org/acme", "https://ghcr.io/acme"], "ghcr.io"),
    "gcp": (
        "europe-west1-docker.pkg.dev/acme/images",
        ["europe-west1-docker.pkg.dev/acme", "pkg.dev/a/b", "x.gcr.io.evil/a"],
        "europe-west1-docker.pkg.dev",
    ),
    "azure": (
        "acmeteam.azurecr.io/x",
        ["azurecr.io", "acme_team.azurecr.io", "acmeteam.azurecr.io/"],
        "acmeteam.azurecr.io",
    ),
}


def name_for(root: Path, suffix: str = "") -> str:
    """A repository of a project's own."""
    return f"team/r-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}{suffix}"


@pytest.fixture
def repository(tmp_path: Path) -> str:
    return name_for(tmp_path)


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


def client(url: str) -> Any:
    import boto3

    return boto3.client("ecr", endpoint_url=url, region_name="us-east-1")


def push(url: str, repository: str, tag: str) -> None:
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "tag": tag}
    client(url).put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)


class TestEcr(FlavorConformance):
    @pytest.fixture
    def case(self, moto: str) -> FlavorCase:
        def config(root: Path, **other: Any) -> dict[str, Any]:
            return {"repository": name_for(root), "endpoint_url": moto, **ALL, **other}

        changes = {"scan_on_push": False, "immutable_tags": False, "untagged_expire_days": 0, "keep_images": 5}
        return FlavorCase(
            flavor=AwsContainerRegistry,
            config=config,
            changed=lambda root: config(root, **changes, tags={"team": "b", "x": "y"}),
            beside=lambda root: config(root, repository=name_for(root, "-2")),
            before=lambda root: client(moto).create_repository(repositoryName=name_for(root)),
            kill_points=2,
        )


def test_its_life(moto: str, subjects: Subjects, repository: str) -> None:
    config = {"repository": repository, "endpoint_url": moto, **ALL}
    component = subjects.component(AwsContainerRegistry, config)
    assert component.observe().detail == f"the repository {repository} does not exist"
    outputs = plain(component.provision())
    assert outputs["uri"].endswith(f".dkr.ecr.us-east-1.amazonaws.com/{repository}")
    seen = component.observe()
    assert (seen.detail, seen.fields) == ("made by stackspec, empty", ALL)
    there = subjects.component(AwsContainerRegistry, config, outputs=outputs)
    image = there.image("train/fraud", "v1")
    assert image == f"{outputs['uri']}:train..fraud_.v1"
    assert there.holds(image)
    assert not there.holds(f"{outputs['uri']}2:x")
    with pytest.raises(HookError, match="too long"):
        there.image("x" * 100, "y" * 100)
    assert there.login() == ("AWS", "123456789012-auth-token")
    push(moto, repository, image.rpartition(":")[2])
    component.deprovision()
    assert subjects.lines == [f"the repository {repository} is kept: it holds 1 image, and delete_data is false"]
    arn = outputs["arn"]
    assert client(moto).list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "team", "Value": "a"}]
    assert component.observe().detail == "was there before, 1 image"


def test_images_go_where_told(moto: str, subjects: Subjects, repository: str) -> None:
    config = {"repository": repository, "endpoint_url": moto, "delete_data": True}
    component = subjects.component(AwsContainerRegistry, config)
    component.provision()
    push(moto, repository, "x")
    component.deprovision()
    assert not component.observe().provisioned


def other_tags(ecr: Any, repository: str) -> None:
    arn = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "new", "Value": "x"}])


def edit(request: str, **arguments: Any) -> Callable[[Any, str], None]:
    return lambda ecr, repository: getattr(ecr, request)(repositoryName=repository, **arguments)


@pytest.mark.parametrize(
    ("change", "drifted"),
    [
        (
            edit("put_image_scanning_configuration", imageScanningConfiguration={"scanOnPush": False}),
            {"scan_on_push": False},
        ),
        (edit("put_image_tag_mutability", imageTagMutability="MUTABLE"), {"immutable_tags": False}),
        (edit("delete_lifecycle_policy"), {"untagged_expire_days": 0}),
        (other_tags, {"tags": {"team": "a", "new": "x"}}),
    ],
)
def test_drift_is_seen_and_mended(
    moto: str, subjects: Subjects, repository: str, change: Callable[[Any, str], None], drifted: dict[str, Any]
) -> None:
    component = subjects.component(AwsContainerRegistry, {"repository": repository, "endpoint_url": moto, **ALL})
    component.provision()
    change(client(moto), repository)
    assert component.observe().fields == {**ALL, **drifted}
    component.provision()
    assert component.observe().fields == ALL


def test_a_repository_of_another_component(moto: str, subjects: Subjects, repository: str) -> None:
    config = {"repository": repository, "endpoint_url": moto}
    theirs = subjects.component(AwsContainerRegistry, config, identity="theirs")
    theirs.provision()
    ours = subjects.component(AwsContainerRegistry, config)
    owner = ours.observe().owner
    assert owner is not None
    assert owner.identity == "theirs"
    with pytest.raises(HookError, match="belongs to another component") as caught:
        ours.provision()
    assert "use another repository" in str(caught.value.hint)
    ours.deprovision()
    assert theirs.observe().provisioned


def test_what_goes_wrong(moto: str, subjects: Subjects, repository: str) -> None:
    config = {"repository": repository, "endpoint_url": moto}
    with pytest.raises(HookError, match="does not exist, and create is false"):
        subjects.component(AwsContainerRegistry, {**config, "create": False}).provision()
    nowhere = {**config, "endpoint_url": f"http://127.0.0.1:{servers.free_port()}"}
    with pytest.raises(HookError, match="does not answer") as caught:
        subjects.component(AwsContainerRegistry, nowhere).observe()
    assert caught.value.transient
    with pytest.raises(HookError, match="no credentials"):
        subjects.component(AwsContainerRegistry, {**config, "profile": "none"}).observe()
    with pytest.raises(HookError, match="out of time"):
        subjects.component(AwsContainerRegistry, config, deadline=monotonic() - 1).provision()


@pytest.mark.parametrize("flavor", NAMED)
class TestNamed:
    def test_what_is_none_of_its_names_is_refused(self, flavor: str) -> None:
        right, wrong, _ = NAMED[flavor]
        checker = Checker(spec_of(Registry().flavor("container_registry", flavor)).schema)
        assert not checker.check({"uri": right})
        assert all(checker.check({"uri": one}) for one in wrong)

    def test_it_is_named_and_asked(self, flavor: str, subjects: Subjects, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{servers.free_port()}")  # nobody is asked for real
        uri, _, host = NAMED[flavor]
        cls = Registry().flavor("container_registry", flavor)
        config = {"uri": uri, "username": "ada", "password": "C4nary-token"}
        outputs = plain(subjects.component(cls, config).provision())
        assert outputs == {"uri": uri}
        assert subjects.lines[0].startswith(
            f"the registry {uri} is not reachable: https://{host}/v2/ cannot be reached"
        )
        registry = subjects.component(cls, config, outputs=outputs)
        assert isinstance(registry, ContainerRegistry)
        assert registry.observe().running is False
        assert registry.image("train", "v1") == f"{uri}/train:v1"
        assert registry.login() == ("ada", "C4nary-token")
        nobody = subjects.component(cls, {"uri": uri})
        assert isinstance(nobody, ContainerRegistry)
        assert nobody.login() is None
        assert "C4nary" not in f"{subjects.lines} {registry.observe()}"
        registry.deprovision()


def test_its_spec_loads_without_its_packages() -> None:
    script = "import sys, stackspec.flavors.container_registry.aws; print(*{'boto3', 'botocore'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
