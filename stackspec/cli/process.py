"""What the system does with this process, and with the program that takes its place."""

from __future__ import annotations

import resource
import signal

_CHANGED_BY_PYTHON = ("SIGPIPE", "SIGXFSZ")
"""The signals that Python has ignored from its start on."""


class _CoreDumps:
    """The largest core dump that was allowed when the process began, in bytes; None before it was changed."""

    allowed: int | None = None


def leave_no_core_dump() -> None:
    """Have the system write no core dump of this process, nor of its children: secrets would be in it."""
    allowed, most = resource.getrlimit(resource.RLIMIT_CORE)
    if _CoreDumps.allowed is None:
        _CoreDumps.allowed = allowed
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def be_as_started() -> None:
    """Take back what the next program in this process, which knows nothing of it, would inherit."""
    for name in _CHANGED_BY_PYTHON:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    if _CoreDumps.allowed is not None:
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (_CoreDumps.allowed, most))
