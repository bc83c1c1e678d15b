"""A hook that fails for a reason that may pass is called again, within its time and as long as nobody says stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar
from unittest.mock import patch

import pytest

from stackspec.apply.events import Event, Progress
from stackspec.apply.hooks import HookFailure
from stackspec.apply.retry import Again, Retries, call
from stackspec.apply.stop import Stop
from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, HookError, Observation, setting
from stackspec.flavors.orchestrator import Orchestrator
from stackspec.flavors.registry import Registry
from stackspec.project import Project
from stackspec.state.model import Operation

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: shaky, config: {size: 1}}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
"""

BROKEN = HookError("the gateway is busy", transient=True)


class Shaky(Orchestrator):
    """Fails as often as it is told to, and says which hook was called."""

    flavor = "shaky"
    called: ClassVar[list[str]] = []
    failures: ClassVar[list[Exception]] = []

    class Config(FlavorConfig):
        """How large."""

        size: int = setting("How large.")

    def _act(self, hook: str) -> FlavorOutputs:
        self.called.append(hook)
        if self.failures:
            raise self.failures.pop(0)
        return self.Outputs.from_value({"uri": "shaky://"})

    def observe(self) -> Observation:
        self._act("observe")
        return Observation(provisioned=True)

    def provision(self) -> FlavorOutputs:
        return self._act("provision")

    def update(self, previous: Shaky) -> FlavorOutputs:
        return self._act("update")

    def deprovision(self) -> None:
        self._act("deprovision")


@dataclass
class Run:
    """An apply that was carried out with failures in the way."""

    failed: list[str]
    lines: list[str]
    pending: dict[str, tuple[Operation, str | None]]
    called: list[str] = field(default_factory=list)


def project(root: Path, text: str = STACK) -> Project:
    (root / "stacks").mkdir(exist_ok=True)
    (root / "stacks" / "dev.yaml").write_text(text)
    return Project.open(root, registry=Registry([Shaky]))


def apply(root: Path, *failures: Exception, text: str = STACK, listen: Callable[[Event], None] | None = None) -> Run:
    """Apply, the first calls of hooks failing; waits are short."""
    Shaky.called, Shaky.failures = [], list(failures)
    one, lines = project(root, text), list[str]()

    def listener(event: Event) -> None:
        if isinstance(event, Progress):
            lines.append(event.line)
        if listen is not None:
            listen(event)

    with patch("stackspec.apply.retry.FIRST_WAIT", 0.001), patch("stackspec.apply.retry.MOST_JITTER", 0.0):
        result = one.apply(one.plan(), listener=listener)
    pending = one.store("default").read().pending.items()
    return Run(
        [failed.message for failed in result.failed],
        lines,
        {str(address): (left.operation, left.failure) for address, left in pending},
        Shaky.called,
    )


@pytest.mark.parametrize("failure", [BROKEN, ConnectionResetError("reset"), TimeoutError("late")], ids=repr)
def test_what_may_pass_is_tried_again(failure: Exception, tmp_path: Path) -> None:
    run = apply(tmp_path, failure, failure)
    assert (run.failed, run.pending) == ([], {})
    assert run.called == ["provision"] * 3
    why = failure.message if isinstance(failure, HookError) else f"{type(failure).__name__}: {failure}"
    assert run.lines == [f"provision failed: {why}; trying again in 0 s ({call} of 4)" for call in (2, 3)]


def test_what_goes_on_failing_is_a_failure(tmp_path: Path) -> None:
    run = apply(tmp_path, *[BROKEN] * 9)
    assert run.failed == ["orchestrator/dev: provision failed: the gateway is busy"]
    assert run.called == ["provision"] * 4
    assert run.pending == {"orchestrator/dev": (Operation.PROVISION, "the gateway is busy")}


@pytest.mark.parametrize("failure", [HookError("a wrong name"), ValueError("odd"), FileNotFoundError("gone")], ids=repr)
def test_what_cannot_pass_is_not_tried_again(failure: Exception, tmp_path: Path) -> None:
    run = apply(tmp_path, failure)
    assert (len(run.failed), run.called, run.lines) == (1, ["provision"], [])


