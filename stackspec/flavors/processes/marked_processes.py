"""The processes that carry a component's mark in their environment.

The identity in it is random, so the mark tells a component's processes from all others: a process id, and so a
session's, is used again some day, and then by a process without the mark. Unlike start times, this stays true when the
clock is set.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import sleep
from typing import TYPE_CHECKING

from stackspec.flavors.contract import HookError

if TYPE_CHECKING:
    import psutil

MARK = "STACKSPEC_SERVER_OF"
"""The environment variable that says which component a process belongs to."""
_LOOKS, _PAUSE = 1000, 0.001
"""How often, and after how many seconds, a process is looked at that is becoming another program."""

_LOOKS_WITH_WORDS = 10
"""How often more, once it has words: it may be one that has no environment."""
_OF_THE_KERNEL = 0
"""The session of threads of the kernel, which have neither environment nor words."""


def marked_processes(session: int | None, mark: str) -> list[int]:
    """The ids of the live processes of a session, or of every session where it is None, that carry a mark.

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
            found_in = os.getsid(pid)
            is_in = found_in == session if session is not None else found_in != _OF_THE_KERNEL
            if is_in and _started_with(psutil.Process(pid)).get(MARK) == mark:
                found.append(pid)
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # ended in between, or of another user and so not ours
    return found


def _started_with(process: psutil.Process) -> Mapping[str, str]:
    """The environment of a process; one that is becoming another program has words first, and that a moment later."""
    with_words = 0
    for _ in range(_LOOKS):
        if (found := process.environ()) or with_words > _LOOKS_WITH_WORDS:
            return found
        with_words += bool(process.cmdline())
        sleep(_PAUSE)
    return {}


def environment_of(pid: int) -> Mapping[str, str]:
    """The environment that a process was started with; nothing where it is gone, or may not be looked at."""
    import psutil

    try:
        return _started_with(psutil.Process(pid))
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess, psutil.AccessDenied):
        return {}


def command_of(pid: int) -> list[str]:
    """The words that a process was started with; none where it is gone, or may not be looked at."""
    import psutil

    try:
        found: list[str] = psutil.Process(pid).cmdline()
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess, psutil.AccessDenied):
        return []
    return found


def end_all_marked(variable: str, value: str) -> None:
    """Kill every process whose environment says so, whatever session it is in; done once none is left."""
    import psutil

    found = True
    while found:
        found = False
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError, PermissionError):
                if process.environ().get(variable) == value:
                    process.kill()
                    found = True


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
