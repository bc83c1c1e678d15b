"""Keys that a project has for itself: from the environment, to be shared between machines, or in a file of its own."""

from __future__ import annotations

import errno
import hmac
import os
import re
import secrets
from dataclasses import field
from pathlib import Path

from stackspec.core.diagnostic import StackspecError
from stackspec.core.frozen import dataclass
from stackspec.core.own_variables import own_variable
from stackspec.core.regular_file import UnfitError, read_regular
from stackspec.core.whole_file import write_first
from stackspec.state.local_folder import LocalFolder

SHORTEST = 32
"""Characters that a key in a variable has at least, and bytes of one that is made."""

_HELD = re.compile(rb"[0-9a-f]{64}\n")
"""What a file of a key holds."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key; it is never shown.

    Attributes:
        source: What a person calls it: a variable, or a file.
    """

    source: str
    _secret: bytes = field(repr=False)

    def code(self, purpose: str, data: bytes) -> str:
        """The HMAC-SHA256 of data for one purpose: 64 hexadecimal digits."""
        return hmac.digest(self.derived(purpose), data, "sha256").hex()

    def derived(self, purpose: str) -> bytes:
        """A key of its own for one purpose: 32 bytes."""
        return hmac.digest(self._secret, purpose.encode(), "sha256")


@dataclass(frozen=True, slots=True)
class KeyKind:
    """Which key it is.

    Attributes:
        noun: What a person calls it: `the key of saved plans`.
        file: Its name in the project's own folder.
        variable: The process variable that stands for the file.
        code: Of the diagnostic that tells what is wrong with it.
        anew: What to do where the file is no good, its path as `{}`.
    """

    noun: str
    file: str
    variable: str
    code: str
    anew: str


def find_key(kind: KeyKind, local: LocalFolder, *, make: bool = False) -> Key | None:
    """The key of the process where that has one, else the project's; None where there is none.

    Args:
        make: Whether a project without one gets one now.

    Raises:
        StackspecError: it cannot be made or read, or others may know it.
    """
    if (text := own_variable(kind.variable)) is not None:
        # What a pipeline hands on often has a newline at its end.
        if len(text.strip()) < SHORTEST:
            hint = f"one can be made by: python3 -c 'import secrets; print(secrets.token_hex({SHORTEST}))'"
            raise StackspecError.of(kind.code, f"{kind.variable} has fewer than {SHORTEST} characters", hint=hint)
        given = os.fsencode(text.strip())
        # What a file holds is the same key in the variable, so that it can be handed on as it is.
        return Key(kind.variable, bytes.fromhex(given.decode()) if _HELD.fullmatch(given + b"\n") else given)
    path = local.inside() / kind.file
    if make and not os.path.lexists(path):
        _make(kind, local, path)
    secret = _read(kind, path)
    return None if secret is None else Key(str(path), secret)


def _read(kind: KeyKind, path: Path) -> bytes | None:
    try:
        found = read_regular(path, SHORTEST * 2 + 1, os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else error.strerror or "it cannot be read"
        raise _unfit(kind, path, why) from error
    except UnfitError as error:
        raise _unfit(kind, path, str(error)) from error
    if found.is_of_another:
        raise _unfit(kind, path, f"it belongs to another user (uid {found.owner})")
    if found.permissions & 0o077:
        raise _unfit(kind, path, f"others than its owner can read or write it (mode {found.permissions:04o})")
    if not _HELD.fullmatch(found.data):
        raise _unfit(kind, path, "it is damaged")
    return bytes.fromhex(found.data.decode())


def _unfit(kind: KeyKind, path: Path, why: str) -> StackspecError:
    return StackspecError.of(kind.code, f"{path} cannot be {kind.noun}: {why}", hint=kind.anew.format(path))


def _make(kind: KeyKind, local: LocalFolder, path: Path) -> None:
    local.prepare()
    try:
        # The one of whoever came first, where two make it at once.
        write_first(path, secrets.token_bytes(SHORTEST).hex().encode() + b"\n")
    except OSError as error:
        hint = f"or have the key in {kind.variable}"
        raise StackspecError.of("SS0704", f"cannot write {path}: {error.strerror}", hint=hint) from error
