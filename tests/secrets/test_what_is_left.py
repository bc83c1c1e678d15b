"""Commands that are killed or fail, and those after them, leave no secret behind: in no file, in nothing they say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from unittest import mock

import pytest

from stackspec.testing.children import KILLED
from tests.faults.injected import Fault, calls, needs_compiler, stackspec
from tests.secrets.machine import FORMS, STACK, Machine, with_config

EVERY = bool(os.environ.get("STACKSPEC_ALL_FAULTS"))
"""Whether everything is tried in every way, and not only some: by `make faults`."""

LOCAL = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local, environment: {ID: "{{ secrets.db.user }}-{{ secrets.db.password }}"}}
    artifact_store: {flavor: local, config: {path: ./artifacts}, environment: {PASSWORD: "{{ secrets.db.password }}"}}
"""
LOCAL += STACK[STACK.index("---") :]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with a command.

    Attributes:
        fails: Which hook of the vault fails, and how.
        config: What its config says more.
        words: The command.
        status: How it ends.
        applied: Whether there is something already.
    """

    status: int
    fails: str = ""
    config: str = "port: 2"
    words: str = "apply --yes"
    applied: bool = False

    def __str__(self) -> str:
        return f"{self.words}{' again' * self.applied}, {self.fails or self.config}"


HOW = {"": 1, " badly": 1, " killed": KILLED, " killed late": KILLED}
"""How a hook fails, to how the command ends then."""
TROUBLES = [
    *(Trouble(status, f"provision{how}") for how, status in {**HOW, " wrongly": 1}.items()),
    *(Trouble(status, f"update{how}", applied=True) for how, status in HOW.items()),
    *(Trouble(status, f"deprovision{how}", words="destroy --yes", applied=True) for how, status in HOW.items()),
    *(Trouble(HOW[how], f"observe{how}", words="drift", applied=True) for how in ("", " badly", " killed")),
    Trouble(1, config='port: "{{ secrets.db.password | int }}"'),
    Trouble(1, config='port: "{{ secrets.db.password }}"'),
    Trouble(1, config='port: "{{ secrets.db.password | length | string }}"', applied=True),
    Trouble(1, config='mode: "{{ secrets.db.user }}"'),
    Trouble(1, config='region: "{{ secrets.db.password }}"'),
]


WAYS = [*product(FORMS, (False, True))]
"""The forms of an answer, and whether more is told."""


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_in_trouble(trouble: Trouble, tmp_path: Path) -> None:
    turn = TROUBLES.index(trouble) % len(WAYS)  # in the short form each trouble gets one of the ways
    before = Machine(tmp_path / "before")
    if trouble.applied:
        before.say(STACK)
        assert before.run("apply --yes") == 0
    for form, verbose in WAYS if EVERY else WAYS[turn : turn + 1]:
        machine = before.copy(tmp_path / f"{form}{verbose}")
        machine.say(with_config(trouble.config))
        machine.variables["FAILS"] = trouble.fails
        assert machine.run(trouble.words, form, verbose=verbose) == trouble.status, (form, verbose)
        del machine.variables["FAILS"]
        machine.say(with_config("port: 2"))
        machine.rotate()
        assert machine.run("plan", form, verbose=verbose) == 0, (form, verbose)
    assert machine.run("plan --out x.plan") == 0
    assert machine.run("apply x.plan") == 0


@pytest.mark.parametrize(
    ("fails", "told"), [("provision aloud", "what is said: plain"), ("provision on paper", "tmp/notes: plain")]
)
def test_these_tests_would_see_it(fails: str, told: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.say(STACK)
    machine.variables["FAILS"] = fails
    with pytest.raises(AssertionError, match=told):
        machine.run("apply --yes")


@pytest.mark.parametrize("kill_at", range(1, 1101, 100 if EVERY else 220))
def test_killed_at_a_line_that_records(kill_at: int, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.say(STACK)
    assert machine.run("apply --yes --parallelism 1", kill_at=kill_at) == KILLED
    machine.rotate()
    assert machine.run("plan") == machine.run("apply --yes") == 0


@needs_compiler()
@pytest.mark.parametrize("words", ["apply --yes --parallelism 1", "plan --out x.plan"])
def test_killed_with_half_of_a_file_written(words: str, tmp_path: Path) -> None:
    before = Machine(tmp_path / "before")
    before.say(LOCAL)
    with mock.patch.dict(os.environ, before.variables):
        count = len(calls(before.copy(tmp_path / "counted").project, *words.split()))
        for point in range(1, count + 1, max(1, count // 5)):
            machine = before.copy(tmp_path / f"{point}")
            done = stackspec(machine.project, *words.split(), fault=Fault(point, torn=True))
            assert done.returncode == KILLED
            assert machine.leaks(f"{done.stdout}{done.stderr}".encode()) == []
