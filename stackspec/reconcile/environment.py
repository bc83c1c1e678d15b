"""One look at one environment: planned, applied as far as that is allowed, and compared with what is really there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from stackspec.apply.events import Listener
from stackspec.apply.hooks import TIMEOUTS
from stackspec.apply.stop import Stop
from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
from stackspec.core.frozen import dataclass
from stackspec.core.layout import in_environment
from stackspec.plan.drift import Drift
from stackspec.plan.model import Plan
from stackspec.plan.request import Request
from stackspec.project import Planned, Project
from stackspec.reconcile.condition import Condition, Outcome
from stackspec.reconcile.mode import Mode
from stackspec.render.plan import counts_text

_ANOTHER_WRITES = frozenset({"SS0703", "SS0606"})
"""The codes of what says that somebody else holds the lock, or was faster."""
_MOST_NAMED = 5
PURPOSE = "reconcile"
"""What others are told that the state is locked for, and what its history keeps."""


@dataclass(frozen=True, slots=True)
class Leave:
    """What an agent may do, and how it is told to stop.

    Attributes:
        approved: The environments that it may change though they are protected.
        stop: Asks it to stop.
    """

    mode: Mode
    approved: frozenset[str]
    parallelism: int
    stop: Stop


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told what goes on meanwhile.

    Attributes:
        doing: Told what begins, and how many seconds it may take where that is known.
        planned: Told of a plan with steps, before it is carried out; and whether it will be.
        applying: Whether an apply runs: it is to be finished whatever happens.
        listener: Told of the apply's events.
    """

    doing: Callable[[str, float], None]
    planned: Callable[[Plan, bool], None]
    applying: Callable[[bool], None]
    listener: Listener


def look(project: Project, environment: str, leave: Leave, watch: Watch) -> Outcome:
    """Bring an environment into line as far as an agent may, and tell how it is.

    Raises:
        StackspecError: it cannot be told.
    """
    if (suspension := project.suspensions(environment).read()) is not None:
        return Outcome(Condition.SUSPENDED, str(suspension))
    try:
        project.store(environment).wait(0.0)
        outcome = _look(project, environment, leave, watch)
    except StackspecError as error:
        if {one.code for one in error.diagnostics} <= _ANOTHER_WRITES:
            return Outcome(Condition.LOCKED, str(error), error.diagnostics)
        raise
    return replace(outcome, warnings=(*outcome.warnings, *project.warnings))


def _look(project: Project, environment: str, leave: Leave, watch: Watch) -> Outcome:
    watch.doing(f"planning '{environment}'", TIMEOUTS["observe"])
    planned = project.plan(environment)
    warnings = tuple(one for one in planned.diagnostics if one.severity is Severity.WARNING)
    if (outcome := _carry_out(project, planned, leave, watch)) is not None:
        return replace(outcome, warnings=warnings)
    if leave.stop.requested:
        return Outcome(Condition.FAILED, "asked to stop before it was compared with what is really there")
    watch.doing(f"looking at what is really there in '{environment}'", TIMEOUTS["observe"])
    _, found, unseen = project.drift(environment)
    if unseen:
        return Outcome(Condition.FAILED, _first(unseen), tuple(unseen), warnings, len(found))
    if not found:
        return Outcome(Condition.IN_LINE, "", (), warnings)
    told = _named(found)
    why = Diagnostic("SS1308", told, None, f"run: {in_environment('stackspec drift', environment)}", Severity.WARNING)
    if leave.mode is Mode.REPORT or (planned.plan.protected and environment not in leave.approved):
        return Outcome(Condition.DRIFTED, told, (why,), warnings, len(found))
    watch.doing(f"planning the repair of '{environment}'", TIMEOUTS["observe"])
    repair = project.plan(environment, Request(refresh=True))
    outcome = _carry_out(project, repair, leave, watch)
    done = Condition.REPAIRED if repair.plan.has_steps else Condition.DRIFTED
    left = Outcome(done, told, (why,) if done is Condition.DRIFTED else ())
    return replace(outcome or left, warnings=warnings, drifted=len(found))


def _carry_out(project: Project, planned: Planned, leave: Leave, watch: Watch) -> Outcome | None:
    """Carry a plan out; None where all of it is done, or nothing is to do, else how the environment is left."""
    plan, name = planned.plan, planned.plan.environment.name
    if errors := tuple(one for one in planned.diagnostics if one.severity is Severity.ERROR):
        return Outcome(Condition.FAILED, _first(errors), errors)
    if not plan.has_steps:
        return None
    allowed = not plan.protected or name in leave.approved
    watch.planned(plan, allowed)
    if not allowed:
        told = f"{counts_text(plan.summary)}; the environment is protected"
        hint = f"apply it by hand: {in_environment('stackspec apply', name)} --approve {name}"
        return Outcome(Condition.AWAITING, told, (Diagnostic("SS1307", told, None, hint, Severity.WARNING),))
    if (suspension := project.suspensions(name).read()) is not None:  # planning may have taken its time
        return Outcome(Condition.SUSPENDED, str(suspension))
    with _marked(watch):
        watch.doing(f"applying '{name}'", _patience(plan))
        result = project.apply(
            planned,
            purpose=PURPOSE,
            parallelism=leave.parallelism,
            listener=watch.listener,
            stop=leave.stop,
        )
    if result.failed:
        return Outcome(Condition.FAILED, _first(result.failed), tuple(result.failed))
    if result.skipped:
        address, reason = next(iter(result.skipped.items()))
        message = f"{len(result.skipped)} components were left alone, {address} among them: {reason}"
        return Outcome(Condition.FAILED, message, (Diagnostic("SS0604", message, hint="the next round goes on"),))
    return None


@contextmanager
def _marked(watch: Watch) -> Iterator[None]:
    watch.applying(True)
    try:
        yield
    finally:
        watch.applying(False)


def _patience(plan: Plan) -> float:
    """Seconds that the slowest hook of a plan may take."""
    wanted = (
        one.desired.timeouts if one.desired else one.before.timeouts if one.before else {}
        for one in plan.steps.values()
    )
    given = [seconds for timeouts in wanted for seconds in timeouts.values()]
    return max([*TIMEOUTS.values(), *given])


def _first(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> str:
    """The first headline, and how many others there are."""
    more = len(diagnostics) - 1
    return diagnostics[0].message + (f", and {more} more" if more else "")


def _named(found: list[Drift]) -> str:
    """What drifted, in a line."""
    names = "; ".join(f"{one.address}: {one.reason}" for one in found[:_MOST_NAMED])
    more = len(found) - _MOST_NAMED
    return names + (f"; and {more} more" if more > 0 else "")
