"""What runs on a stack uses a component by its type, whatever its flavor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.artifact_store.local import LocalArtifactStore
from stackspec.flavors.contract import HookError
from stackspec.flavors.file_store import FileStore
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
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
    ("kind", "flavor"), [("artifact_store", "local"), ("artifact_store", "s3"), ("log_store", "local")]
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


def test_logs(tmp_path: Path) -> None:
    store = made(tmp_path, "log_store", "local", path="logs")
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


def test_before_it_is_provisioned(tmp_path: Path) -> None:
    store = Subjects(tmp_path).component(LocalArtifactStore, {"path": "data"})
    with pytest.raises(HookError, match="not provisioned"):
        store.list()
