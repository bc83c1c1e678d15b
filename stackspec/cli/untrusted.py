"""Untrusted mode: what a stranger's checkout says is checked, and nothing it names is done.

The process itself is kept from doing harm before the first manifest is read: an audit hook (PEP 578), which nothing in
the process can take back, refuses network, programs, writes, and reads outside the checkout. What Python does without
telling the hook is replaced by what refuses, and extensions that call any function of any library are not loaded. It
is a second wall behind the first, that no code of the checkout runs; to code that runs it is a hindrance, no prison.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Never

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
    "os.setxattr": "a file to be changed",
    "os.removexattr": "a file to be changed",
    "shutil.": "files to be changed",
    "tempfile.": "a file to be made",
}
"""What events begin with to what is asked for by them."""

_UNTOLD = {
    "os": {
        "chroot": "another root folder",
        "mkfifo": "a file to be made",
        "mknod": "a file to be made",
        "openpty": "a terminal to be made",
        "setpriority": "a process to be changed",
        "pidfd_open": "a process to be signalled",
    },
    "signal": {
        "pidfd_send_signal": "a process to be signalled",
    },
    "_posixsubprocess": {
        "fork_exec": "a program to be run",
    },
}
"""Functions, by their modules, of which no event tells, to what is asked for by them."""

_ELSEWHERE = {"os": "posix", "signal": "_signal"}
"""Modules to those that have the same functions under the same names."""

_FOREIGN = frozenset({"_ctypes", "ctypes", "cffi", "_cffi_backend"})
"""Modules by which any function of any library can be called."""

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
        elif event == "import":
            if arguments[0] in _FOREIGN:
                raise ImportError("it is not loaded in untrusted mode", name=arguments[0])
        elif event.startswith(_PREFIXES):
            raise _refused(next(what for prefix, what in _REFUSED.items() if event.startswith(prefix)))

    _replace_untold()
    sys.addaudithook(refuse)


def _replace_untold() -> None:
    """Have functions refuse that the hook is not told of."""
    for name, functions in _UNTOLD.items():
        modules = [import_module(one) for one in (name, _ELSEWHERE.get(name)) if one is not None]
        for function, what in functions.items():
            for module in modules:
                if hasattr(module, function):
                    setattr(module, function, _refusing(what))
    if (loaded := sys.modules.get("subprocess")) is not None:
        vars(loaded)["_fork_exec"] = _refusing("a program to be run")  # a name of its own for the same function
    real = os.open

    def open_(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is not None:  # the hook is told a path, and not which folder it begins at
            raise PermissionError(errno.EACCES, "no folder but the working one is begun at in untrusted mode", path)
        return real(path, flags, mode)

    for module in (os, import_module("posix")):
        setattr(module, "open", open_)  # noqa: B010  a type checker takes it for a mistake, which elsewhere it is


def _refusing(what: str) -> Callable[..., Never]:
    def refuse(*_arguments: Any, **_named: Any) -> Never:
        raise _refused(what)

    return refuse


def _refused(what: str) -> StackspecError:
    return StackspecError.of("SS0809", f"in untrusted mode something asked for {what}", hint=_HINT)


_HINT = "it was refused; find out what in the checkout leads to it"


def _refuse_outside(path: object, homes: tuple[str, ...]) -> None:
    if isinstance(path, str | bytes | os.PathLike):
        place = os.path.realpath(os.fsdecode(path))
        if not f"{place}/".startswith(homes):
            raise PermissionError(errno.EACCES, "it is outside the checkout, in untrusted mode", place)
