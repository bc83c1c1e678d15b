"""What an apply tells while it runs."""

from __future__ import annotations

from collections.abc import Callable

from stackspec.core.address import ComponentAddress
from stackspec.core.frozen import dataclass
from stackspec.state.model import Operation


@dataclass(frozen=True, slots=True)
class Started:
    """A hook was called."""

    address: ComponentAddress
    operation: Operation


@dataclass(frozen=True, slots=True)
class Progress:
    """A hook has something to say."""

    address: ComponentAddress
    line: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """An operation is done and recorded; `seconds` the hook took, 0 where none was called."""

    address: ComponentAddress
    operation: Operation
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A hook failed; the component stays pending."""

    address: ComponentAddress
    operation: Operation
    message: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A component was left alone, because of a failure before it or because the apply was asked to stop."""

    address: ComponentAddress
    reason: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """The apply was asked to stop, or asked once more: nothing new begins, and what runs is waited for.

    Attributes:
        running: What is waited for.
        patience: For how many seconds; None where nobody insists, for as long as the hooks may take.
    """

    running: tuple[ComponentAddress, ...]
    patience: float | None


Event = Started | Progress | Succeeded | Failed | Skipped | Stopping
Listener = Callable[[Event], None]
