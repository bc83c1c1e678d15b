"""Processes of this machine, told apart for good: by the machine, the process id and when the process began."""

from __future__ import annotations

import os

_DEAD = ("Z", "X")
"""The states of a process that has ended, though its parent has not heard of it."""


def this_machine() -> str | None:
    """What names this table of processes and no other: the kernel's boot and the PID namespace; None if unknown.

    Two containers of one host have one boot and maybe one host name, but not one table of processes.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        # A /proc of another namespace would tell of other processes.
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}" if os.readlink("/proc/self") == str(os.getpid()) else None
    except OSError:
        return None


def start_of(process: int) -> int | None:
    """When a process of this machine began, in clock ticks since the boot; None if it has ended or cannot be seen."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            # The name in parentheses may hold anything, parentheses too.
            fields = file.read().rpartition(b")")[2].decode().split()
    except OSError:
        return None
    return None if fields[0] in _DEAD else int(fields[19])


def has_ended(process: int, started: int) -> bool:
    """Whether a process of this machine that began at `started` is known to be no more."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it is another user's, whose start /proc may hide
    if not os.path.exists(f"/proc/{process}/stat"):
        return False
    return start_of(process) != started
