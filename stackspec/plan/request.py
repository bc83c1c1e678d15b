"""What a plan is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from stackspec.plan.planner import EVERYTHING, Selection


@dataclass(frozen=True, slots=True)
class Request:
    """What a plan is to bring about.

    Attributes:
        allow_empty: Whether manifests that declare nothing are taken.
        refresh: Whether every applied component is looked at first, and what is not as it was applied is mended.
        serial: Of the applied state to come back to; None for what the manifests say.
    """

    selection: Selection = EVERYTHING
    allow_empty: bool = False
    refresh: bool = False
    serial: int | None = None


MANIFESTS = Request()
"""The request for what the manifests say, all of it."""
