"""The lock of a local state: an `flock`, which the kernel frees when its owner dies, however it dies."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

from stackspec.core.diagnostic import StackspecError
from stackspec.state.store import locked

_POLL = 0.05
_GLANCE = 0.1
"""Seconds for which a taken lock is tried again at least: `holder` takes it for an instant to see who has it."""


class LocalLock:
    """A lock file that stays; who holds it is written inside, for the others."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def holder(self) -> str | None:
        """Who holds the lock, for people; None if nobody does.

        Raises:
            StackspecError: the file cannot be read.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StackspecError.of("SS0701", f"cannot read {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _described(os.pread(descriptor, 4096, 0))
        finally:
            os.close(descriptor)
        return None

    @contextmanager
    def held(self, purpose: str, timeout: float = 0.0) -> Iterator[None]:
        """Hold the lock while the context lasts; the folder is made where it is missing, mode 0700.

        Args:
            timeout: Seconds to wait for another holder.

        Raises:
            StackspecError: another process holds it; the diagnostic says who and since when. Or it cannot be written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StackspecError.of("SS0704", f"cannot write {self.path}: {error.strerror}") from error
        try:
            _wait(descriptor, max(timeout, _GLANCE))
            try:
                _sign(descriptor, purpose)
            except OSError as error:
                raise StackspecError.of("SS0704", f"cannot write {self.path}: {error.strerror}") from error
            yield
        finally:
            os.close(descriptor)


def _wait(descriptor: int, timeout: float) -> None:
    give_up_at = monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if monotonic() >= give_up_at:
                raise locked(_described(os.pread(descriptor, 4096, 0))) from error
            sleep(_POLL)


def _sign(descriptor: int, purpose: str) -> None:
    record = {
        "pid": os.getpid(),
        "user": _user(),
        "host": platform.node(),
        "purpose": purpose,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(record).encode(), 0)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that no table names
        return str(os.getuid())


def _described(text: bytes) -> str:
    try:
        record = json.loads(text)
        return (
            f"{record['user']}@{record['host']}, process {record['pid']} ({record['purpose']}), since {record['since']}"
        )
    except (ValueError, KeyError, TypeError):
        return "another process"
