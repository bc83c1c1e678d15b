"""A real ASGI application, served by uvicorn."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.deployer.local import LocalDeployer
from stackspec.flavors.processes.local_server import LocalServer
from stackspec.flavors.registry import Registry
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects
from tests.flavors.quick_server import quick

Until = Callable[[Callable[[], bool]], None]
APP = """
import json, os

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("only HTTP")
    body = (await receive()).get("body", b"")
    told = {"method": scope["method"], "greeting": os.environ.get("GREETING"), "data": json.loads(body or b"null")}
    status = 404 if scope["path"] == "/nowhere" else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})
"""
CONFIG: dict[str, Any] = {"app": "main:app", "working_dir": "serving"}


@pytest.fixture
def subjects(tmp_path: Path) -> Iterator[Subjects]:
    """Components of one project, whose server is gone at the end."""
    servers.needs("uvicorn", "local-deployer")
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "main.py").write_text(APP)
    made = Subjects(tmp_path)
    yield made
    made.component(LocalDeployer, CONFIG).deprovision()


def test_its_life(subjects: Subjects, until: Until) -> None:
    config = {**CONFIG, "environment": {"GREETING": "hello"}}
    component = subjects.component(LocalDeployer, config)
    outputs = plain(component.provision())
    for cls, used_config in ((LocalDeployer, config), (Registry().flavor("deployer", "external"), outputs)):
        used: Any = subjects.component(cls, used_config, outputs=outputs)
        assert used.call("/predict", {"a": 1}).json() == {"method": "POST", "greeting": "hello", "data": {"a": 1}}
        assert used.call("predict").json()["method"] == "GET"
        assert used.call("nowhere").status == 404
    server = LocalServer(subjects.context("deployer"))
    first = server.running()
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: server.running() not in (None, first) and component.observe().running is True)
    component.suspend()
    assert component.observe().running is False
    component.deprovision()
    assert not (subjects.root / ".stackspec" / "data" / "main").exists()


def test_a_mistake_in_the_application_is_shown(subjects: Subjects) -> None:
    (subjects.root / "serving" / "main.py").write_text("import no_such_module_at_all")
    with pytest.raises(HookError, match="No module named 'no_such_module_at_all'"):
        subjects.component(LocalDeployer, CONFIG).provision()
    with pytest.raises(HookError, match="is no directory"):
        subjects.component(LocalDeployer, {**CONFIG, "working_dir": "elsewhere"}).provision()
    with pytest.raises(HookError, match="not provisioned"):
        subjects.component(LocalDeployer, CONFIG).call("/")


class Quick(LocalDeployer):
    """The flavor with a server that starts at once; `test_its_life` is about the real one."""

    def command(self, port: int) -> list[str]:
        return quick(port, words=super().command(port)[1:])

    def working_folder(self) -> Path:
        return self.context.root


CASE = FlavorCase(
    flavor=Quick,
    config=lambda _: {**CONFIG, "environment": {"KEY": "a secret key"}},
    changed=lambda _: {**CONFIG, "workers": 2},
    kill_points=3,
)


@pytest.mark.parametrize("case", [CASE], ids=str)
class TestDeployer(FlavorConformance):
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        servers.needs("uvicorn", "local-deployer")
