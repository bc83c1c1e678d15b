"""Hints for many mistakes: the nearest name, as long as the work is in proportion."""

from __future__ import annotations

from stackspec.core.hints import Hints

KNOWN = {f"name-{number}": None for number in range(100)}


def test_a_name_is_looked_for_once() -> None:
    hints = Hints(comparisons=150)
    for _ in range(1_000):
        assert hints.did_you_mean("nmae-7", KNOWN) == "did you mean 'name-7'?"


def test_after_enough_comparisons_there_is_no_hint() -> None:
    hints = Hints(comparisons=150)
    found = [hints.did_you_mean(f"nmae-{number}", KNOWN) for number in range(4)]
    assert found == ["did you mean 'name-0'?", "did you mean 'name-1'?", None, None]
    assert hints.did_you_mean("nmae-1", KNOWN) == "did you mean 'name-1'?"


def test_collections_are_told_apart() -> None:
    hints = Hints()
    assert hints.did_you_mean("b", ["a", "B"]) == "did you mean 'B'?"
    assert hints.did_you_mean("b", ["c"]) == "known: c"
    assert hints.did_you_mean("b", []) is None
