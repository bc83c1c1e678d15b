"""The file of a saved plan: written whole or not at all, read in bounds."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from stackspec.core.diagnostic import StackspecError
from stackspec.core.regular_file import UnfitError, read_regular
from stackspec.core.whole_file import write_whole
from stackspec.saved_plan.codec import OPENING, decode, encode
from stackspec.saved_plan.key import PlanKey
from stackspec.saved_plan.model import SavedPlan

MOST_BYTES = 256 * 1024 * 1024
"""The most that a file of a plan may hold; one of 10,000 components holds some ten megabytes."""


def write(file: Path, saved: SavedPlan, key: PlanKey) -> None:
    """Put a plan into a file, mode 0600, in the place of a saved plan that may be there.

    Raises:
        StackspecError: it cannot be written, or something else is in its place, which is left as it is.
    """
    data = encode(saved, key)
    if len(data) > MOST_BYTES:
        raise _unwritable(file, f"the plan is larger than {MOST_BYTES >> 20} MiB", "plan fewer components: --target")
    try:
        _refuse_what_is_no_plan(file)
        write_whole(file, data)
    except OSError as error:
        raise _unwritable(file, error.strerror) from error


def read(file: Path, key: Callable[[], PlanKey]) -> SavedPlan:
    """The plan in a file.

    Args:
        key: Finds the key that it must be signed with.

    Raises:
        StackspecError: there is none, it cannot be read, or as `decode`.
    """
    try:
        data = read_regular(file, MOST_BYTES).data
    except UnfitError as error:
        raise StackspecError.of("SS0607", f"cannot apply '{file}': {error}") from error
    except FileNotFoundError as error:
        hint = "apply takes a file that 'stackspec plan --out' wrote; an environment is named by -e"
        raise StackspecError.of("SS0111", f"the file '{file}' does not exist", hint=hint) from error
    except OSError as error:
        raise StackspecError.of("SS0101", f"cannot read '{file}': {error.strerror}") from error
    try:
        return decode(data, key)
    except StackspecError as error:
        named = [replace(one, message=f"cannot apply '{file}': {one.message}") for one in error.diagnostics]
        raise StackspecError(named) from error


def _refuse_what_is_no_plan(file: Path) -> None:
    """See that nothing is lost by a slip of the hand; a link's file may be anybody's, /dev/stdout's is nobody's."""
    try:
        status = os.lstat(file)
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode):
        raise _unwritable(file, "it is a link", "name the file itself")
    if not stat.S_ISREG(status.st_mode):
        raise _unwritable(file, "it is a folder" if stat.S_ISDIR(status.st_mode) else "it is not a regular file")
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as there:
        if (start := there.read(len(OPENING))) and start != OPENING:
            raise _unwritable(file, "it is there already, and is no saved plan", "choose another name, or remove it")


def _unwritable(file: Path, why: str | None, hint: str | None = None) -> StackspecError:
    return StackspecError.of("SS0902", f"cannot write {file}: {why}", hint=hint)
