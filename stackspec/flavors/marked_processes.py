"""The processes of one session that carry a component's identity in their environment.

Both tests together tell a component's processes from all others: a process id, and so a session's, is used again some
day, and then by a process without the mark. Unlike start times, this stays true when the clock is set.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress

from stackspec.flavors.contract import HookError

MARK = "STACKSPEC_SERVER_OF"
"""The environment variable that carries the identity of the component that a process belongs to."""


def marked_processes(session: int, identity: str) -> list[int]:
    """The ids of the live processes of a session that carry an identity.

    Raises:
        HookError: psutil, which knows them, is not installed.
    """
    try:
        import psutil
    except ModuleNotFoundError as error:
        raise HookError("psutil is not installed", "pip install psutil") from error

    found = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == session and psutil.Process(pid).environ().get(MARK) == identity:
                found.append(pid)
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # ended in between, or of another user and so not ours
    return found


def environment_of(pid: int) -> Mapping[str, str]:
    """The environment that a process was started with; nothing where it is gone, or may not be looked at."""
    import psutil

    try:
        found: dict[str, str] = psutil.Process(pid).environ()
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess, psutil.AccessDenied):
        return {}
    return found


def process_groups(pids: Iterable[int]) -> set[int]:
    """The process groups of those of the processes that are still there."""
    groups = set()
    for pid in pids:
        with suppress(ProcessLookupError):
            groups.add(os.getpgid(pid))
    return groups


def signal_groups(groups: Iterable[int], what: signal.Signals) -> None:
    """Send a signal to every process of the groups that are still there."""
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, what)
