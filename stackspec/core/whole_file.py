"""Small files written whole and durably: after a crash there is what was there before or what is new, never a part."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

_LEFT_OVER = 3600.0
"""Seconds after which a file under a passing name belongs to a process that was killed: no write takes so long."""


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file, in the place of what is there; several who write at once do not meet.

    Args:
        mode: Its permissions, before the umask.

    Raises:
        OSError: it cannot be written. What was there is left, unless only the folder could not be synchronised.
    """
    with _beside(path, data, mode) as fresh:
        os.replace(fresh, path)
    sync_folder(path.parent)


def write_first(path: Path, data: bytes, mode: int = 0o600) -> bool:
    """Write a file where nothing is; whether it was written, or another was first.

    Args:
        mode: Its permissions, before the umask.

    Raises:
        OSError: it cannot be written.
    """
    with _beside(path, data, mode) as fresh:
        try:
            os.link(fresh, path, follow_symlinks=False)
        except FileExistsError:
            return False
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Have what was made, renamed or removed in a folder survive a power cut, where the system offers that.

    Raises:
        OSError: it failed.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        # Some network file systems do not synchronise folders, and one that may not be listed cannot be opened.
        if error.errno not in (errno.EINVAL, errno.EACCES):
            raise


@contextmanager
def _beside(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    """The data in a file of a passing name in the same folder, which is removed unless it is given another."""
    _remove_leftovers(path.parent)
    fresh = path.with_name(f".stackspec-{os.urandom(6).hex()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield fresh
    finally:
        with suppress(OSError):
            fresh.unlink()


def _remove_leftovers(folder: Path) -> None:
    for path in folder.glob(f".stackspec-{'[0-9a-f]' * 12}.new"):
        with suppress(OSError):
            if time() - path.lstat().st_mtime > _LEFT_OVER:
                path.unlink()
