"""Applied state as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import StrEnum

from stackspec.core.address import ComponentAddress
from stackspec.core.frozen import dataclass
from stackspec.core.values import ValueMap
from stackspec.manifest.model import NO_LIFECYCLE, LifecycleSpec
from stackspec.state.run import Run


class Operation(StrEnum):
    """One call of a hook, or a change of state without one (`record`, `forget`)."""

    PROVISION = "provision"
    UPDATE = "update"
    DEPROVISION = "deprovision"
    SUSPEND = "suspend"
    RESUME = "resume"
    RECORD = "record"
    FORGET = "forget"


NOT_REACHED = "the apply ended before it"
"""The failure of an operation whose turn has not come, though the one before it on the same component is done."""


@dataclass(frozen=True, slots=True)
class AppliedComponent:
    """A component as it was last applied.

    Attributes:
        identity: The mark that what its hooks made carries; made before the first hook, kept until it is deprovisioned.
        config: Complete and resolved.
        digest: Of `config`; equal digests mean equal configs.
        outputs: What its last hook returned.
        depends_on: Kept so that what left the manifests still has an order.
        proof: That a record with secrets in it is as stackspec recorded it; empty where there are none.
        home: The address whose folder it keeps its own things in, where it was moved to another since; else None.
    """

    address: ComponentAddress
    identity: str
    flavor: str
    config: ValueMap
    digest: str
    outputs: ValueMap
    depends_on: tuple[ComponentAddress, ...]
    stacks: tuple[str, ...]
    suspended: bool = False
    lifecycle: LifecycleSpec = NO_LIFECYCLE
    timeouts: Mapping[str, float] = field(default_factory=dict)
    variables: ValueMap = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    home: ComponentAddress | None = None
    proof: str = ""


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """A hook call that began and has no good result yet.

    Attributes:
        component: The component as it will be recorded if the hook succeeds, or as it was for a deprovision.
        failure: Why the hook failed, where it ended; None where the process died inside it.
    """

    operation: Operation
    component: AppliedComponent
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class AppliedState:
    """All that one environment holds, as far as stackspec knows.

    Attributes:
        lineage: Random text made with the state; two states of one lineage are versions of each other.
        serial: Grows with every durable change.
        components: In the order in which they were first applied.
        deposed: Identity to the removal that is owed of what another component has taken the place of, in the order
            in which that happened; `NOT_REACHED` is its failure before it begins.
        protected: Whether the environment was protected when it was last applied; its manifest may be gone since.
        writer: Who is changing the state at this moment, where something is in flight; None if nobody is.
    """

    environment: str
    lineage: str = ""
    serial: int = 0
    components: Mapping[ComponentAddress, AppliedComponent] = field(default_factory=dict)
    pending: Mapping[ComponentAddress, PendingOperation] = field(default_factory=dict)
    deposed: Mapping[str, PendingOperation] = field(default_factory=dict)
    protected: bool = False
    writer: Run | None = None

    @property
    def addresses(self) -> tuple[ComponentAddress, ...]:
        """Every component that is applied, in flight or deposed, the applied ones first."""
        deposed = (removal.component.address for removal in self.deposed.values())
        return tuple(dict.fromkeys((*self.components, *self.pending, *deposed)))

    def known(self, address: ComponentAddress) -> AppliedComponent | None:
        """What is there under an address: as applied, else as it is being made, else what was deposed last."""
        if address in self.components:
            return self.components[address]
        if address in self.pending:
            return self.pending[address].component
        return self.deposed_of(address)[-1].component if self.deposed_of(address) else None

    @property
    def known_components(self) -> Iterator[AppliedComponent]:
        """Every component in the state: as applied, as it is being made or changed, and as deposed."""
        yield from self.components.values()
        for operation in (*self.pending.values(), *self.deposed.values()):
            yield operation.component

    @property
    def is_in_flight(self) -> bool:
        """Whether an operation has no result: it runs, or the process that called the hook has died."""
        return any(one.failure is None for one in (*self.pending.values(), *self.deposed.values()))

    def in_flight(self, pending: PendingOperation) -> str:
        """What is told of an operation that has no result."""
        if self.writer:
            return f"in {pending.operation} now, by {self.writer}"
        return f"an earlier apply died in {pending.operation}"

    def deposed_of(self, address: ComponentAddress) -> tuple[PendingOperation, ...]:
        """The removals that are owed under an address, the oldest first."""
        return tuple(removal for removal in self.deposed.values() if removal.component.address == address)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is applied, in flight or deposed."""
        return not self.components and not self.pending and not self.deposed
