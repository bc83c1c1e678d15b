"""Becomes the keeper of a local server: takes its lock, starts it, keeps its log small and starts it again if asked.

A program of its own, run by its path with `python -I -S FILE` in the server's folder, the request on its standard
input: arguments are everybody's to read. It imports nothing but the standard library. The lock is a file that keeper
and server keep open, so the kernel frees it exactly when both, and every child that inherited the file, are gone. The
record is durable before the command runs: whoever is killed, and when, there is at most one server and its record names
it. A server needs its keeper for nothing: where the keeper is killed it serves on, with a log that grows, until the
next start gives it another.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

LOCK = "server.lock"
RECORD = "server.json"
LOG = "server.log"
OLD_LOG = "server.1.log"
BUSY = 75
"""The exit code when another process holds the lock."""
_TICK = 1.0
"""Seconds between looks at the size of the log."""
_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
"""Seconds before a server that failed is started again; twice as long each time, until one lived for the longest."""
_BLOCK = 65_536


def main() -> None:
    """Keep what the request describes.

    A JSON object: the `command`, the `folder` that it runs in, the `record` that is kept of it, `restart`, whether a
    server that fails is started again, and `log_size`, the bytes after which the log begins anew.
    """
    try:
        request = json.load(sys.stdin)
    except ValueError:
        sys.exit("the request is not whole: who started this died")
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(BUSY)
    if not os.path.samestat(os.fstat(lock), os.stat(LOCK)):
        sys.exit(BUSY)  # the file was removed in between: this lock excludes nobody
    # The keeper is nobody's child but init's: it leaves no zombie behind in a stackspec that lives on.
    if os.fork():
        os._exit(0)
    os.setsid()
    os.set_inheritable(lock, True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    _keep(request)


def _keep(request: Mapping[str, Any]) -> None:
    """Start the server and stay until it is gone, or is to go."""
    # What is blocked waits for `sigwait`; there is no handler that could run in between.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
    pause, asked_to_end = _PAUSE, False
    while True:
        server, begun = _start(request), time.monotonic()
        while (ended := os.waitpid(server, os.WNOHANG))[0] == 0:
            asked_to_end |= signal.sigwait({signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM}) == signal.SIGTERM
            _rotate(request["log_size"])
        if not (failed := ended[1]) or not request["restart"] or asked_to_end:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(server, signal.SIGKILL)  # its children may hold its port
        pause = _PAUSE if time.monotonic() - begun > _LONGEST_PAUSE else pause
        _say(f"the server failed ({_reason(failed)}) and is started again in {pause:g} s")
        again_at = time.monotonic() + pause
        while time.monotonic() < again_at:
            signal.setitimer(signal.ITIMER_REAL, min(_TICK, pause), _TICK)
            if signal.sigwait({signal.SIGTERM, signal.SIGALRM}) == signal.SIGTERM:
                return
        pause = min(2 * pause, _LONGEST_PAUSE)


def _start(request: Mapping[str, Any]) -> int:
    """The process of the server, in a group of its own; it runs the command only once the record names it."""
    go, recorded = os.pipe()
    server = os.fork()
    if not server:
        try:
            os.close(recorded)
            os.setpgid(0, 0)
            if os.read(go, 1):
                _become(request["command"], request["folder"])
        finally:
            os._exit(1)
    os.close(go)
    try:
        _write_record({**request["record"], "session": os.getpid(), "pid": server})
        os.write(recorded, b"\n")
    except OSError as error:  # without room on the disk, for example: it ends, as one that fails at its start
        _say(f"the server cannot be recorded: {error.strerror}")
    os.close(recorded)
    return server


def _become(command: list[str], folder: str) -> None:
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python
        signal.signal(ignored, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.chdir(folder)
        os.execvp(command[0], command)
    except OSError as error:
        _say(f"cannot run {command[0]}: {error.strerror}")


def _rotate(limit: int) -> None:
    """Put the log aside if it is too long: copied, since the server goes on writing at the end of the same file."""
    size = os.fstat(sys.stdout.fileno()).st_size
    if size <= limit:
        return
    with suppress(OSError):  # without room on the disk, for example: the next look tries again
        old = os.open(OLD_LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(LOG, "rb") as log, open(old, "wb") as copy:
            log.seek(size - limit)
            while block := log.read(_BLOCK):
                copy.write(block)
        os.truncate(sys.stdout.fileno(), 0)


def _say(line: str) -> None:
    with suppress(OSError):  # where the log cannot be written there is nobody to tell
        os.write(sys.stderr.fileno(), f"{line}\n".encode(errors="replace"))


def _reason(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _write_record(record: dict[str, object]) -> None:
    fresh = f"{RECORD}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, RECORD)
    folder = os.open(".", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


if __name__ == "__main__":
    main()
