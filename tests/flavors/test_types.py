"""What runs on a stack uses a component by its type, whatever its flavor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.artifact_store.local import LocalArtifactStore
from stackspec.flavors.container_registry import ContainerRegistry
from stackspec.flavors.contract import HookError
from stackspec.flavors.experiment_tracker import ExperimentTracker
from stackspec.flavors.extras import require_extra
from stackspec.flavors.file_store import FileStore
from stackspec.flavors.log_store import LogStore
from stackspec.flavors.registry import Registry
from stackspec.flavors.sandbox import Result, Sandbox
from stackspec.flavors.types import COMPONENT_TYPES
from tests import servers
from tests.flavors.contexts import Subjects

REGISTRY = Registry()


def made(root: Path, kind: str, flavor: str, **config: Any) -> Any:
    """A component that is provisioned."""
    cls, subjects = REGISTRY.flavor(kind, flavor), Subjects(root)
    outputs = plain(subjects.component(cls, config).provision())
    return subjects.component(cls, config, outputs=outputs)


@pytest.mark.parametrize("kind", COMPONENT_TYPES)
def test_each_type_says_what_it_tells_others(kind: str) -> None:
    for flavor in REGISTRY.flavors_of(kind):
        spec = REGISTRY.spec(kind, flavor)
        assert "uri" in spec.outputs
        assert (spec.type, spec.flavor) == (kind, flavor)


@pytest.mark.parametrize(
    ("kind", "flavor"),
    [("artifact_store", "local"), ("artifact_store", "s3"), ("artifact_store", "gcs"), ("log_store", "local")],
)
def test_files(kind: str, flavor: str, store_config: dict[str, Any], tmp_path: Path) -> None:
    store: FileStore = made(tmp_path, kind, flavor, **store_config)
    assert store.list() == []
    store.write("deep/er/one.bin", b"\0\1")
    with store.open("two.txt", "w") as file:
        file.write("two")
    assert store.list() == ["deep/er/one.bin", "two.txt"]
    assert store.list("deep") == ["deep/er/one.bin"]
    assert (store.read("deep/er/one.bin"), store.exists("two.txt"), store.exists("three")) == (b"\0\1", True, False)
    store.write("two.txt", b"2")
    assert store.read("two.txt") == b"2"
    store.delete("deep")
    store.delete("deep")
    assert store.list() == ["two.txt"]
    with pytest.raises(FileNotFoundError):
        store.read("deep/er/one.bin")
    for astray in ("/etc/passwd", "../x", "deep/../../x"):
        with pytest.raises(HookError):
            store.write(astray, b"")


@pytest.mark.parametrize("flavor", ["local", "artifact", "cloudwatch"])
def test_logs(flavor: str, log_config: dict[str, Any], tmp_path: Path) -> None:
    store: LogStore = made(tmp_path, "log_store", flavor, **log_config)
    assert store.lines("run-1") == []
    store.append("run-1", ["first", "second"])
    store.append("run-1", ["third ä"])
    store.append("run-2", ["other"])
    assert store.lines("run-1") == ["first", "second", "third ä"]
    with pytest.raises(HookError):
        store.append("../run", ["x"])


def test_images(tmp_path: Path) -> None:
    registry = made(tmp_path, "container_registry", "default", uri="localhost:5000/team")
    assert registry.image("train/fraud", "v1") == "localhost:5000/team/train/fraud:v1"
    assert registry.holds("localhost:5000/team/x:latest")
    assert not registry.holds("localhost:5000/teams/x:latest")
    for name, tag in (("Upper", "v1"), ("x", "a b"), ("", "v1"), ("x", "")):
        with pytest.raises(HookError):
            registry.image(name, tag)


@pytest.mark.parametrize("flavor", ["default", "github", "aws"])
def test_images_of_any_registry(
    flavor: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{servers.free_port()}")  # nobody elsewhere is asked
    config = {"uri": "localhost:5000/team"} if flavor == "default" else {"uri": "ghcr.io/team"}
    if flavor == "aws":
        config = {"repository": "types/images", "endpoint_url": request.getfixturevalue("moto")}
    registry: ContainerRegistry = made(tmp_path, "container_registry", flavor, **config)
    image = registry.image("train/fraud", "v1")
    assert image != registry.image("train/fraud", "v2")
    assert registry.holds(image)
    assert not registry.holds("elsewhere.example.org/train/fraud:v1")
    assert registry.login() is None or flavor == "aws"


def test_before_it_is_provisioned(tmp_path: Path) -> None:
    store = Subjects(tmp_path).component(LocalArtifactStore, {"path": "data"})
    with pytest.raises(HookError, match="not provisioned"):
        store.list()


def test_a_part_of_a_package_that_is_missing() -> None:
    with pytest.raises(HookError, match=r"not installed: nowhere\.cloud\.storage") as caught:
        require_extra("gcs-artifacts", "nowhere.cloud.storage")
    assert caught.value.hint == "pip install 'stackspec[gcs-artifacts]'"


@pytest.mark.parametrize("flavor", ["local", "docker"])
def test_commands_in_any_sandbox(flavor: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    servers.needs("psutil", "process")
    config: dict[str, Any] = {}
    if flavor == "docker":
        host = request.getfixturevalue("podman")
        config = {"docker_host": host, "image": "localhost/busybox:1", "command": ["/bin/busybox", "sleep", "infinity"]}
    box: Sandbox = made(tmp_path, "sandbox", flavor, **config)
    try:
        script = 'read line < in/given; echo "$line $WHO"; echo kept > file; exit 3'
        result = box.run(["sh", "-c", script], 20, files={"in/given": b"hello\n"}, variables={"WHO": "ada"})
        assert result == Result(3, "hello ada\n", "")
        assert box.run(["sh", "-c", "read line < file; echo $line >&2"], 20) == Result(0, "", "kept\n")
        assert box.run(["sh", "-c", "while :; do :; done"], 0.5).timed_out
        with pytest.raises(HookError):
            box.run(["sh"], 20, files={"../x": b""})
    finally:
        box.deprovision()
    assert not box.observe().provisioned


def recorded(tracker: ExperimentTracker) -> str:
    """A run as any code records it, whatever the tracker's flavor; what it is called."""
    with tracker.run("train", "fraud") as run:
        run.log_parameters({"depth": 3})
        run.log_metrics({"loss": 0.5}, step=1)
        run.tag("data", "2026")
    assert run.url
    return run.id


@pytest.mark.parametrize("flavor", ["tensorboard", "wandb"])
def test_runs_of_any_tracker(flavor: str, tmp_path: Path) -> None:
    module = "tensorboardX" if flavor == "tensorboard" else "wandb"
    servers.needs(module, flavor)
    place = tmp_path / "runs"
    place.mkdir()
    outputs = {
        "tensorboard": {"uri": "http://127.0.0.1:1", "log_dir": str(place)},
        "wandb": {
            "uri": place.as_uri(),
            "mode": "offline",
            "project": "fraud",
            "entity": "",
            "base_url": "https://api.wandb.ai",
            "directory": str(place),
            "api_key": "",
        },
    }[flavor]
    config = {"mode": "offline", "project": "fraud"} if flavor == "wandb" else {}
    cls: type[ExperimentTracker] = Registry().flavor("experiment_tracker", flavor)  # type: ignore[assignment]  # by type
    tracker = Subjects(tmp_path).component(cls, config, outputs=outputs)
    assert recorded(tracker) != recorded(tracker)
    assert any(place.rglob("*"))
