"""A scheduler of Dask and its workers, started on this machine or found."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.orchestrator import dask
from stackspec.flavors.orchestrator.dask import DaskOrchestrator
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects


@pytest.fixture(autouse=True)
def distributed() -> None:
    servers.needs("distributed", "dask")


class TestExisting(FlavorConformance):
    @pytest.fixture
    def case(self) -> FlavorCase:
        return FlavorCase(
            flavor=DaskOrchestrator,
            config=lambda _: {"address": "tcp://127.0.0.1:1"},  # nothing listens there
            changed=lambda _: {"address": "tcp://127.0.0.1:1", "workers": 2},
            provisions=False,
            kill_points=2,
        )

    def test_suspended_it_can_be_resumed(self) -> None:  # type: ignore[override]  # what is somebody else's goes on
        pass


def test_its_life(tmp_path: Path) -> None:
    from distributed import Client

    subjects = Subjects(tmp_path)
    component = subjects.component(DaskOrchestrator, {"memory_limit": "512MiB"})
    assert not component.observe().provisioned
    outputs = plain(component.provision())
    try:
        assert plain(component.provision()) == outputs
        seen = component.observe()
        assert (seen.running, seen.detail) == (True, f"{outputs['uri']} with 1 worker")
        assert seen.fields == {"workers": 1, "threads_per_worker": 1, "memory_limit": "512MiB"}
        with Client(outputs["uri"], timeout=10) as client:
            assert client.submit(sum, [1, 2]).result(timeout=10) == 3
        found = subjects.component(DaskOrchestrator, {"address": outputs["uri"]}, identity="other")
        assert found.observe().detail == f"{outputs['uri']} with 1 worker"
        assert plain(found.provision()) == outputs
        found.suspend()
        found.deprovision()
        assert component.observe().running
        component.suspend()
        component.suspend()
        assert component.observe().running is False
        assert found.observe().running is False
        changed = subjects.component(DaskOrchestrator, {"workers": 2})
        assert plain(changed.resume()) == outputs
        assert changed.observe().detail == f"{outputs['uri']} with 2 workers"
    finally:
        component.deprovision()
    component.deprovision()
    assert not component.observe().provisioned
    assert not component.context.data_dir.exists()


def test_what_is_no_scheduler(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "_PATIENCE", 0.5)
    subjects = Subjects(tmp_path)
    component = subjects.component(DaskOrchestrator, {"address": moto.replace("http", "tcp")})
    assert "no scheduler of Dask answers" in component.observe().detail
    assert plain(component.provision())["uri"].startswith("tcp://")
    assert "does not serve" in subjects.lines[0]


def test_a_port_in_use(moto: str, tmp_path: Path) -> None:
    component = Subjects(tmp_path).component(DaskOrchestrator, {"port": int(moto.rpartition(":")[2])})
    with pytest.raises(HookError, match="is in use"):
        component.provision()
    component.deprovision()
