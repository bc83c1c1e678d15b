"""Images built from files of this machine, by an engine and by programs, and pushed to a registry of this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.image_builder import ImageBuilder
from stackspec.flavors.image_builder.buildah import BuildahImageBuilder
from stackspec.flavors.image_builder.docker import DockerImageBuilder
from stackspec.flavors.image_builder.kaniko import KanikoImageBuilder
from stackspec.flavors.registry import Registry
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


class TestBuildah(FlavorConformance):
    @pytest.fixture
    def case(self) -> FlavorCase:
        return FlavorCase(
            flavor=BuildahImageBuilder,
            config=lambda _: {"store_dir": "images"},
            changed=lambda _: {"store_dir": "images", "isolation": "oci"},
            beside=lambda _: {"store_dir": "others"},
            before=lambda root: (root / "images").mkdir(),
            kill_points=6,
        )


class TestDocker(FlavorConformance):
    @pytest.fixture
    def case(self, podman: str) -> FlavorCase:
        login = {"registry": "ghcr.io", "username": "ada", "password": "C4nary"}
        return FlavorCase(
            flavor=DockerImageBuilder,
            config=lambda _: {"docker_host": podman},
            changed=lambda _: {"docker_host": podman, **login},
            provisions=False,
            kill_points=3,
        )


class TestKaniko(FlavorConformance):
    @pytest.fixture
    def case(self) -> FlavorCase:
        return FlavorCase(
            flavor=KanikoImageBuilder,
            config=lambda _: {"context_uri": "s3://builds/contexts"},
            changed=lambda _: {"context_uri": "gs://builds", "namespace": "builds"},
            provisions=False,
            kill_points=3,
        )


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    (folder / "data").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\nARG who=nobody\nLABEL who=$who\nCOPY . /app\n", encoding="utf-8")
    (folder / "app.txt").write_text("app", encoding="utf-8")
    (folder / "secret.env").write_text("no", encoding="utf-8")
    (folder / "data" / "big.bin").write_text("no", encoding="utf-8")
    (folder / ".dockerignore").write_text("*.env\ndata/**\n", encoding="utf-8")
    return folder


@pytest.fixture
def builder_config(flavor: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A config with which a builder of that flavor works here."""
    if flavor == "docker":
        return {"docker_host": request.getfixturevalue("podman")}
    servers.program("buildah", "apt-get install buildah")
    folder = request.getfixturevalue("tmp_path")
    registries = folder / "registries.conf"
    registries.write_text('[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n', encoding="utf-8")
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(registries))
    if flavor == "buildah":
        return {}
    storage = folder / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")
    return {"program": "buildah"}


def made(subjects: Subjects, flavor: str, config: Mapping[str, Any]) -> ImageBuilder:
    """A builder that is provisioned."""
    cls = Registry().flavor("image_builder", flavor)
    outputs = plain(subjects.component(cls, dict(config)).provision())
    builder = subjects.component(cls, dict(config), outputs=outputs)
    assert isinstance(builder, ImageBuilder)
    return builder


