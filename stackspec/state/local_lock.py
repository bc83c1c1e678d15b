"""The lock of a local state: an `flock`, which the kernel frees when its owner dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from stackspec.core.diagnostic import StackspecError
from stackspec.state.run import Run
from stackspec.state.store import locked

_POLL = 0.05
_GLANCE = 0.1
"""Seconds for which a taken lock is tried again at least: `holder` takes it for an instant to see who has it."""


class LocalLock:
    """A lock file that stays; who holds it is written inside, for the others."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def holder(self) -> Run | None:
        """Who holds the lock; None if nobody does, or they have not signed yet.

        Raises:
            StackspecError: the file cannot be read.
        """
        try:
            descriptor = _open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StackspecError.of("SS0701", f"cannot read {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(descriptor)
        finally:
            _close(descriptor)
        return None

    @contextmanager
    def held(self, run: Run, timeout: float = 0.0) -> Iterator[None]:
        """Hold the lock while the context lasts; the folder is made where it is missing, mode 0700.

        Args:
            timeout: Seconds to wait for another holder.

        Raises:
            StackspecError: another process holds it; the diagnostic says who and since when. Or it cannot be written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = _open(self.path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StackspecError.of("SS0704", f"cannot write {self.path}: {error.strerror}") from error
        try:
            _wait(descriptor, max(timeout, _GLANCE))
            try:
                _sign(descriptor, run)
            except OSError as error:
                raise StackspecError.of("SS0704", f"cannot write {self.path}: {error.strerror}") from error
            yield
        finally:
            _close(descriptor)


_OPEN: set[int] = set()
"""The descriptors of lock files that this process has open."""


def _open(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    _OPEN.add(descriptor)
    return descriptor


def _close(descriptor: int) -> None:
    """Close a lock file, and free the lock though a process that was forked at an unlucky moment has it open too."""
    if descriptor in _OPEN:  # not so in a fork of the lock's owner, whose numbers may be other files by now
        _OPEN.discard(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)


def _let_go_in_fork() -> None:
    """A forked process shares its parent's locks as long as it lives, and never needs one: only its copies close."""
    while _OPEN:
        os.close(_OPEN.pop())


os.register_at_fork(after_in_child=_let_go_in_fork)


def _wait(descriptor: int, timeout: float) -> None:
    give_up_at = monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if monotonic() >= give_up_at:
                raise locked(_read(descriptor)) from error
            sleep(_POLL)


def _sign(descriptor: int, run: Run) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(run.as_json()).encode(), 0)


def _read(descriptor: int) -> Run | None:
    try:
        return Run.from_json(json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        return None
