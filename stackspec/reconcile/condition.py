"""The conditions that an environment can be found in, and what people are told when that changes."""

from __future__ import annotations

from enum import StrEnum

from stackspec.core.diagnostic import Diagnostic
from stackspec.core.frozen import dataclass


class Condition(StrEnum):
    """How an agent left an environment."""

    IN_LINE = "in-line"
    """It is as the newest commit says."""
    REPAIRED = "repaired"
    """It was not as applied, and is again."""
    HELD_BACK = "held-back"
    """It is as the last good commit says; the newest one cannot be used."""
    DRIFTED = "drifted"
    """It is not as applied, and the agent does not repair it."""
    AWAITING = "awaiting-approval"
    """It is protected, and the agent may not make the changes that are planned."""
    SUSPENDED = "suspended"
    """Somebody suspended it; nothing was looked at."""
    LOCKED = "locked"
    """Somebody else is changing it; nothing was looked at."""
    STUCK = "stuck"
    """The same, for longer than an apply may be thought to take."""
    FAILED = "failed"
    """It could not be planned, applied or looked at."""


GOOD = frozenset({Condition.IN_LINE, Condition.REPAIRED})
"""The conditions in which nothing is left to do."""

_SILENT = frozenset({Condition.SUSPENDED, Condition.LOCKED})
"""The conditions that say nothing of the environment itself: what was told before still holds."""

_TITLES = {
    Condition.REPAIRED: "drift repaired",
    Condition.HELD_BACK: "the newest commit cannot be used",
    Condition.DRIFTED: "drift found",
    Condition.AWAITING: "changes wait for approval",
    Condition.STUCK: "the lock is held for long",
    Condition.FAILED: "reconciling failed",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one look at an environment.

    Attributes:
        detail: One line for people, without a value that may be secret.
        diagnostics: Why it is not good.
        warnings: What else was said.
        drifted: How many components were not as applied, before any repair.
    """

    condition: Condition
    detail: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    drifted: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told."""

    title: str
    message: str


def failed(why: tuple[Diagnostic, ...]) -> Outcome:
    """The outcome where an environment could not be looked at."""
    return Outcome(Condition.FAILED, _headlines(why), why)


def held_back(outcome: Outcome, why: tuple[Diagnostic, ...]) -> Outcome:
    """The outcome where the newest commit cannot be used: what is good is so only by the last good one."""
    if not why or outcome.condition not in GOOD:
        return outcome
    return Outcome(Condition.HELD_BACK, _headlines(why), why, outcome.warnings, outcome.drifted)


def _headlines(why: tuple[Diagnostic, ...]) -> str:
    return "; ".join(one.message for one in why[:3])


def told(before: Condition | None, now: Condition) -> Condition | None:
    """What people know of an environment once they were told of its condition; None while they know nothing."""
    return before if now in _SILENT else now


def notice(environment: str, before: Condition | None, outcome: Outcome) -> Notice | None:
    """What people are to be told, if anything: each condition once, and that it is over.

    Args:
        before: What they know, as `told` says.
    """
    now = outcome.condition
    if now is before or now in _SILENT:
        return None
    if now in _TITLES:
        return Notice(f"stackspec: {_TITLES[now]} in '{environment}'", outcome.detail)
    if before is None or before is Condition.REPAIRED:
        return None
    return Notice(f"stackspec: '{environment}' recovered", f"it was {before}, and is in line with the manifests")
