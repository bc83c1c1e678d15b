"""A regular file read in bounds, whatever may stand in its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class UnfitError(ValueError):
    """What is there is not to be read; the message says why."""


def read_regular(path: Path, most: int, flags: int = 0) -> tuple[int, bytes]:
    """The permissions and the content of a file.

    Args:
        most: Bytes that it may hold.
        flags: Of `os.open`, beside those for reading.

    Raises:
        UnfitError: it is not a regular file, or too large.
        OSError: it cannot be read.
    """
    # Non-blocking, so that a FIFO in its place cannot hang the command.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnfitError("it is a folder" if stat.S_ISDIR(status.st_mode) else "it is not a regular file")
        if status.st_size > most:
            raise UnfitError(f"it is larger than {f'{most >> 20} MiB' if most >> 20 else f'{most} bytes'}")
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            return stat.S_IMODE(status.st_mode), file.read(status.st_size + 1) or b""
    finally:
        os.close(descriptor)
