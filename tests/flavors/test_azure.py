"""Artifacts in containers of Azure Blob Storage, kept by Azurite."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.artifact_store import azure as azure_flavor
from stackspec.flavors.artifact_store.azure import AzureArtifactStore
from stackspec.flavors.contract import HookError
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects


def name_for(root: Path, suffix: str = "") -> str:
    """A container of a project's own."""
    return f"c-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}{suffix}"


@pytest.fixture
def container(tmp_path: Path) -> str:
    return name_for(tmp_path)


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


def client(url: str, container: str) -> Any:
    from azure.storage.blob import ContainerClient

    return ContainerClient(url, container, servers.AZURITE_KEY)


class TestAzurite(FlavorConformance):
    @pytest.fixture
    def case(self, azurite: str) -> FlavorCase:
        def config(root: Path, **other: Any) -> dict[str, Any]:
            return {"account_url": azurite, "container": name_for(root), "metadata": {"team": "a"}, **other}

        return FlavorCase(
            flavor=AzureArtifactStore,
            config=lambda root: config(root, public_access="none"),
            changed=lambda root: config(root, public_access="blob", metadata={"team": "b", "cost": "12"}),
            beside=lambda root: config(root, container=name_for(root, "-2")),
            before=lambda root: client(azurite, name_for(root)).create_container(),
            kill_points=4,
        )


def test_its_life(azurite: str, subjects: Subjects, container: str) -> None:
    config = {"account_url": azurite, "container": container, "prefix": "team/a", "delete_data": True}
    component = subjects.component(AzureArtifactStore, config)
    assert component.observe().detail == f"{azurite}/{container} does not exist"
    expected = {"uri": f"abfs://{container}/team/a", "account_url": azurite, "container": container}
    assert plain(component.provision()) == expected
    assert component.observe().detail == "made by stackspec, empty"
    client(azurite, container).upload_blob("a", b"1")
    component.deprovision()
    assert component.observe().detail == f"{azurite}/{container} does not exist"
    component.deprovision()
    assert subjects.lines == []


@pytest.mark.parametrize(
    ("change", "real"),
    [
        (lambda one: one.set_container_access_policy({}, public_access="container"), {"public_access": "container"}),
        (
            lambda one: one.set_container_metadata(
                {**one.get_container_properties().metadata, "team": "z", "new": "x"}
            ),
            {"metadata": {"team": "z", "new": "x"}},
        ),
    ],
)
def test_drift_is_seen_and_mended(
    azurite: str, subjects: Subjects, container: str, change: Callable[[Any], None], real: dict[str, Any]
) -> None:
    config = {"account_url": azurite, "container": container, "public_access": "none", "metadata": {"team": "a"}}
    component = subjects.component(AzureArtifactStore, config)
    component.provision()
    wanted = {"public_access": "none", "metadata": {"team": "a"}}
    assert component.observe().fields == wanted
    change(client(azurite, container))
    assert component.observe().fields == {**wanted, **real}
    component.provision()
    assert component.observe().fields == wanted
    assert component.observe().detail == "made by stackspec, empty"


def test_what_is_public_changes_and_signed_access_stays(azurite: str, subjects: Subjects, container: str) -> None:
    from azure.storage.blob import AccessPolicy, ContainerSasPermissions

    theirs = client(azurite, container)
    theirs.create_container()
    policy = AccessPolicy(ContainerSasPermissions(read=True), "2100-01-01T00:00:00Z", "2020-01-01T00:00:00Z")
    theirs.set_container_access_policy({"reader": policy}, public_access="blob")
    config = {"account_url": azurite, "container": container, "public_access": "none"}
    subjects.component(AzureArtifactStore, config).provision()
    found = theirs.get_container_access_policy()
    assert (found["public_access"], [one.id for one in found["signed_identifiers"]]) == (None, ["reader"])


