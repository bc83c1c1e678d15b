"""Steps as containers: the network that a component owns in an engine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from threading import Timer
from time import monotonic
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import Flavor, HookError
from stackspec.flavors.docker.engine import DockerEngine
from stackspec.flavors.orchestrator.docker import DockerOrchestrator
from stackspec.flavors.step_operator.docker import DockerStepOperator
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.answering import answering
from tests.flavors.contexts import Subjects

FLAVORS = [DockerOrchestrator, DockerStepOperator]


def name_for(root: Path, suffix: str = "") -> str:
    """A network of a project's own."""
    return f"n-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}{suffix}"


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


@pytest.fixture
def engine(podman: str, subjects: Subjects) -> DockerEngine:
    return DockerEngine(podman, subjects.context())


class TestNetwork(FlavorConformance):
    @pytest.fixture
    def case(self, podman: str) -> FlavorCase:
        def config(root: Path, suffix: str = "") -> dict[str, Any]:
            return {"docker_host": podman, "network": name_for(root, suffix)}

        def before(root: Path) -> None:
            context = Subjects(root).context()
            DockerEngine(podman, context).ask("POST", "/networks/create", {"Name": name_for(root)})

        return FlavorCase(
            flavor=DockerOrchestrator,
            config=config,
            beside=lambda root: config(root, "-2"),
            before=before,
            kill_points=5,
        )

    def test_an_update_converges(self, case: FlavorCase, component: Flavor, tmp_path: Path) -> None:
        component.provision()
        assert plain(case.component(tmp_path).update(component)) == plain(component.provision())


@pytest.mark.parametrize("flavor", FLAVORS)
def test_its_life(flavor: type[Flavor], podman: str, engine: DockerEngine, subjects: Subjects) -> None:
    component = subjects.component(flavor, {"docker_host": podman, "internal": True}, identity="a-life-of-its-own")
    assert plain(component.provision()) == {"uri": podman, "network": "stackspec-a-life-of-its-ow"}
    found = engine.find("/networks/stackspec-a-life-of-its-ow")
    assert found["Internal"]
    assert found["Labels"]["stackspec.address"] == f"{flavor.type}/main"
    assert component.observe().fields == {"internal": True}
    engine.ask("DELETE", "/networks/stackspec-a-life-of-its-ow")
    assert not component.observe().provisioned
    component.provision()
    component.deprovision()
    assert engine.find("/networks/stackspec-a-life-of-its-ow") is None


def test_what_is_there_before_is_used_and_stays(podman: str, engine: DockerEngine, subjects: Subjects) -> None:
    name = name_for(subjects.root)
    engine.ask("POST", "/networks/create", {"Name": name})
    component = subjects.component(DockerOrchestrator, {"docker_host": podman, "network": name})
    component.provision()
    assert "was there before" in component.observe().detail
    component.deprovision()
    assert engine.find(f"/networks/{name}") is not None
    other = subjects.component(DockerOrchestrator, {"docker_host": podman, "network": name, "internal": True})
    assert other.observe().fields == {"internal": False}
    with pytest.raises(HookError, match="is there and is not internal"):
        other.provision()
    engine.ask("DELETE", f"/networks/{name}")


def test_a_network_of_another_component(podman: str, subjects: Subjects) -> None:
    config = {"docker_host": podman, "network": name_for(subjects.root)}
    theirs = subjects.component(DockerStepOperator, config, identity="theirs", lineage="l1")
    theirs.provision()
    ours = subjects.component(DockerOrchestrator, config)
    owner = ours.observe().owner
    assert owner is not None
    assert (owner.identity, owner.lineage) == ("theirs", "l1")
    with pytest.raises(HookError, match="belongs to another component, step_operator/main"):
        ours.provision()
    ours.deprovision()
    assert theirs.observe().provisioned
    theirs.deprovision()


def test_a_network_in_use_is_not_removed(podman: str, engine: DockerEngine, subjects: Subjects) -> None:
    name = name_for(subjects.root)
    component = subjects.component(DockerOrchestrator, {"docker_host": podman, "network": name})
    component.provision()
    wanted = {"Image": "localhost/busybox:1", "Cmd": ["/bin/busybox", "sleep", "60"]}
    made = engine.ask("POST", "/containers/create", {**wanted, "HostConfig": {"NetworkMode": name}})
    engine.ask("POST", f"/containers/{made['Id']}/start")
    try:
        with pytest.raises(HookError, match="in use by 1 container"):
            component.deprovision()
    finally:
        engine.ask("DELETE", f"/containers/{made['Id']}", query={"force": "1"})
    component.deprovision()
    assert not component.observe().provisioned


def test_no_engine(subjects: Subjects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{servers.free_port()}")
    component = subjects.component(DockerOrchestrator)
    for hook in (component.observe, component.provision, component.deprovision):
        with pytest.raises(HookError, match="no Docker engine answers at tcp://127") as caught:
            hook()
        assert caught.value.transient


def test_a_server_that_is_no_engine(docker_registry: str, subjects: Subjects) -> None:
    component = subjects.component(DockerOrchestrator, {"docker_host": f"tcp://{docker_registry}"})
    with pytest.raises(HookError):
        component.provision()


def test_an_engine_that_hangs(subjects: Subjects) -> None:
    with answering() as server:
        server.hangs = {"/v1.41/networks/n"}
        config = {"docker_host": server.url, "network": "n"}
        component = subjects.component(DockerOrchestrator, config)
        Timer(0.3, component.context.cancelled.set).start()
        with pytest.raises(HookError, match="stopped before it was done"):
            component.provision()
        late = subjects.component(DockerOrchestrator, config, deadline=monotonic() + 0.3)
        with pytest.raises(HookError, match="out of time"):
            late.provision()
        assert monotonic() < late.context.deadline + 5
