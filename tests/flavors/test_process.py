"""Any server as a component: it serves, fails, comes back, and is removed with all that was its own."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import jsonschema
import pytest

from stackspec.flavors.contract import Flavor, HookContext, HookError, spec_of
from stackspec.flavors.processes.local_server import LocalServer
from stackspec.flavors.processes.marked_processes import marked_processes
from stackspec.flavors.registry import Registry
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance

MakeContext = Callable[..., HookContext]
Until = Callable[[Callable[[], bool]], None]
FLAVOR = Registry().flavor("experiment_tracker", "process")
# A server that starts in the time of an interpreter without its site-packages.
SERVE = """
import os, socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("serving in", os.getcwd(), flush=True)
while True:
    with server.accept()[0] as client:
        path = client.recv(1000).split(b" ")[1:2]
        if path == [b"/end"]:
            os._exit(3)
        if path == [b"/talk"]:
            print("x" * 2000, flush=True)
        status = b"503" if path == [b"/unwell"] else b"200"
        client.sendall(b"HTTP/1.0 " + status + b" so\\r\\n\\r\\n" + os.environ.get("GREETING", "").encode())
"""
COMMAND = [sys.executable, "-I", "-S", "-c", SERVE, "{host}", "{port}"]


def process(context: HookContext, **config: Any) -> Flavor:
    spec = spec_of(FLAVOR)
    complete = spec.complete({"command": COMMAND, **config})
    jsonschema.validate(complete, spec.schema)
    return FLAVOR(FLAVOR.Config.from_value(complete), context)


def uri_of(component: Flavor) -> str:
    outputs: Any = component.provision()
    return str(outputs.uri)


def read(uri: str) -> bytes:
    with urlopen(uri, timeout=5) as answer:
        return bytes(answer.read())


def test_it_runs_as_it_is_told_and_comes_back_after_a_pause(make_context: MakeContext) -> None:
    context = make_context()
    settings = {"GREETING": "at {host}:{port}"}
    component = process(context, environment=settings, working_dir="here", health="/", uri="web://{host}:{port}/x")
    uri = uri_of(component)
    place = uri.removeprefix("web://").removesuffix("/x")
    outputs: Any = component.provision()
    assert f"{outputs.host}:{outputs.port}" == place
    assert read(f"http://{place}") == f"at {place}".encode()
    assert f"serving in {context.root / 'here'}" in LocalServer(context).log_file.read_text()
    component.suspend()
    seen = component.observe()
    assert (seen.provisioned, seen.running) == (True, False)
    component.resume()
    assert read(f"http://{place}") == f"at {place}".encode()
    component.deprovision()
    assert not (context.root / "here").exists()
    assert not context.data_dir.exists()


def test_a_working_directory_that_was_there_is_kept(make_context: MakeContext) -> None:
    context = make_context()
    (context.root / "here").mkdir()
    component = process(context, working_dir="here", delete_data=True)
    component.provision()
    component.deprovision()
    assert (context.root / "here").is_dir()


def test_a_port_in_use_is_told(make_context: MakeContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HookError, match=f"port {port} is in use by process {os.getpid()} "):
            process(make_context(), port=port).provision()


def test_what_dies_at_the_start_shows_its_last_words(make_context: MakeContext) -> None:
    context = make_context()
    component = process(context, command=["sh", "-c", "echo no database >&2; exit 3"], restart="on_failure")
    with pytest.raises(HookError, match="ended before it was ready:\nno database"):
        component.provision()
    assert LocalServer(context).running() is None
    component.deprovision()


def test_what_answers_wrongly_is_not_ready_and_not_running(make_context: MakeContext) -> None:
    context = make_context(seconds=1)
    with pytest.raises(HookError, match="not ready in time"):
        process(context, health="/unwell").provision()
    seen = process(make_context(), health="/unwell").observe()
    assert (seen.provisioned, seen.running) == (True, False)
    assert "does not answer" in seen.detail
    assert process(make_context(), health="/unwell", statuses=[503]).observe().running
    process(make_context()).deprovision()


def test_what_need_not_answer_is_ready_as_soon_as_it_runs(make_context: MakeContext) -> None:
    component = process(make_context(), command=["sleep", "1000"], health=None)
    component.provision()
    assert component.observe().running
    component.deprovision()


def test_killed_it_is_started_again_where_that_is_asked(make_context: MakeContext, until: Until) -> None:
    context = make_context()
    component = process(context, restart="on_failure")
    component.provision()
    first = LocalServer(context).running()
    assert first is not None
    assert component.observe().fields == {"restart": "on_failure"}
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: LocalServer(context).running() not in (None, first) and component.observe().running is True)
    os.kill(first.session, signal.SIGKILL)
    until(lambda: component.observe().fields == {"restart": "never"})  # nobody would start it again: that is drift
    component.provision()
    assert component.observe().fields == {"restart": "on_failure"}
    component.deprovision()
    assert not marked_processes(first.session, first.mark)


def test_its_log_is_bounded(make_context: MakeContext, until: Until) -> None:
    context = make_context()
    component = process(context, log_size=1024)
    uri = uri_of(component)
    read(f"{uri}/talk")
    until(lambda: (context.data_dir / "server.1.log").exists() and not LocalServer(context).log_file.stat().st_size)
    assert (context.data_dir / "server.1.log").stat().st_size == 1024
    component.deprovision()
    assert not context.data_dir.exists()


def test_a_changed_variable_starts_it_anew_at_the_same_address(make_context: MakeContext) -> None:
    context = make_context()
    before, after = (process(context, environment={"GREETING": word}) for word in ("one", "two"))
    uri = uri_of(before)
    assert after.update(before) == before.provision()
    after.provision()
    assert read(uri) == b"two"
    after.deprovision()


def test_a_secret_is_refused_in_its_command_and_taken_in_its_environment(make_context: MakeContext) -> None:
    context = make_context(tells_secret=lambda text: "hunter2" in text)
    with pytest.raises(HookError, match="would tell a secret"):
        process(context, command=[*COMMAND, "--password=hunter2"]).provision()
    component = process(context, environment={"GREETING": "hunter2"})
    assert read(uri_of(component)) == b"hunter2"
    assert not [file for file in context.data_dir.rglob("*") if file.is_file() and b"hunter2" in file.read_bytes()]
    component.deprovision()
    assert spec_of(FLAVOR).sensitive == {"environment"}


@pytest.mark.parametrize(
    "wrong",
    [{"host": "0.0.0.0"}, {"command": []}, {"environment": {"A B": "c"}}, {"health": "health"}, {"statuses": [1]}],
)
def test_what_makes_no_sense_is_refused_by_its_schema(wrong: dict[str, Any], make_context: MakeContext) -> None:
    with pytest.raises(jsonschema.ValidationError):
        process(make_context(), **wrong)


CASES = [
    FlavorCase(
        flavor=FLAVOR,
        config=lambda _: {"command": COMMAND, "environment": {"GREETING": "a secret greeting"}},
        changed=lambda _: {"command": COMMAND, "environment": {"GREETING": "other"}, "restart": "on_failure"},
        kill_points=5,
    ),
    FlavorCase(
        flavor=Registry().flavor("alerter", "process"),
        config=lambda _: {"command": COMMAND, "working_dir": "deep/work", "health": "/"},
        changed=lambda _: {"command": COMMAND, "working_dir": "deep/work", "delete_data": True},
        before=lambda root: (root / "deep" / "work").mkdir(parents=True),
        kill_points=2,
    ),
]


@pytest.mark.usefixtures("real_process")
@pytest.mark.parametrize("case", CASES, ids=str)
class TestProcess(FlavorConformance):
    pass


@pytest.fixture
def real_process(tmp_path: Path) -> None:
    pytest.importorskip("psutil", reason="psutil is not installed; to test with it: pip install psutil")