def test_a_flavor_says_what_may_pass_and_how_often(tmp_path: Path) -> None:
    with patch.object(Shaky, "transient", (LookupError,)), patch.object(Shaky, "retries", 1):
        assert apply(tmp_path, KeyError("a")).called == ["provision"] * 2
        text = STACK.replace("size: 1", "size: 2")
        assert len(apply(tmp_path, *[KeyError("a")] * 2, text=text).failed) == 1
        assert len(apply(tmp_path, ConnectionError("b"), text=text).failed) == 1


def test_after_an_update_that_failed_the_component_is_provisioned(tmp_path: Path) -> None:
    apply(tmp_path)
    assert apply(tmp_path, BROKEN, text=STACK.replace("size: 1", "size: 2")).called == ["update", "provision"]


def test_observing_is_tried_again_too(tmp_path: Path) -> None:
    apply(tmp_path)
    applied = (one := project(tmp_path)).store("default").read()
    with patch("stackspec.apply.retry.FIRST_WAIT", 0.001), patch("stackspec.apply.retry.MOST_JITTER", 0.0):
        for failures, seen in ((3, Observation), (4, HookFailure)):
            Shaky.called, Shaky.failures = [], [BROKEN] * failures
            found = {str(address): what for address, what in one.observe(applied).items()}
            assert isinstance(found["orchestrator/dev"], seen)
            assert Shaky.called == ["observe"] * 4


@pytest.mark.parametrize("requests", [1, 2])
def test_a_stop_ends_the_waiting_at_once(requests: int, tmp_path: Path) -> None:
    Shaky.called, Shaky.failures = [], [BROKEN] * 9
    one, stop = project(tmp_path), Stop()

    def listen(event: Event) -> None:
        if isinstance(event, Progress):
            for _ in range(requests):
                stop.request()

    before = monotonic()
    with patch("stackspec.apply.retry.FIRST_WAIT", 500.0), patch("stackspec.apply.retry.LONGEST_WAIT", 500.0):
        result = one.apply(one.plan(), listener=listen, stop=stop)
    assert monotonic() - before < 60
    assert [failed.message for failed in result.failed] == ["orchestrator/dev: provision failed: the gateway is busy"]
    assert Shaky.called == ["provision"]


class Clock:
    """Waits that take no time, and are told."""

    def __init__(self, *, comes_after: int = 99) -> None:
        self.waited: list[float] = []
        self._comes_after = comes_after

    def wait(self, _event: threading.Event, seconds: float) -> bool:
        self.waited.append(seconds)
        return len(self.waited) > self._comes_after


def tried(clock: Clock, most: int, seconds: float, told: list[Again] | None = None) -> int:
    """How often a call that always fails for a reason that may pass is made."""
    calls = 0

    def fail() -> Any:
        nonlocal calls
        calls += 1
        raise ConnectionError(f"call {calls}")

    note = told.append if told is not None else lambda _again: None
    retries = Retries(most, monotonic() + seconds, threading.Event(), note, clock.wait)
    with pytest.raises(ConnectionError) as last:
        call(fail, fail, lambda _error: True, retries)
    assert str(last.value) == f"call {calls}"
    return calls


def test_waits_grow_by_more_than_chance_and_end_growing() -> None:
    clock, told = Clock(), list[Again]()
    assert tried(clock, 9, 9_999.0, told) == 10
    assert all(least <= waited <= least + 1 for least, waited in zip([1, 2, 4, 8, 16], clock.waited, strict=False))
    assert all(30 <= waited <= 31 for waited in clock.waited[5:])
    assert [one.seconds for one in told] == clock.waited
    assert [(one.call, one.most) for one in told] == [(number, 10) for number in range(2, 11)]


def test_nothing_is_tried_again_past_the_deadline() -> None:
    assert tried(Clock(), 9, 0.5) == 1
    assert tried(Clock(), 9, 7.0) == 4  # the clock does not go on: waits of up to 2, 3 and 5 seconds fit, 8 do not


def test_nothing_is_tried_again_once_told_to_stop() -> None:
    assert tried(Clock(comes_after=0), 9, 9_999.0) == 1
    assert tried(Clock(comes_after=2), 9, 9_999.0) == 3
