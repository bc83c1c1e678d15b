"""`stackspec up` and `stackspec down`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from stackspec.cli.options import (
    Approve,
    Argument,
    EnvironmentName,
    LockTimeout,
    Option,
    Output,
    OutputFormat,
    Parallelism,
    Yes,
)

if TYPE_CHECKING:
    from stackspec.plan.selection import Selection
    from stackspec.project import Planned

What = Annotated[
    str | None, Argument("A stack, or a component as type/name; by default the active stack.", "[STACK|ADDRESS]")
]
Name = Annotated[str, Argument("The component's name.", "NAME")]
Deprovision = Annotated[
    bool, Option(("--deprovision",), "Remove what was made, with what stands on it, and not only suspend it.")
]


def up(
    what: What = None,
    environment: EnvironmentName = None,
    yes: Yes = False,
    approve: Approve = None,
    parallelism: Parallelism = 10,
    lock_timeout: LockTimeout = 0,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Provision a stack or a component as the manifests say, and have it run; what does not is looked at and mended."""
    return _turn("running", what, environment, yes, approve, parallelism, lock_timeout, output)


def down(
    what: What = None,
    deprovision: Deprovision = False,
    environment: EnvironmentName = None,
    yes: Yes = False,
    approve: Approve = None,
    parallelism: Parallelism = 10,
    lock_timeout: LockTimeout = 0,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Suspend a stack, but for what another stack uses too, or one component; or deprovision it."""
    state: Literal["gone", "suspended"] = "gone" if deprovision else "suspended"
    return _turn(state, what, environment, yes, approve, parallelism, lock_timeout, output)


def up_of_type(
    component_type: str,
    name: Name,
    environment: EnvironmentName = None,
    yes: Yes = False,
    approve: Approve = None,
    parallelism: Parallelism = 10,
    lock_timeout: LockTimeout = 0,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Provision a component as the manifests say, and what it needs, and have it run."""
    what = f"{component_type}/{name}"
    return _turn("running", what, environment, yes, approve, parallelism, lock_timeout, output)


def down_of_type(
    component_type: str,
    name: Name,
    deprovision: Deprovision = False,
    environment: EnvironmentName = None,
    yes: Yes = False,
    approve: Approve = None,
    parallelism: Parallelism = 10,
    lock_timeout: LockTimeout = 0,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Suspend a component, or deprovision it."""
    what = f"{component_type}/{name}"
    return down(what, deprovision, environment, yes, approve, parallelism, lock_timeout, output)


def _turn(
    state: Literal["running", "suspended", "gone"],
    what: str | None,
    environment: str | None,
    yes: bool,
    approve: str | None,
    parallelism: int,
    lock_timeout: int,
    output: OutputFormat,
) -> int:
    from stackspec.cli.apply import FAILURE, Planning, carry_out
    from stackspec.cli.session import Session
    from stackspec.plan.request import Request

    with Session(output, failure=FAILURE) as session:
        chosen = _selection(what or session.project.selected_stack(), destroy=state == "gone")
        run_state: Literal["running", "suspended"] | None = None if state == "gone" else state
        request = Request(chosen, allow_empty=state == "gone", refresh=state == "running", run_state=run_state)
        planning = Planning(session, environment, request, lock_timeout)
        purpose, planned = "up" if state == "running" else "down", planning.plan()
        code = carry_out(session, planned, yes, approve, purpose, parallelism, planning)
        if code == 0 and not session.json and state != "running":
            if shared := _shared(planned, set(chosen.stacks)):
                session.tell(f"Left as it is, for another stack uses it: {', '.join(shared)}.")
            session.tell("The next 'apply' makes it what the manifests say; 'run_state: suspended' keeps a stack down.")
        return code


def _shared(planned: Planned, stacks: set[str]) -> list[str]:
    """What some stacks use of which others make use too."""
    users = {address: set(one.stacks) for address, one in planned.applied.components.items()}
    return [str(address) for address, found in users.items() if found & stacks and found - stacks]


def _selection(what: str, *, destroy: bool) -> Selection:
    from stackspec.cli.selection import selection

    if "/" not in what:
        return selection([what], destroy=destroy)
    kind, _, name = what.partition("/")
    return selection(targets=[f"{kind.replace('-', '_')}/{name}"], destroy=destroy)
