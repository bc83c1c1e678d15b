"""Stopping an apply: what was done is told as done, what was not is not."""

from __future__ import annotations

import threading
from pathlib import Path
from unittest.mock import patch

from stackspec.apply.events import Event, Progress, Skipped, Started
from stackspec.apply.stop import Stop
from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, HookError, Observation, setting
from stackspec.flavors.orchestrator import Orchestrator
from stackspec.flavors.registry import Registry
from stackspec.project import Project

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    artifact_store: {flavor: local, config: {path: ./artifacts}}
    orchestrator: {flavor: waiting, config: {obeys: OBEYS}, depends_on: [artifact_store/dev]}
    log_store: {flavor: local, depends_on: [orchestrator/dev]}
    metadata_store: {flavor: sqlite, config: {path: ./m.db}, depends_on: [log_store/dev]}
"""


class Waiting(Orchestrator):
    """Waits until it is told to stop, talks about it, and ends or does not."""

    flavor = "waiting"
    heard = threading.Event()
    for_ever = threading.Event()

    class Config(FlavorConfig):
        """How."""

        obeys: bool = setting("Whether it ends when told to.")

    def observe(self) -> Observation:
        return Observation(provisioned=False)

    def provision(self) -> FlavorOutputs:
        self.context.cancelled.wait()
        self.context.log("about to end")
        (self.heard if self.config.obeys else self.for_ever).wait()
        raise HookError("told to stop")

    def deprovision(self) -> None:
        pass


def insisted(root: Path, *, obeys: bool) -> tuple[Project, list[Event], Stop]:
    (root / "stacks").mkdir()
    (root / "stacks" / "dev.yaml").write_text(STACK.replace("OBEYS", str(obeys).lower()))
    return Project.open(root, registry=Registry([Waiting])), [], Stop()


def test_a_hook_that_ends_in_time_is_waited_for_whatever_it_says_meanwhile(tmp_path: Path) -> None:
    project, events, stop = insisted(tmp_path, obeys=True)
    Waiting.heard = threading.Event()

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, Started) and event.address.type == "orchestrator":
            stop.request()
            stop.request()
        if isinstance(event, Progress):
            Waiting.heard.set()

    result = project.apply(project.plan(), listener=listen, stop=stop)
    assert [one.message for one in result.failed] == ["orchestrator/dev: provision failed: told to stop"]
    assert [str(address) for address in result.done] == ["artifact_store/dev"]


def test_what_was_never_begun_is_not_told_as_done(tmp_path: Path) -> None:
    project, events, stop = insisted(tmp_path, obeys=False)

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, Started) and event.address.type == "orchestrator":
            stop.request()
            stop.request()

    with patch("stackspec.apply.executor.LAST_WAIT", 0.1):
        result = project.apply(project.plan(), listener=listen, stop=stop)
    assert [str(address) for address in result.done] == ["artifact_store/dev"]
    assert {str(address): reason for address, reason in result.skipped.items()} == {
        "orchestrator/dev": "still running when the apply was ended",
        "log_store/dev": "the apply was asked to stop",
        "metadata_store/dev": "the apply was asked to stop",
    }
    assert len([event for event in events if isinstance(event, Skipped)]) == 3


def test_a_replacement_that_fails_half_way_is_told_as_a_removal(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    manifest = tmp_path / "stacks" / "dev.yaml"
    text = "\n".join(line for line in STACK.splitlines() if "waiting" not in line and "log_store" not in line)
    text += "\n    orchestrator: {flavor: local}\n"
    manifest.write_text(text)
    project = Project.open(tmp_path)
    assert not project.apply(project.plan()).failed
    (tmp_path / "taken").write_text("a file in the way")
    manifest.write_text(text.replace("./artifacts", "./taken"))
    project = Project.open(tmp_path)
    result = project.apply(project.plan())
    assert [str(address) for address in result.removed] == ["artifact_store/dev"]
    assert len(result.failed) == 1
    assert not result.skipped
