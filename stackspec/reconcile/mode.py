"""What an agent does about drift."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What is done about what is not as it was applied."""

    REPAIR = "repair"
    REPORT = "report"
