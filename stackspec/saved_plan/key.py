"""The key that signs saved plans: from the environment, to be shared between machines, or one of the project's own."""

from __future__ import annotations

import errno
import hmac
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stackspec.core.diagnostic import StackspecError
from stackspec.core.layout import PLAN_KEY_VARIABLE
from stackspec.core.values import Value, canonical
from stackspec.core.whole_file import write_first
from stackspec.saved_plan.regular_file import UnfitError, read_regular
from stackspec.state.local_folder import LocalFolder

_SHORTEST = 32
_FILE = "plan.key"
_SHARE = (
    f"to apply on another machine, set {PLAN_KEY_VARIABLE} to the same text of {_SHORTEST} characters or more on both"
)
_ANEW = "remove it: the next 'stackspec plan --out' makes another, and plans saved before have to be made again"

Digest = Callable[[Value], str]
"""A value's fingerprint under a key: without the key nobody can find the value by trying."""


@dataclass(frozen=True, slots=True)
class PlanKey:
    """What signs plans, and tells whether it signed one; it is never shown.

    Attributes:
        source: What a person calls it.
    """

    source: str
    _secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """What tells it from other keys: 16 hexadecimal digits, from which it cannot be found."""
        return self._code("id", b"")[:16]

    def signature(self, data: bytes) -> str:
        """The HMAC-SHA256 of data: 64 hexadecimal digits."""
        return self._code("signature", data)

    def signed(self, data: bytes, signature: str) -> bool:
        """Whether the signature is the data's under this key."""
        return hmac.compare_digest(self.signature(data), signature)

    def digest(self, plan_id: str) -> Digest:
        """The fingerprints of one plan's values: two plans' cannot be compared, nor any with a guess."""
        return lambda value: self._code(f"value {plan_id}", canonical(value).encode("utf-8", "surrogatepass"))[:32]

    def _code(self, purpose: str, data: bytes) -> str:
        own = hmac.digest(self._secret, f"stackspec plan: {purpose}".encode(), "sha256")
        return hmac.digest(own, data, "sha256").hex()


def plan_key(local: LocalFolder, *, make: bool = False) -> PlanKey:
    """The key of the environment where that has one, else the project's.

    Args:
        make: Whether a project without one gets one now.

    Raises:
        StackspecError: there is none, it cannot be made, or others may know it.
    """
    if (text := os.environ.get(PLAN_KEY_VARIABLE)) is not None:
        # What a pipeline hands on often has a newline at its end.
        if len(text.strip()) < _SHORTEST:
            hint = f"one can be made by: python3 -c 'import secrets; print(secrets.token_hex({_SHORTEST}))'"
            raise StackspecError.of("SS0609", f"{PLAN_KEY_VARIABLE} has fewer than {_SHORTEST} characters", hint=hint)
        return PlanKey(PLAN_KEY_VARIABLE, os.fsencode(text.strip()))
    path = local.inside() / _FILE
    if make and not os.path.lexists(path):
        _make(local, path)
    return PlanKey(str(path), _read(path))


def _read(path: Path) -> bytes:
    try:
        permissions, text = read_regular(path, _SHORTEST * 2 + 1, os.O_NOFOLLOW)
    except FileNotFoundError as error:
        message = f"there is no key to check the plan by: {PLAN_KEY_VARIABLE} is not set, and there is no {path}"
        raise StackspecError.of("SS0609", message, hint=_SHARE) from error
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else error.strerror or "it cannot be read"
        raise _unfit(path, why) from error
    except UnfitError as error:
        raise _unfit(path, str(error)) from error
    if permissions & 0o077:
        raise _unfit(path, f"others than its owner can read or write it (mode {permissions:04o})")
    if not re.fullmatch(rb"[0-9a-f]{64}\n", text):
        raise _unfit(path, "it is damaged")
    return bytes.fromhex(text.decode())


def _unfit(path: Path, why: str) -> StackspecError:
    return StackspecError.of("SS0609", f"{path} cannot be the key of saved plans: {why}", hint=_ANEW)


def _make(local: LocalFolder, path: Path) -> None:
    local.prepare()
    try:
        # The one of whoever came first, where two make it at once.
        write_first(path, secrets.token_bytes(_SHORTEST).hex().encode() + b"\n")
    except OSError as error:
        hint = f"or have the key in {PLAN_KEY_VARIABLE}"
        raise StackspecError.of("SS0704", f"cannot write {path}: {error.strerror}", hint=hint) from error
