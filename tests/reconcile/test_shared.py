"""Agents of one shared state: they share the work by environment, and none does what another has done."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackspec.core.fields import plain
from stackspec.manifest.state_settings import PostgresSettings, StateSettings
from stackspec.state.backend import backend_of
from stackspec.state.run import Run
from stackspec.state.suspension import Suspension
from tests import servers
from tests.agents import Begin, wait_until
from tests.repositories import Forge

FAST = ("--interval", "1")
STACK = """apiVersion: stackspec.dev/v1
kind: Stack
metadata: {{name: dev}}
spec:
  components:
    orchestrator: {{flavor: local}}
    artifact_store:
      flavor: gated
      config: {{path: "{root}/made/{{{{ environment.name }}}}", gate: "{root}/{{{{ environment.name }}}}"}}
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresSettings]:
    with servers.postgres() as url:
        yield PostgresSettings(backend="postgres", url=url, schema="agents")


@pytest.fixture
def shared(postgres: PostgresSettings, tmp_path: Path) -> StateSettings:
    """A place that no other test uses."""
    return postgres.replaced(schema=tmp_path.name.lower().replace("-", "_"))


@pytest.fixture
def two(forge: Forge, shared: StateSettings, tmp_path: Path) -> Forge:
    """A project of two environments, with a gate each."""
    spec = {
        "state": {name: value for name, value in plain(shared).items() if value is not None},
        "plugins": ["tests.reconcile.gated"],
        "allowed_paths": [str(tmp_path / "made")],
    }
    project = json.dumps({"apiVersion": "stackspec.dev/v1", "kind": "Project", "spec": spec})
    files = {"stackspec.yaml": project, "stacks/dev.yaml": STACK.format(root=tmp_path)}
    for name in ("lab", "prod"):
        (tmp_path / name).mkdir()
        files[f"stacks/{name}.yaml"] = f"apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {{name: {name}}}\n"
    (tmp_path / "made").mkdir()
    forge.push(files)
    return forge


def calls(folder: Path) -> list[str]:
    """The processes that have called the hook of an environment's component."""
    file = folder / "calls"
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def test_agents_share_the_work_and_do_nothing_twice(two: Forge, agent: Begin, tmp_path: Path) -> None:
    one = agent("--repo", str(two.path), *FAST)
    wait_until(lambda: len(calls(tmp_path / "lab")) == 1)
    other = agent("--repo", str(two.path), *FAST, folder="other")
    assert f"process {one.pid} (reconcile)" in other.wait("looked", environment="lab", condition="locked")["message"]
    wait_until(lambda: len(calls(tmp_path / "prod")) == 1)
    for name in ("lab", "prod"):
        (tmp_path / name / "open").touch()
    for each in (one, other):
        for name in ("lab", "prod"):
            each.wait("looked", environment=name, condition="in-line")
    assert (calls(tmp_path / "lab"), calls(tmp_path / "prod")) == ([str(one.pid)], [str(other.pid)])
    assert (one.end(), other.end()) == (0, 0)


def test_what_a_killed_agent_was_doing_another_finishes(two: Forge, agent: Begin, tmp_path: Path) -> None:
    words = ("--repo", str(two.path), "-e", "lab", *FAST)
    one = agent(*words)
    wait_until(lambda: len(calls(tmp_path / "lab")) == 1)
    other = agent(*words, folder="other")
    why = other.wait("looked", condition="locked")["diagnostics"]
    assert [(each["code"], "end that process" in each["hint"]) for each in why] == [("SS0703", True)]
    one.end(signal.SIGKILL)
    (tmp_path / "lab" / "open").touch()
    other.wait("looked", condition="in-line")
    assert calls(tmp_path / "lab") == [str(one.pid), str(other.pid)]


@pytest.mark.parametrize("kind", ["local", "postgres"])
def test_a_suspension_is_of_one_environment_and_the_first_one_stays(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = StateSettings() if kind == "local" else request.getfixturevalue("shared")
    one, other = (backend_of(settings, tmp_path / "states", lambda _warning: None) for _ in range(2))
    first, second = (Suspension(reason, Run.of_this_process("test")) for reason in ("an incident", "another"))
    assert one.suspensions("prod").read() is None
    assert one.suspensions("prod").suspend(first)
    assert not other.suspensions("prod").suspend(second)
    assert other.suspensions("prod").read() == first
    assert other.suspensions("lab").read() is None
    other.suspensions("prod").resume()
    other.suspensions("prod").resume()
    assert one.suspensions("prod").read() is None
    assert other.suspensions("prod").suspend(second)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"reason": 1, "by": null}', b"\xff"])
def test_a_record_that_cannot_be_read_suspends_too(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "prod.suspended").write_bytes(data)
    found = backend_of(StateSettings(), tmp_path, lambda _warning: None).suspensions("prod").read()
    assert found is not None
    assert "cannot be read" in str(found)
