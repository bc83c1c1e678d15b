"""A plan as values: what will change, for people, and the steps that change it, for the executor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.diagnostic import Span
from stackspec.core.frozen import dataclass
from stackspec.core.values import sealed_in
from stackspec.flavors.contract import Observation
from stackspec.stack.model import DesiredComponent, Environment
from stackspec.state.model import AppliedComponent, Operation


class Action(StrEnum):
    """What a plan does to a component, in SPEC's words."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    SUSPEND = "suspend"
    RESUME = "resume"
    ADOPT = "adopt"
    FORGET = "forget"
    RECOVER = "recover"
    NO_OP = "no-op"


SIGNS: Mapping[Action, str] = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.DELETE: "-",
    Action.SUSPEND: "‖",
    Action.RESUME: "▶",
    Action.ADOPT: "←",
    Action.FORGET: "x",
    Action.RECOVER: "!",
    Action.NO_OP: " ",
}
"""Action to the sign that stands before it in a plan."""


DONE: Mapping[Action, str] = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.DELETE: "deleted",
    Action.SUSPEND: "suspended",
    Action.RESUME: "resumed",
    Action.ADOPT: "adopted",
    Action.FORGET: "forgotten",
    Action.RECOVER: "recovered",
}
"""Action to what has been done once it is."""


NOT_APPLIED = "not in the applied state"
"""The reason of every component that is new; a create with another one was tried before."""


NOT_SELECTED = "not selected"
"""The reason of every component that the plan was not asked for; whether it would change is not known."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One value of a component that will be different; `UNKNOWN` where only the apply can tell it."""

    path: FieldPath
    before: Any
    after: Any
    sensitive: bool = False
    requires_replacement: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that the new value is made of, as `secrets.NAME.KEY`."""
        return tuple(dict.fromkeys(name for one in sealed_in(self.after) for name in one.secrets))


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one component, and why.

    Attributes:
        recorded: Of a no-op, what differs that no hook needs to know: state is brought up to date with it.
        beside: Of a replacement, whether the new one is made before the old one is removed.
        deposed: Where it is not the component itself that goes but one whose place another has taken, or one that was
            begun beside it: its identity.
    """

    address: ComponentAddress
    action: Action
    flavor: str
    stacks: tuple[str, ...]
    source: Span | None
    reason: str
    fields: tuple[FieldChange, ...] = ()
    recorded: tuple[str, ...] = ()
    beside: bool = False
    deposed: str = ""

    @property
    def sign(self) -> str:
        """What stands before it in a plan."""
        return "+/-" if self.beside and self.action is Action.REPLACE else SIGNS[self.action]


@dataclass(frozen=True, slots=True)
class Found:
    """What exists already under an address where nothing is applied.

    Attributes:
        identity: The one that it carries and goes on under; None where it carries none.
    """

    identity: str | None
    seen: Observation


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one component: its change for people, and the operations before and after the others' builds."""

    change: Change
    before: AppliedComponent | None
    desired: DesiredComponent | None
    goes: tuple[Operation, ...] = ()
    """Deprovision or forget what is applied."""
    comes: tuple[Operation, ...] = ()
    """Make or change it into what is desired."""
    identity: str | None = None
    beside: bool = False
    """Whether `before` is removed only once the new one is there and in use."""
    early: bool = False
    """Of one that is deposed, whether it stands in the way of what is to be made."""


class Phase(IntEnum):
    """The parts of an apply, in their order; `stackspec.plan.order` says why."""

    TEAR_DOWN = 0
    BUILD = 1
    PRUNE = 2
    SUSPEND = 3


class StepKey(NamedTuple):
    """What names a step within its plan; `deposed` is the identity of what it removes beside the component itself."""

    phase: Phase
    address: ComponentAddress
    deposed: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What the executor does with one component in one phase.

    Attributes:
        operations: Hook calls in their order; none where others only wait for the component.
        before: The component as applied, or as an interrupted operation may have left it.
        desired: The component as wanted; None where it goes.
        after: The steps that must have succeeded first.
        identity: The identity to go on with; None for a new one.
        beside: Whether what is applied stays while the new one is made.
        deposed: The identity of what is removed, where that is not the component itself.
    """

    phase: Phase
    address: ComponentAddress
    operations: tuple[Operation, ...]
    before: AppliedComponent | None = None
    desired: DesiredComponent | None = None
    after: tuple[StepKey, ...] = ()
    identity: str | None = None
    beside: bool = False
    deposed: str = ""

    @property
    def key(self) -> StepKey:
        """What names the step within its plan."""
        return StepKey(self.phase, self.address, self.deposed)


@dataclass(frozen=True, slots=True)
class Since:
    """What a plan is limited by: only what differs from there is planned.

    Attributes:
        revision: A revision of git, as it was named.
        commit: The commit at which what is checked out went apart from it.
        left_out: The components that are wanted or applied, and are not planned.
        untouched_stacks: The names of the stacks of which nothing is planned.
    """

    revision: str
    commit: str
    left_out: tuple[ComponentAddress, ...] = ()
    untouched_stacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The way from an applied to a desired state.

    Attributes:
        lineage, serial: Of the applied state that it starts from.
        changes: One for each component, no-ops included, in dependency order and then what goes; last what is deposed.
        moves: Address as it is applied to the one that it gets, before everything else.
        protected: Whether the environment is protected, as the manifests say or as it was applied.
        protection: Whether it is to be protected from now on, where that changes; None where it stays as it was.
        since: What limits it; None for all that was selected.
        real: Components that were seen to be other than they were applied, as they really are.
        untouched: How many components, beside those of the changes, are known to be as applied.
    """

    environment: Environment
    lineage: str
    serial: int
    changes: tuple[Change, ...]
    steps: Mapping[StepKey, Step]
    real: Mapping[ComponentAddress, AppliedComponent] = field(default_factory=dict)
    moves: Mapping[ComponentAddress, ComponentAddress] = field(default_factory=dict)
    protected: bool = False
    protection: bool | None = None
    since: Since | None = None
    untouched: int = 0

    @property
    def has_changes(self) -> bool:
        """Whether a person should be asked."""
        return self.protection is not None or any(change.action is not Action.NO_OP for change in self.changes)

    @property
    def has_steps(self) -> bool:
        """Whether an apply would write anything."""
        recorded = self.moves or self.protection is not None
        return bool(recorded) or any(step.operations for step in self.steps.values())

    @property
    def summary(self) -> dict[str, int]:
        """Action to how many components it is for; SPEC's five always, the others where there are any.

        What was not selected is counted by itself, under `not-selected`.
        """
        counts = Counter(change.action for change in self.changes if change.reason != NOT_SELECTED)
        counts[Action.NO_OP] += self.untouched
        always = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE, Action.NO_OP)
        summary = {action.value: counts[action] for action in Action if action in always or counts[action]}
        left = len(self.changes) + self.untouched - counts.total()
        return {**summary, "not-selected": left} if left else summary
