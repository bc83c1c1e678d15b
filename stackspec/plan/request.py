"""What a plan is asked for."""

from __future__ import annotations

from typing import Literal

from stackspec.core.frozen import dataclass
from stackspec.plan.selection import EVERYTHING, Selection


@dataclass(frozen=True, slots=True)
class Request:
    """What a plan is to bring about.

    Attributes:
        allow_empty: Whether manifests that declare nothing are taken.
        refresh: Whether every applied component is looked at first, and what is not as it was applied is mended.
        serial: Of the applied state to come back to; None for what the manifests say.
        run_state: Whether what is selected runs, whatever the manifests say of that; None for what they say. To have it
            `suspended` changes nothing else, and takes from the manifests nothing.
    """

    selection: Selection = EVERYTHING
    allow_empty: bool = False
    refresh: bool = False
    serial: int | None = None
    run_state: Literal["running", "suspended"] | None = None

    @property
    def from_manifests(self) -> bool:
        """Whether what is wanted is what the manifests say, and not what was applied."""
        return self.serial is None and self.run_state != "suspended"


MANIFESTS = Request()
"""The request for what the manifests say, all of it."""
