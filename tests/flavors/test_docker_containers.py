"""Containers of an engine that a component owns: pipelines that are served, and code that runs apart."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.any_type.external import External
from stackspec.flavors.contract import HookError
from stackspec.flavors.deployer.docker import DockerDeployer
from stackspec.flavors.docker.container import told_by
from stackspec.flavors.docker.engine import DockerEngine
from stackspec.flavors.registry import Registry
from stackspec.flavors.sandbox.docker import DockerSandbox
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects

BUSYBOX = "localhost/busybox:1"
SERVE = ["/bin/busybox", "httpd", "-f", "-p", "8000", "-h", "/etc"]
WAIT = ["/bin/busybox", "sleep", "infinity"]


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


@pytest.fixture
def deployer(podman: str) -> dict[str, Any]:
    return {"docker_host": podman, "image": BUSYBOX, "command": SERVE, "health_path": "/hostname", "stop_seconds": 0}


@pytest.fixture
def sandbox(podman: str) -> dict[str, Any]:
    return {"docker_host": podman, "image": BUSYBOX, "command": WAIT, "memory_mb": 64, "processes": 20}


class TestDeployer(FlavorConformance):
    @pytest.fixture
    def case(self, deployer: dict[str, Any]) -> FlavorCase:
        ports = [servers.free_port() for _ in range(2)]
        return FlavorCase(
            flavor=DockerDeployer,
            config=lambda _: {**deployer, "port": ports[0]},
            changed=lambda _: {**deployer, "port": ports[0], "memory_mb": 64, "environment": {"A": "b"}},
            beside=lambda _: {**deployer, "port": ports[1]},
            kill_points=1,
        )


class TestSandbox(FlavorConformance):
    @pytest.fixture
    def case(self, sandbox: dict[str, Any]) -> FlavorCase:
        return FlavorCase(
            flavor=DockerSandbox,
            config=lambda _: sandbox,
            changed=lambda _: {**sandbox, "processes": 30},
            kill_points=2,
        )


def test_what_is_deployed(deployer: dict[str, Any], subjects: Subjects) -> None:
    component = subjects.component(DockerDeployer, {**deployer, "cpus": 0.5})
    outputs = plain(component.provision())
    try:
        assert outputs["uri"].startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{outputs['uri']}/hostname", timeout=5) as answer:
            assert answer.status == 200
        seen = component.observe()
        assert seen.running
        assert seen.fields == {"image": BUSYBOX, "memory_mb": None, "cpus": 0.5}
        component.suspend()
        name = f"stackspec-main-{subjects.identity}"
        assert component.observe().detail == f"{name} is stopped"
        assert plain(component.resume()) == outputs
        changed = subjects.component(DockerDeployer, {**deployer, "environment": {"WHO": "ada"}})
        assert plain(changed.update(component)) == outputs, "it keeps its port"
        engine = DockerEngine(deployer["docker_host"], subjects.context())
        engine.ask("POST", f"/containers/{name}/stop", query={"t": "0"})
        assert not changed.observe().running
        changed.provision()
        assert changed.observe().running
    finally:
        component.deprovision()
    assert not component.observe().provisioned


def test_what_ends_at_once_is_told(deployer: dict[str, Any], subjects: Subjects) -> None:
    says = ["/bin/busybox", "sh", "-c", "echo no such model >&2; exit 3"]
    component = subjects.component(DockerDeployer, {**deployer, "command": says})
    try:
        with pytest.raises(HookError, match="before it served:\nno such model"):
            component.provision()
    finally:
        component.deprovision()


def test_an_image_that_nobody_has(deployer: dict[str, Any], docker_registry: str, subjects: Subjects) -> None:
    component = subjects.component(DockerDeployer, {**deployer, "image": f"{docker_registry}/absent:1"})
    with pytest.raises(HookError, match="the engine"):
        component.provision()
    assert not component.observe().provisioned


def test_a_port_that_nobody_would_reach(deployer: dict[str, Any], subjects: Subjects) -> None:
    component = subjects.component(DockerDeployer, {**deployer, "docker_host": "tcp://build.example.org:2375"})
    with pytest.raises(HookError, match=r"loopback address of build\.example\.org"):
        component.trouble({"HostConfig": {"PortBindings": {"8000/tcp": [{"HostPort": "1"}]}}})


def test_a_container_of_the_name_that_is_not_ours(deployer: dict[str, Any], subjects: Subjects) -> None:
    engine = DockerEngine(deployer["docker_host"], subjects.context())
    component = subjects.component(DockerDeployer, deployer, identity="another")
    made = engine.ask("POST", "/containers/create", {"Image": BUSYBOX, "Cmd": WAIT}, query={"name": component.name})
    for hook in (component.observe, component.provision, component.deprovision):
        with pytest.raises(HookError, match="is not stackspec's"):
            hook()
    engine.ask("DELETE", f"/containers/{made['Id']}")


def test_code_runs_apart(sandbox: dict[str, Any], subjects: Subjects) -> None:
    component = subjects.component(DockerSandbox, sandbox)
    with pytest.raises(HookError, match="does not run"):
        component.run(["true"], 5)
    component.provision()
    try:
        told = component.run(
            ["/bin/sh", "-c", "busybox cat in/x.txt; echo wrong >&2; exit 4"], 20, files={"in/x.txt": b"given"}
        )
        assert (told.exit_code, told.output, told.errors) == (4, "given", "wrong\n")
        assert component.run(["/bin/busybox", "id", "-u"], 20).output == "65534\n"
        interfaces = component.run(["/bin/busybox", "ls", "/sys/class/net"], 20).output.split()
        assert interfaces == ["lo"]
        privileges = component.run(["/bin/busybox", "grep", "-E", "CapEff|NoNewPrivs", "/proc/self/status"], 20).output
        assert privileges.split() == ["CapEff:", "0000000000000000", "NoNewPrivs:", "1"]
        late = component.run(["/bin/sh", "-c", "echo begun; /bin/busybox sleep 60"], 1)
        assert (late.exit_code, late.output) == (None, "begun\n")
        assert "sleep 60" not in component.run(["/bin/busybox", "ps"], 20).output
        for astray in ("/etc/passwd", "../x", ""):
            with pytest.raises(HookError, match="is no path"):
                component.run(["true"], 5, files={astray: b""})
    finally:
        component.deprovision()


def test_drift_of_a_sandbox_is_mended(sandbox: dict[str, Any], subjects: Subjects) -> None:
    open_one = subjects.component(DockerSandbox, {**sandbox, "network": True})
    open_one.provision()
    component = subjects.component(DockerSandbox, sandbox)
    try:
        assert component.observe().fields["network"] is True
        component.provision()
        assert component.observe().fields["network"] is False
    finally:
        component.deprovision()


def test_one_that_runs_nothing_says_so(subjects: Subjects) -> None:
    component = subjects.component(Registry().flavor("sandbox", "external"), {"uri": "https://example.org"})
    assert isinstance(component, External)
    with pytest.raises(HookError, match="of the flavor external, which runs nothing itself"):
        component.run(["true"], 1)  # type: ignore[attr-defined]  # the parent of its type, which is made as it is asked for


def test_a_stream_that_breaks_off() -> None:
    whole = b"\x01\0\0\0\0\0\0\x02ab\x02\0\0\0\0\0\0\x01c"
    assert told_by(whole) == (b"ab", b"c")
    for end in range(len(whole)):
        assert b"ab".startswith(told_by(whole[:end])[0])
