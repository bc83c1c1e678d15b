"""Untrusted mode: what a stranger's checkout says is checked, and nothing it names is done.

The process itself is made unable to do harm before the first manifest is read: an audit hook (PEP 578), which nothing
in the process can take back, refuses network, programs, writes, and reads outside the checkout.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

from stackspec.core.diagnostic import StackspecError

_REFUSED = {
    "socket.": "a network connection",
    "subprocess.": "a program to be run",
    "os.system": "a program to be run",
    "os.exec": "a program to be run",
    "os.posix_spawn": "a program to be run",
    "os.spawn": "a program to be run",
    "os.fork": "another process",
    "os.startfile": "a program to be run",
    "pty.": "another process",
    "ctypes.": "a library to be called",
    "sqlite3.": "a database to be opened",
    "os.kill": "a process to be signalled",
    "os.putenv": "a variable to be set",
    "os.mkdir": "a folder to be made",
    "os.rmdir": "a folder to be removed",
    "os.remove": "a file to be removed",
    "os.rename": "a file to be moved",
    "os.link": "a link to be made",
    "os.symlink": "a link to be made",
    "os.truncate": "a file to be cut",
    "os.chmod": "a file to be changed",
    "os.chown": "a file to be changed",
    "os.utime": "a file to be changed",
    "shutil.": "files to be changed",
    "tempfile.": "a file to be made",
}
"""What events begin with to what is asked for by them."""

_PREFIXES = tuple(_REFUSED)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LISTING = ("os.listdir", "os.scandir", "os.chdir")


def guard(root: Path) -> None:
    """From now on refuse whatever a check of manifests does not need.

    Args:
        root: The project's root; beside it only Python's own folders and those of installed packages can be read.
    """
    own = Path(__file__).parents[2]
    homes = tuple(
        f"{os.path.realpath(home)}/" for home in (str(root), str(own), sys.prefix, sys.base_prefix, *sys.path) if home
    )

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                # Python itself goes on where it cannot keep bytecode.
                raise PermissionError(errno.EACCES, "nothing is written in untrusted mode", path)
            _refuse_outside(path, homes)
        elif event in _LISTING:
            _refuse_outside(arguments[0], homes)
        elif event.startswith(_PREFIXES):
            what = next(what for prefix, what in _REFUSED.items() if event.startswith(prefix))
            raise StackspecError.of("SS0809", f"in untrusted mode something asked for {what}", hint=_HINT)

    sys.addaudithook(refuse)


_HINT = "it was refused; find out what in the checkout leads to it"


def _refuse_outside(path: object, homes: tuple[str, ...]) -> None:
    if isinstance(path, str | bytes | os.PathLike):
        place = os.path.realpath(os.fsdecode(path))
        if not f"{place}/".startswith(homes):
            raise PermissionError(errno.EACCES, "it is outside the checkout, in untrusted mode", place)
