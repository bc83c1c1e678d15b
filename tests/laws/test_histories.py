"""Random histories: whatever happened before, one apply with nothing in the way makes everything right."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from stackspec.state.sqlite import SqliteStateStore
from tests.laws.blueprint import Blueprint
from tests.laws.checks import check_converges, check_destroyed
from tests.laws.edits import projects
from tests.laws.histories import Episode, histories, live_through
from tests.laws.lab import Lab

SEEDS = st.integers(0, 99)
HISTORIES = histories(2, 7)


def check_history(lab: Lab, project: Blueprint, history: list[Episode], seed: int) -> None:
    final = live_through(lab, project, history, seed)
    check_converges(lab, final, seed)
    check_converges(lab, final.unguarded(), seed)
    check_destroyed(lab, final.unguarded(), seed)


@settings(max_examples=150)
@given(projects(), HISTORIES, SEEDS)
def test_any_history_can_be_made_right(project: Blueprint, history: list[Episode], seed: int) -> None:
    check_history(Lab(), project, history, seed)


@settings(max_examples=25)
@given(projects(), HISTORIES, SEEDS)
def test_so_it_is_with_the_real_store(project: Blueprint, history: list[Episode], seed: int) -> None:
    with TemporaryDirectory() as folder:
        lab = Lab(SqliteStateStore(Path(folder) / "state", "default"))
        check_history(lab, project, history, seed)
        again = SqliteStateStore(Path(folder) / "state", "default").read()
        assert again.is_empty
        assert again.serial == lab.store.state.serial
