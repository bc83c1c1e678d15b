"""Becomes a local server: takes its lock, writes its record, then runs its command in the same process.

A program of its own, run by its path with `python -I -S FILE` in the server's folder, the request on its standard
input: arguments are everybody's to read. It imports nothing but the standard library. The lock is a file that the
server's process keeps open, so the kernel frees it exactly when that process, and every child that inherited the file,
is gone. The record is durable before the command runs: whoever is killed, and when, there is at most one server and its
record names it.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys

LOCK = "server.lock"
RECORD = "server.json"
BUSY = 75
"""The exit code when another process holds the lock."""


def main() -> None:
    """Launch what the request describes: a JSON object with a `command` and the `record` that is kept of it."""
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
    # The server is nobody's child but init's: it leaves no zombie behind in a stackspec that lives on.
    if os.fork():
        os._exit(0)
    os.setsid()
    _write_record({**request["record"], "pid": os.getpid()})
    os.set_inheritable(lock, True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    command = request["command"]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


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
