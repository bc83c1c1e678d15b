"""A regular file read in bounds, whatever may stand in its place."""

from __future__ import annotations

import os
import stat
from dataclasses import field
from pathlib import Path

from stackspec.core.frozen import dataclass


class UnfitError(ValueError):
    """What is there is not to be read; the message says why."""


@dataclass(frozen=True, slots=True)
class RegularFile:
    """What was read, and whose it was then.

    Attributes:
        permissions: The bits of its mode, such as 0o600.
        owner: The number of the user whose it is.
        folder_owner: The number of the user whose the folder is that it is in.
    """

    permissions: int
    owner: int
    folder_owner: int
    data: bytes = field(repr=False)

    @property
    def is_of_another(self) -> bool:
        """Whether it is another user's than who runs this; the administrator may do everything anyhow.

        So may whose folder it is in: in a container, a checkout is often another user's than who runs this.
        """
        return self.owner not in (0, os.geteuid(), self.folder_owner)


def read_regular(path: Path, most: int, flags: int = 0) -> RegularFile:
    """A file, read whole.

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
            data = file.read(status.st_size + 1) or b""
        folder = os.stat(os.path.dirname(os.path.realpath(path)))
        return RegularFile(stat.S_IMODE(status.st_mode), status.st_uid, folder.st_uid, data)
    finally:
        os.close(descriptor)
