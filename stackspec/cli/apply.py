"""`stackspec apply` and `stackspec destroy`."""

from __future__ import annotations

import dataclasses
import gc
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

from stackspec.cli.options import (
    AllowEmpty,
    Approve,
    Argument,
    EnvironmentName,
    Files,
    LockTimeout,
    Option,
    Output,
    OutputFormat,
    Parallelism,
    Refresh,
    Replacements,
    Stacks,
    Targets,
    Yes,
)
from stackspec.core.diagnostic import StackspecError
from stackspec.core.layout import in_environment

if TYPE_CHECKING:
    from stackspec.apply.events import Event, Listener
    from stackspec.apply.executor import ApplyResult
    from stackspec.apply.stop import Stop
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import Diagnostic
    from stackspec.plan.model import Plan
    from stackspec.plan.request import Request
    from stackspec.project import Planned

FAILURE = {"event": "error", "format_version": "1.0"}
"""The last event where nothing could be applied."""


def apply(
    plan_file: Annotated[
        str | None, Argument("A plan that 'stackspec plan --out' saved, to carry out exactly.", "[PLANFILE]")
    ] = None,
    environment: EnvironmentName = None,
    stack: Stacks = None,
    target: Targets = None,
    replace: Replacements = None,
    refresh: Refresh = False,
    yes: Yes = False,
    approve: Approve = None,
    allow_empty: AllowEmpty = False,
    parallelism: Parallelism = 10,
    lock_timeout: LockTimeout = 0,
    files: Files = None,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Make the environment what the manifests say, or carry out a saved plan."""
    from stackspec.cli.selection import selection
    from stackspec.cli.session import Session
    from stackspec.plan.request import Request

    with Session(output, files, failure=FAILURE) as session:
        if plan_file is not None:
            from stackspec.cli.saved_plan import reopen

            given = {
                "--stack": stack,
                "--target": target,
                "--replace": replace,
                "--refresh": refresh,
                "--allow-empty": allow_empty,
            }
            saved, planned = reopen(session, plan_file, environment, given, lock_timeout)
            # Whoever saved the plan has seen it; that it is the same now is what a saved plan is for.
            return carry_out(session, planned, True, approve or saved.environment, saved.purpose, parallelism)
        chosen = selection(stack, target, replace)
        planning = Planning(session, environment, Request(chosen, allow_empty, refresh), lock_timeout)
        return carry_out(session, planning.plan(), yes, approve, "apply", parallelism, planning)


def import_(
    address: Annotated[list[str], Argument("The declared components to take over, as type/name.", "ADDRESS...")],
    force: Annotated[bool, Option(("--force",), "Take it over though another state's mark is on it.")] = False,
    environment: EnvironmentName = None,
    yes: Yes = False,
    approve: Approve = None,
    parallelism: Parallelism = 10,
    lock_timeout: LockTimeout = 0,
    files: Files = None,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Take over what exists already, instead of making it."""
    from stackspec.cli.selection import selection
    from stackspec.cli.session import Session
    from stackspec.plan.request import Request

    with Session(output, files, failure=FAILURE) as session:
        chosen = selection(targets=address, adopt=address, force=force)
        planning = Planning(session, environment, Request(chosen), lock_timeout)
        return carry_out(session, planning.plan(), yes, approve, "import", parallelism, planning)


def rollback(
    serial: Annotated[int, Argument("What to come back to; see 'stackspec state history'.", "SERIAL")],
    environment: EnvironmentName = None,
    yes: Yes = False,
    approve: Approve = None,
    parallelism: Parallelism = 10,
    lock_timeout: LockTimeout = 0,
    files: Files = None,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Bring back what was applied at an earlier serial."""
    from stackspec.cli.session import Session
    from stackspec.plan.request import Request

    with Session(output, files, failure=FAILURE) as session:
        planning = Planning(session, environment, Request(serial=serial), lock_timeout)
        code = carry_out(session, planning.plan(), yes, approve, f"rollback to {serial}", parallelism, planning)
        if code == 0 and not session.json:
            session.tell("Take the manifests back in git too, or the next apply makes it what they say.")
        return code


def destroy(
    environment: EnvironmentName = None,
    stack: Stacks = None,
    target: Targets = None,
    yes: Yes = False,
    approve: Approve = None,
    parallelism: Parallelism = 10,
    lock_timeout: LockTimeout = 0,
    files: Files = None,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Remove everything that stackspec made in the environment."""
    from stackspec.cli.selection import selection
    from stackspec.cli.session import Session
    from stackspec.plan.request import Request

    with Session(output, files, failure=FAILURE) as session:
        chosen = selection(stack, target, destroy=True)
        planning = Planning(session, environment, Request(chosen, allow_empty=True), lock_timeout)
        return carry_out(session, planning.plan(), yes, approve, "destroy", parallelism, planning)


class Planning:
    """Planning that waits for who writes the state; it is done again, while there is time, if somebody was faster."""

    def __init__(self, session: Session, environment: str | None, request: Request, lock_timeout: int) -> None:
        self._session = session
        self._environment = environment
        self._request = request
        self._give_up_at = monotonic() + lock_timeout

    def plan(self) -> Planned:
        """The plan, once nobody writes.

        Raises:
            StackspecError: somebody still does at the end; or as `Project.plan`.
        """
        project = self._session.project
        try:
            project.wait_for_writer(self._environment, 0.0)
        except StackspecError as error:
            (first, *_) = error.diagnostics
            if first.code != "SS0703" or self._give_up_at <= monotonic():
                raise
            self._session.tell(f"Waiting: {first.message}.")
            project.wait_for_writer(self._environment, self._give_up_at - monotonic())
        return project.plan(self._environment, self._request)

    def goes_on(self, error: StackspecError) -> bool:
        """Whether an apply failed only because somebody else was faster, and there is time for another."""
        return {one.code for one in error.diagnostics} <= {"SS0606", "SS0703"} and monotonic() < self._give_up_at


def carry_out(
    session: Session,
    planned: Planned,
    yes: bool,
    approve: str | None,
    purpose: str,
    parallelism: int,
    planning: Planning | None = None,
) -> int:
    """Show a plan, ask where that is needed, and make it real; the exit code.

    Args:
        yes: Whether nobody is asked.
        approve: The environment that may be changed though it is protected.
        purpose: What others are told that the state is locked for.
        planning: Makes the plan again where somebody else was faster; None where it must be that one.
    """
    while True:
        try:
            return _carry_out_once(session, planned, yes, approve, purpose, parallelism)
        except StackspecError as error:
            if planning is None or not yes or not planning.goes_on(error):
                raise
        planned = planning.plan()


def _carry_out_once(
    session: Session, planned: Planned, yes: bool, approve: str | None, purpose: str, parallelism: int
) -> int:
    from stackspec.render.plan import plan_text

    plan = planned.plan
    if not session.json:
        session.report([] if planned.is_forbidden else planned.diagnostics)
        session.answer(plan_text(plan, session.style, approved=approve == plan.environment.name))
    if planned.is_forbidden:
        raise StackspecError(planned.diagnostics)
    if plan.has_steps:
        _approve(planned, approve)
    if plan.has_changes and not yes and not _confirmed(session, plan):
        session.tell("Nothing was changed.")
        return 1
    if not plan.has_steps:
        if session.json:
            session.answer_json(_summary(plan, None), indent=None)
        return 0
    return _run(session, planned, purpose, parallelism)


def _approve(planned: Planned, approve: str | None) -> None:
    environment = planned.plan.environment
    if planned.plan.protected:
        from stackspec.approval import require

        require(environment.name, approve, declared=environment.settings.protected, otherwise="or apply a saved plan")


def _confirmed(session: Session, plan: Plan) -> bool:
    if session.json or not sys.stdin.isatty():
        raise StackspecError.of(
            "SS0603", "nobody can confirm the changes here", hint="add --yes to apply them without asking"
        )
    sys.stderr.write(f"\nApply these changes to '{plan.environment.name}'? Only 'yes' is taken: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "yes"


def _run(session: Session, planned: Planned, purpose: str, parallelism: int) -> int:
    from stackspec.apply.stop import Stop

    gc.freeze()
    gc.enable()
    stop = Stop()
    with _signals(stop) as received, _progress(session) as progress:
        listener = _outliving(progress, stop)
        result = session.project.apply(planned, purpose=purpose, parallelism=parallelism, listener=listener, stop=stop)
    _conclude(session, planned.plan, result, _interrupted(result) if received and result.skipped else [])
    if received:
        return 128 + received[0]
    return 1 if result.failed or result.skipped else 0


def _interrupted(result: ApplyResult) -> list[Diagnostic]:
    from stackspec.core.diagnostic import Diagnostic

    left = len(result.skipped)
    message = f"the apply was asked to stop and left {left} component{'' if left == 1 else 's'} alone"
    return [Diagnostic("SS0604", message, hint="apply again: it goes on from here")]


@contextmanager
def _signals(stop: Stop) -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM ask to stop while the context lasts; the signals that came."""
    received: list[int] = []

    def handle(number: int, _frame: Any) -> None:
        received.append(number)
        stop.request()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outliving(listener: Listener, stop: Stop) -> Listener:
    """The listener; once its reader is gone it tells no more and asks to stop, so that results are still recorded."""
    gone = False

    def listen(event: Event) -> None:
        nonlocal gone
        if not gone:
            try:
                listener(event)
            except OSError:  # its reader left, or its disk is full: the end of the command tells
                gone = True
                stop.request()

    return listen


@contextmanager
def _progress(session: Session) -> Iterator[Listener]:
    from stackspec.cli.start import Verbosity
    from stackspec.render.progress import json_progress, live_progress, plain_progress

    if session.json:
        yield json_progress(lambda line: session.answer(line + "\n"))
    elif sys.stderr.isatty() and not Verbosity.quiet:
        with live_progress(sys.stderr, session.error_style) as listener:
            yield listener
    else:
        yield plain_progress(session.tell, session.error_style)


def _conclude(session: Session, plan: Plan, result: ApplyResult, interrupted: list[Diagnostic]) -> None:
    from stackspec.render.plan import counts_text

    if session.json:
        session.answer_json(_summary(plan, result, [*interrupted, *session.warnings]), indent=None)
        return
    session.report([*result.failed, *interrupted])
    counts = _counts(plan, result)
    if not result.failed and not result.skipped:
        if plan.has_changes:
            session.answer(f"\n{session.style('Done', 'bold', 'green')}: {counts_text(counts, done=True)}.\n")
        return
    done = {action: count for action, count in counts.items() if action not in ("no-op", "not-selected")}
    parts = [counts_text(done, done=True)] if any(done.values()) else []
    if result.removed:
        parts.append(f"{len(result.removed)} removed and not made anew")
    told = ", ".join(parts) or "nothing changed"
    left = f", {len(result.skipped)} left alone" if result.skipped else ""
    session.answer(f"\n{session.style('Not complete', 'bold', 'red')}: {told}; {len(result.failed)} failed{left}.\n")
    again = in_environment("stackspec apply", plan.environment.name)
    session.tell(f"What was done is recorded; run '{again}' again to go on from here.")


def _counts(plan: Plan, result: ApplyResult) -> dict[str, int]:
    """Action to how many components it was done for."""
    done = set(result.done)
    kept = tuple(one for one in plan.changes if one.address in done or one.action.value == "no-op")
    return {action: count for action, count in dataclasses.replace(plan, changes=kept).summary.items() if count}


def _summary(plan: Plan, result: ApplyResult | None, others: Sequence[Diagnostic] = ()) -> dict[str, Any]:
    from stackspec.render.diagnostics import diagnostics_json

    return {
        "event": "summary",
        "format_version": "1.0",
        "environment": plan.environment.name,
        "serial": result.serial if result else plan.serial,
        "summary": _counts(plan, result) if result else plan.summary,
        "failed": len(result.failed) if result else 0,
        "removed": [str(address) for address in result.removed] if result else [],
        "skipped": {str(address): reason for address, reason in result.skipped.items()} if result else {},
        "diagnostics": diagnostics_json([*result.failed, *others]) if result else [],
    }