def skopeo(*arguments: str) -> Any:
    program = servers.program("skopeo", "apt-get install skopeo")
    command = [program, *arguments, "--tls-verify=false", "--creds=ada:right"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.mark.parametrize("flavor", ["docker", "buildah", "local"])
def test_an_image_is_built_and_pushed(
    flavor: str, builder_config: dict[str, Any], docker_registry: str, sources: Path, subjects: Subjects
) -> None:
    login = {"registry": docker_registry, "username": "ada", "password": "right"}
    builder = made(subjects, flavor, {**builder_config, **login})
    image = f"{docker_registry}/team/{flavor}:v1"
    built = builder.build(sources, image, build_args={"who": "ada"})
    assert built.startswith("sha256:")
    digest = builder.push(image)
    found = skopeo("inspect", f"docker://{docker_registry}/team/{flavor}@{digest}")
    assert (found["Digest"], found["Labels"]["who"]) == (digest, "ada")
    assert builder.push(image) == digest
    (sources / "Dockerfile").write_text(f"FROM {docker_registry}/team/{flavor}@{digest}\nLABEL more=1\n")
    assert builder.build(sources, f"{image}-more") != built
    refused = made(subjects, flavor, {**builder_config, **login, "password": "C4nary-wrong"})
    with pytest.raises(HookError) as caught:
        refused.push(image)
    assert "C4nary" not in f"{caught.value.message} {caught.value.hint}"
    with pytest.raises(HookError):  # another registry is not shown the password
        made(subjects, flavor, {**builder_config, **login, "registry": "ghcr.io"}).push(image)


@pytest.mark.parametrize("flavor", ["docker", "buildah", "local"])
def test_what_cannot_be_built_is_told(
    flavor: str, builder_config: dict[str, Any], sources: Path, subjects: Subjects
) -> None:
    builder = made(subjects, flavor, builder_config)
    (sources / "wrong").write_text("FROM scratch\nCOPY absent /\n", encoding="utf-8")
    for image, dockerfile, arguments in (
        ("localhost/x:1", "wrong", {}),
        ("localhost/x:1", "absent", {}),
        ("localhost/x:1", "../../outside", {}),
        ("--all", "Dockerfile", {}),
        ("localhost/x:1", "Dockerfile", {"a b": "c"}),
    ):
        with pytest.raises(HookError):
            builder.build(sources, image, dockerfile, arguments)
    telling = Subjects(sources.parent).component(
        type(builder), builder_config, tells_secret=lambda text: "C4nary" in text
    )
    with pytest.raises(HookError, match="would tell a secret"):
        telling.build(sources, "localhost/x:1", build_args={"who": "C4nary"})


def test_what_is_ignored_is_not_sent_to_an_engine(sources: Path) -> None:
    from stackspec.flavors.image_builder.docker import _wanted

    def sent() -> set[str]:
        return {path.relative_to(sources).as_posix() for path in _wanted(sources, "Dockerfile")}

    assert sent() == {".dockerignore", "Dockerfile", "app.txt", "data"}
    (sources / ".dockerignore").write_text("# all but\n*\n!data/*.bin\n", encoding="utf-8")
    assert sent() == {"Dockerfile", "data/big.bin"}
    (sources / ".dockerignore").write_text("**/*.bin\n/secret.en?\n[ab]pp.txt\n", encoding="utf-8")
    assert sent() == {".dockerignore", "Dockerfile", "data"}


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_no_engine(host: str, subjects: Subjects) -> None:
    builder = subjects.component(DockerImageBuilder, {"docker_host": host})
    seen = builder.observe()
    assert (seen.provisioned, seen.running) == (True, False)
    assert f"no Docker engine answers at {host}" in seen.detail
    assert plain(builder.provision())["uri"] == host
    assert f"no Docker engine answers at {host}" in subjects.lines[0]


@pytest.mark.parametrize("given", [{"username": "ada"}, {"password": "x", "registry": "ghcr.io"}])
def test_a_login_that_is_not_whole(given: dict[str, str], subjects: Subjects) -> None:
    builder = subjects.component(BuildahImageBuilder, given)
    with pytest.raises(HookError, match="belong together"):
        builder.push("ghcr.io/x/y:1")


def test_those_that_do_not_build_from_here_say_so(sources: Path, subjects: Subjects) -> None:
    kaniko = subjects.component(KanikoImageBuilder, {"context_uri": "s3://builds"})
    with pytest.raises(HookError, match="flavor 'kaniko' does not build from here"):
        kaniko.build(sources, "localhost/x:1")


@pytest.mark.parametrize("secret", [None, "login"])
def test_the_job_of_kaniko_is_one_that_a_cluster_takes(secret: str | None, subjects: Subjects) -> None:
    import kubernetes_validate

    config = {"context_uri": "s3://builds/contexts/", "namespace": "builds", "registry_secret": secret}
    kaniko = subjects.component(KanikoImageBuilder, config, tells_secret=lambda text: "C4nary" in text)
    job = kaniko.job("run-1.tar.gz", "ghcr.io/acme/x:1", build_args={"who": "ada"})
    kubernetes_validate.validate(job, "1.31", strict=True)
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert "--context=s3://builds/contexts/run-1.tar.gz" in container["args"]
    assert job["metadata"]["annotations"]["stackspec/identity"].startswith("mine")
    assert job == kaniko.job("run-1.tar.gz", "ghcr.io/acme/x:1", build_args={"who": "ada"})
    with pytest.raises(HookError, match="would tell a secret"):
        kaniko.job("run-1.tar.gz", "ghcr.io/acme/x:1", build_args={"who": "C4nary"})
