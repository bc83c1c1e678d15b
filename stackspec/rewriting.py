"""Files of a project in the place of what they were: none half-written, and nobody's work lost."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path
from time import monotonic, sleep

from stackspec.core.diagnostic import StackspecError
from stackspec.core.whole_file import write_whole
from stackspec.manifest.text import SourceText

PATIENCE = 30.0
"""Seconds for others who write in this clone; they need far less."""
_BETWEEN = 0.05
"""Seconds between two looks at the lock, of which the kernel tells nobody when it is free."""


def rewrite(root: Path, before: Mapping[str, SourceText], after: Mapping[str, bytes | None]) -> None:
    """Write what files become, each whole; others who do so in this clone wait.

    Args:
        root: The folder that files are called from.
        before: File to what was read of it; a file that is not in it must not be there.
        after: File to its new bytes; None for one that goes.

    Raises:
        StackspecError: one is not as it was read, or another process keeps writing, and none was written; or one cannot
            be written, those before it were.
    """
    with _alone(root):
        for file in after:
            _require_unchanged(root / file, file, before.get(file))
        for file, data in after.items():
            try:
                _write(root / file, data)
            except OSError as error:
                raise StackspecError.of("SS0902", f"cannot write {file}: {error.strerror}") from error


def unified(file: str, before: str | None, after: str | None) -> Iterable[str]:
    """The lines of a unified diff; None is the text of a file that is not there."""
    old, new = ("/dev/null" if one is None else _name(f"{side}/{file}") for side, one in (("a", before), ("b", after)))
    lines = [(one or "").splitlines(keepends=True) for one in (before, after)]
    for line in unified_diff(lines[0], lines[1], old, new):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _name(file: str) -> str:
    """A name as a diff has it: in quotes, as git's does, where it would be more than a name on a line."""
    return file if file.isprintable() and '"' not in file else json.dumps(file)


def _write(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # A link stays one; what it leads to is in the project, or else it was not read.
    real = path.resolve()
    if not real.exists():
        write_whole(real, data, mode=0o644)
        return
    mode = os.stat(real).st_mode & 0o777
    write_whole(real, data, mode=mode)
    os.chmod(real, mode)  # whatever the umask says


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep others who write in this clone waiting; the lock is the folder's, and goes with the process.

    Raises:
        StackspecError: another has it, and keeps it.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor, root)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, root: Path) -> None:
    deadline = monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if monotonic() > deadline:
                message = f"another process has kept the lock of {root} for {PATIENCE:.0f} seconds"
                hint = "nothing was written; see who has it with 'lsof', end that, and try again"
                raise StackspecError.of("SS0902", message, hint=hint) from None
            sleep(_BETWEEN)


def _require_unchanged(path: Path, file: str, known: SourceText | None) -> None:
    """Make sure that a file is as it was read, so that nobody's work is lost.

    Raises:
        StackspecError: it is not.
    """
    try:
        now: bytes | None = path.read_bytes()
    except FileNotFoundError:
        now = None
    except OSError as error:
        raise StackspecError.of("SS0902", f"cannot write {file}: {error.strerror}") from error
    if now != (known.data if known is not None else None):
        message = f"{file} was changed meanwhile" if known else f"{file} exists already, and is not read as manifests"
        raise StackspecError.of("SS0902", message, hint="nothing was written; look at it, and try again")
