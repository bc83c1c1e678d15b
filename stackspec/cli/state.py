"""`stackspec state`: what is applied, as it is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from stackspec.cli.options import Approve, Argument, EnvironmentName, LockTimeout, Option, Output, OutputFormat

if TYPE_CHECKING:
    from stackspec.cli.session import Session
    from stackspec.core.address import ComponentAddress
    from stackspec.state.model import AppliedState


def list_(environment: EnvironmentName = None, output: Output = OutputFormat.TEXT) -> int:
    """List what the state holds, what is in flight included."""
    from stackspec.cli.session import Session

    with Session(output) as session:
        name = session.project.environment(environment, applied=True)
        applied = session.project.store(name).read()
        if session.json:
            session.answer_json(
                {
                    "environment": applied.environment,
                    "serial": applied.serial,
                    "lineage": applied.lineage,
                    "protected": applied.protected,
                    "components": [_row(applied, address) for address in sorted(applied.addresses)],
                }
            )
        else:
            lines = [str(address) for address in sorted({*applied.components, *applied.pending})]
            lines += [f"{one.component.address} deposed {identity}" for identity, one in applied.deposed.items()]
            session.answer("".join(f"{line}\n" for line in dict.fromkeys(lines)))
    return 0


def show(
    address: Annotated[str, Argument("The component, as type/name.", "ADDRESS")],
    environment: EnvironmentName = None,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Show what the state holds of one component."""
    import yaml

    from stackspec.cli.selection import addresses
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError, did_you_mean
    from stackspec.state.codec import component_to_json

    with Session(output) as session:
        (wanted,) = addresses([address])
        name = session.project.environment(environment, applied=True)
        applied = session.project.store(name).read()
        if wanted not in applied.addresses:
            hint = did_you_mean(address, [str(known) for known in applied.addresses])
            raise StackspecError.of("SS0705", f"{address} is not in the state", hint=hint)
        component, pending = applied.components.get(wanted), applied.pending.get(wanted)
        record: dict[str, Any] = component_to_json(component) if component else {"address": address}
        if pending is not None:
            intended = component_to_json(pending.component)
            record["pending"] = {
                "operation": pending.operation.value,
                "failure": pending.failure,
                "component": {key: value for key, value in intended.items() if value != record.get(key)},
            }
        if removals := applied.deposed_of(wanted):
            record["deposed"] = [
                {"failure": removal.failure, "component": component_to_json(removal.component)} for removal in removals
            ]
        if session.json:
            session.answer_json(record)
        else:
            session.answer(yaml.safe_dump(record, sort_keys=False, allow_unicode=False))
    return 0


def history(environment: EnvironmentName = None, output: Output = OutputFormat.TEXT) -> int:
    """List who changed the state, when, at which git commit, and what; the newest first."""
    from stackspec.cli.session import Session
    from stackspec.render.history import history_json, history_text

    with Session(output) as session:
        name = session.project.environment(environment, applied=True)
        chapters = session.project.store(name).history()
        if session.json:
            session.answer_json(history_json(name, chapters))
        else:
            session.answer(history_text(name, chapters, session.style))
    return 0


def mv(
    source: Annotated[str, Argument("The component, as type/name.", "ADDRESS")],
    target: Annotated[str, Argument("The address that it gets.", "NEW_ADDRESS")],
    environment: EnvironmentName = None,
    approve: Approve = None,
    lock_timeout: LockTimeout = 0,
) -> int:
    """Give a component another address in the state; no hook is called."""
    from stackspec.cli.selection import addresses
    from stackspec.cli.session import Session

    with Session() as session:
        old, new = addresses([source, target])
        name = _approved(session, environment, approve)
        serial = session.project.move(name, {old: new}, lock_timeout)
        session.answer(f"{old} is now {new} in the state of '{name}', at serial {serial}.\n")
    return 0


def rm(
    address: Annotated[list[str], Argument("The components, as type/name.", "ADDRESS...")],
    environment: EnvironmentName = None,
    approve: Approve = None,
    lock_timeout: LockTimeout = 0,
) -> int:
    """Forget components: what they are stays where it is, and is nobody's any more."""
    from stackspec.cli.selection import addresses
    from stackspec.cli.session import Session

    with Session() as session:
        wanted = addresses(address)
        name = _approved(session, environment, approve)
        serial = session.project.forget(name, wanted, lock_timeout)
        told = ", ".join(map(str, wanted))
        session.answer(f"Forgotten in the state of '{name}', at serial {serial}: {told}.\n")
    return 0


def pull(environment: EnvironmentName = None) -> int:
    """Print the whole state as JSON, for a copy or for another place."""
    from stackspec.cli.session import Session

    with Session() as session:
        session.answer(session.project.store(session.project.environment(environment, applied=True)).pull())
    return 0


def push(
    file: Annotated[str, Argument("What 'state pull' printed, or a kept copy; '-' is standard input.", "FILE")],
    force: Annotated[bool, Option(("--force",), "Take it though it is of another lineage, or older.")] = False,
    environment: EnvironmentName = None,
    approve: Approve = None,
) -> int:
    """Put a state in the place of what is there, which is kept beside it."""
    from stackspec.cli.session import Session

    with Session() as session:
        name = _approved(session, environment, approve)
        serial = session.project.push(name, _text(file), force=force)
        session.answer(f"The state of '{name}' is what the file says, at serial {serial}. See: stackspec plan\n")
    return 0


def unlock(
    lock: Annotated[str, Argument("The lock's id, as the diagnostic says that reports it.", "ID")],
    environment: EnvironmentName = None,
) -> int:
    """Free the lock of a writer that is gone for good; if it is not, its next write is refused."""
    from stackspec.cli.session import Session

    with Session() as session:
        name = session.project.environment(environment, applied=True)
        owner = session.project.store(name).unlock(lock)
        session.answer(f"The state of '{name}' is free; its lock was held by {owner}. See: stackspec plan\n")
    return 0


def _approved(session: Session, environment: str | None, approve: str | None) -> str:
    """The name of the environment whose state is to be changed by hand.

    Raises:
        StackspecError: it is protected, and the change is not approved; or there is none.
    """
    from stackspec.approval import require

    project = session.project
    name = project.environment(environment, applied=True)
    declared = project.declares_protected(name)
    if declared or project.was_protected(name):
        require(name, approve, declared=declared)
    return name


def _text(file: str) -> str:
    import sys
    from pathlib import Path

    from stackspec.core.diagnostic import StackspecError

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StackspecError.of("SS0111", f"the file '{file}' does not exist") from error
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise StackspecError.of("SS0101", f"cannot read '{file}': {why}") from error


def _row(applied: AppliedState, address: ComponentAddress) -> dict[str, Any]:
    pending = applied.pending.get(address)
    component = applied.known(address)
    assert component is not None
    return {
        "address": str(address),
        "flavor": component.flavor,
        "stacks": list(component.stacks),
        "applied": address in applied.components,
        "pending": pending.operation.value if pending else None,
        "deposed": [removal.component.identity for removal in applied.deposed_of(address)],
    }
