"""What a hook raises or returns amiss becomes one diagnostic of its component, and the apply goes on."""

from __future__ import annotations

import sys
from asyncio import CancelledError
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stackspec.core.diagnostic import StackspecError
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
    orchestrator: {flavor: faulty, config: {how: HOW}}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
"""


def _exits() -> Any:
    sys.exit("enough")


def _refuses() -> Any:
    raise HookError("the disk is full", "make room")


def _breaks() -> Any:
    raise ValueError("an odd value")


def _lacks() -> Any:
    import a_package_that_nobody_has  # type: ignore[import-not-found]

    return a_package_that_nobody_has


def _cancels() -> Any:
    raise CancelledError


def _returns_a_path() -> Any:
    values: dict[str, Any] = dict.fromkeys(Orchestrator.Outputs.__settings__, Path("/x"))
    return Orchestrator.Outputs(**values)


WAYS = {
    "cancels": (_cancels, "SS0601", "CancelledError", None),
    "returns a path": (_returns_a_path, "SS0601", "a PosixPath is not a value", None),
    "exits": (_exits, "SS0601", "SystemExit: enough", None),
    "refuses": (_refuses, "SS0601", "the disk is full", "make room"),
    "breaks": (_breaks, "SS0601", "ValueError: an odd value", None),
    "lacks": (_lacks, "SS0602", "'a_package_that_nobody_has' is not installed", "pip install 'stackspec[rare]'"),
    "answers": (lambda: "done", "SS0601", "returned a str", None),
}


class Faulty(Orchestrator):
    """An orchestrator whose provision goes wrong."""

    flavor = "faulty"
    extra = "rare"

    class Config(FlavorConfig):
        """How."""

        how: str = setting("What goes wrong.")

    def observe(self) -> Observation:
        return Observation(provisioned=False)

    def provision(self) -> Any:
        return WAYS[self.config.how][0]()

    def deprovision(self) -> None:
        pass


@pytest.mark.parametrize("how", WAYS)
def test_a_failing_hook_is_a_diagnostic(how: str, tmp_path: Path) -> None:
    _, code, message, hint = WAYS[how]
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK.replace("HOW", how))
    project = Project.open(tmp_path, registry=Registry([Faulty]))
    result = project.apply(project.plan())
    assert [str(address) for address in result.done] == ["artifact_store/dev"]
    (failed,) = result.failed
    assert failed.code == code
    assert "orchestrator/dev: provision failed" in failed.message
    assert message in failed.message
    assert hint is None or hint in (failed.hint or "")
    assert failed.source is not None
    assert failed.source.line == 6
    again = project.plan()
    assert [
        (change.action.value, change.reason) for change in again.plan.changes if change.action.value != "no-op"
    ] == [("create", f"provision failed before: {failed.message.partition('provision failed: ')[2]}")]


class Sized(Orchestrator):
    """An orchestrator whose update changes what differs, and fails when it is told to."""

    flavor = "sized"
    real: ClassVar[dict[str, int]] = {}

    class Config(FlavorConfig):
        """How large, and whether a change fails."""

        size: int = setting("How large.")
        fails: bool = setting("Whether an update fails once it is done.", default=False)

    config: Config

    def observe(self) -> Observation:
        return Observation(provisioned=True)

    def provision(self) -> FlavorOutputs:
        self.real["size"] = self.config.size
        return self.Outputs.from_value({"uri": "sized://"})

    def update(self, previous: Sized) -> FlavorOutputs:
        if previous.config.size != self.config.size:
            self.real["size"] = self.config.size
        if self.config.fails:
            raise HookError("the connection was lost")
        return self.Outputs.from_value({"uri": "sized://"})

    def deprovision(self) -> None:
        self.real.clear()


def test_after_an_update_that_failed_the_old_config_is_brought_back(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    for config, failures in (("{size: 1}", 0), ("{size: 2, fails: true}", 1), ("{size: 1}", 0)):
        text = STACK.replace("faulty, config: {how: HOW}", f"sized, config: {config}")
        (tmp_path / "stacks" / "dev.yaml").write_text(text)
        project = Project.open(tmp_path, registry=Registry([Sized]))
        assert len(project.apply(project.plan()).failed) == failures
    assert Sized.real == {"size": 1}


OUTPUT = """\
    metadata_store: {flavor: sqlite, config: {path: "./m{{ components.artifact_store.outputs.uri | int }}"}}
"""


def test_an_output_that_does_not_fit_is_a_diagnostic_of_the_plan_too(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    text = STACK.replace("faulty, config: {how: HOW}", "local")
    (tmp_path / "stacks" / "dev.yaml").write_text(text + OUTPUT)
    project = Project.open(tmp_path)
    (failed,) = project.apply(project.plan()).failed
    assert failed.code == "SS0304"
    with pytest.raises(StackspecError) as refused:
        project.plan()
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code == "SS0304"
    assert diagnostic.source is not None
    assert (diagnostic.source.line, diagnostic.source.column) == (8, 53)