def test_what_was_there_before_keeps_what_the_config_leaves_out(
    azurite: str, subjects: Subjects, container: str
) -> None:
    theirs = client(azurite, container)
    theirs.create_container(metadata={"owner": "them"}, public_access="blob")
    config = {"account_url": azurite, "container": container, "metadata": {"team": "a"}, "delete_data": True}
    component = subjects.component(AzureArtifactStore, config)
    component.provision()
    assert component.observe().detail == "was there before, empty"
    component.deprovision()
    properties = theirs.get_container_properties()
    assert (properties.metadata, properties.public_access) == ({"owner": "them", "team": "a"}, "blob")


def test_a_container_of_another_component(azurite: str, subjects: Subjects, container: str) -> None:
    config = {"account_url": azurite, "container": container, "delete_data": True}
    theirs = subjects.component(AzureArtifactStore, config, identity="theirs", lineage="l1")
    theirs.provision()
    ours = subjects.component(AzureArtifactStore, config)
    owner = ours.observe().owner
    assert owner is not None
    assert (owner.identity, owner.environment, owner.lineage) == ("theirs", "dev", "l1")
    with pytest.raises(HookError, match="belongs to another component, artifact_store/main of the environment 'dev'"):
        ours.provision()
    ours.deprovision()
    assert theirs.observe().provisioned


def test_a_container_that_holds_something_is_kept_unless_told(
    azurite: str, subjects: Subjects, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = subjects.component(AzureArtifactStore, {"account_url": azurite, "container": container})
    component.provision()
    for name in ("a", "deep/b", "c"):
        client(azurite, container).upload_blob(name, b"1")
    assert component.observe().detail == "made by stackspec, 3 objects"
    monkeypatch.setattr(azure_flavor, "PAGE", 2)
    assert component.observe().detail == "made by stackspec, 2 objects or more"
    component.deprovision()
    component.deprovision()
    kept = f"{azurite}/{container} is kept: it holds 2 objects or more, and delete_data is false"
    assert subjects.lines == [kept]
    assert component.observe().detail == "was there before, 2 objects or more"


def test_a_store_that_does_not_answer(subjects: Subjects, container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_KEY", servers.AZURITE_KEY)
    url = f"http://127.0.0.1:{servers.free_port()}/devstoreaccount1"
    with pytest.raises(HookError, match="does not answer") as caught:
        subjects.component(AzureArtifactStore, {"account_url": url, "container": container}).observe()
    assert caught.value.transient


WRONG = base64.b64encode(b"C4nary-of-the-store").decode()


@pytest.mark.parametrize("variable", ["AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"])
@pytest.mark.parametrize("given", [WRONG, "C4nary, which is none"])
def test_credentials_that_are_refused(
    azurite: str, subjects: Subjects, container: str, monkeypatch: pytest.MonkeyPatch, variable: str, given: str
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_KEY")
    monkeypatch.setenv(variable, given)
    component = subjects.component(AzureArtifactStore, {"account_url": azurite, "container": container})
    for hook in (component.observe, component.provision, component.deprovision):
        with pytest.raises(HookError, match="credentials") as caught:
            hook()
        assert not caught.value.transient
        assert caught.value.hint
        assert "AZURE_STORAGE_KEY" in caught.value.hint
        assert given not in f"{caught.value.message} {caught.value.hint}"


def test_one_that_must_be_there(azurite: str, subjects: Subjects, container: str) -> None:
    config = {"account_url": azurite, "container": container, "create": False}
    with pytest.raises(HookError, match="does not exist, and create is false"):
        subjects.component(AzureArtifactStore, config).provision()


def test_a_stop_is_heeded(azurite: str, subjects: Subjects, container: str) -> None:
    config = {"account_url": azurite, "container": container}
    component = subjects.component(AzureArtifactStore, config)
    component.context.cancelled.set()
    with pytest.raises(HookError, match="stopped"):
        component.provision()
    with pytest.raises(HookError, match="out of time"):
        subjects.component(AzureArtifactStore, config, deadline=monotonic() - 1).provision()


def test_its_spec_loads_without_its_packages() -> None:
    packages = {"azure", "adlfs", "fsspec"}
    script = f"import sys, stackspec.flavors.artifact_store.azure; print(*{packages} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
