"""The entries of a log: what each does to the state and to its lock, and its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackspec.core.address import ComponentAddress
from stackspec.core.frozen import dataclass
from stackspec.state.codec import (
    change_from_json,
    change_to_json,
    component_from_json,
    component_to_json,
    pending_from_json,
    pending_to_json,
)
from stackspec.state.log.sealed import DamagedError, Sealed, seal
from stackspec.state.model import AppliedComponent, AppliedState, PendingOperation
from stackspec.state.run import Run
from stackspec.state.store import StateChange


@dataclass(frozen=True, slots=True)
class Taken:
    """A run took the lock.

    Attributes:
        over: The id of the run whose lock it was, where that run is known to be no more.
    """

    run: Run
    over: str | None = None


@dataclass(frozen=True, slots=True)
class Freed:
    """The lock was given back.

    Attributes:
        by: Who took it off its owner; None where the owner gave it back.
    """

    by: Run | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """The owner of the lock changed the state."""

    changes: tuple[StateChange, ...]


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another state was put in the place of what was there.

    Attributes:
        state: Of it the content, and the least that the serial was.
    """

    run: Run
    state: AppliedState


Act = Taken | Freed | Committed | Replaced


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        number: One more than its predecessor's; the first is 1.
        previous: The digest of its predecessor; nothing where it has none, or none that can be read.
        writer: The id of the run that wrote it.
        digest: Of its bytes, once it has any.
    """

    environment: str
    lineage: str
    number: int
    previous: str
    writer: str
    act: Act
    digest: str = ""

    def sealed(self) -> bytes:
        """The entry as bytes."""
        return seal(
            {
                "environment": self.environment,
                "lineage": self.lineage,
                "number": self.number,
                "previous": self.previous,
                "writer": self.writer,
                **_act_to_json(self.act),
            }
        )


def entry_of(sealed: Sealed) -> Entry:
    """The entry that a record is.

    Raises:
        DamagedError: it is none.
    """
    record = sealed.record
    try:
        environment, lineage, number, previous, writer = (
            record[name] for name in ("environment", "lineage", "number", "previous", "writer")
        )
        return Entry(environment, lineage, number, previous, writer, _act_from_json(record), sealed.digest)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError("it is no entry of a state's log") from error


def _act_to_json(act: Act) -> dict[str, Any]:
    match act:
        case Taken(run, over):
            return {"act": "take", "run": run.as_json(), "over": over}
        case Freed(by):
            return {"act": "free", "by": by and by.as_json()}
        case Committed(changes):
            return {"act": "commit", "changes": [change_to_json(change) for change in changes]}
        case Replaced(run, state):
            return {"act": "replace", "run": run.as_json(), "serial": state.serial, **content_to_json(state)}


def _act_from_json(record: dict[str, Any]) -> Act:
    match record["act"]:
        case "take":
            return Taken(Run.from_json(record["run"]), record["over"])
        case "free":
            return Freed(record["by"] and Run.from_json(record["by"]))
        case "commit":
            return Committed(tuple(change_from_json(change) for change in record["changes"]))
        case "replace":
            state = AppliedState(
                record["environment"],
                record["lineage"],
                record["serial"],
                *content_from_json(record),
            )
            return Replaced(Run.from_json(record["run"]), state)
        case other:
            raise ValueError(other)


def content_to_json(state: AppliedState) -> dict[str, Any]:
    """What a state holds, as fields of a record."""
    return {
        "components": [component_to_json(component) for component in state.components.values()],
        "pending": [pending_to_json(pending) for pending in state.pending.values()],
        "deposed": [pending_to_json(removal) for removal in state.deposed.values()],
        **({"protected": True} if state.protected else {}),
    }


Content = tuple[
    dict[ComponentAddress, AppliedComponent],
    dict[ComponentAddress, PendingOperation],
    dict[str, PendingOperation],
    bool,
]
"""The components of a state, what is pending, what is deposed, and whether the environment is protected."""


def content_from_json(record: Mapping[str, Any]) -> Content:
    """The inverse of `content_to_json`.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: the record holds no such fields.
    """
    components = [component_from_json(component) for component in record["components"]]
    pending = [pending_from_json(operation) for operation in record["pending"]]
    deposed = [pending_from_json(removal) for removal in record["deposed"]]
    return (
        {component.address: component for component in components},
        {operation.component.address: operation for operation in pending},
        {removal.component.identity: removal for removal in deposed},
        bool(record.get("protected", False)),
    )
