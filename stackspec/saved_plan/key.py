"""The key that signs saved plans: from the environment, to be shared between machines, or one of the project's own."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from stackspec.core.diagnostic import StackspecError
from stackspec.core.frozen import dataclass
from stackspec.core.own_variables import PLAN_KEY_VARIABLE
from stackspec.core.values import Value, canonical
from stackspec.state.key_file import SHORTEST, Key, KeyKind, find_key
from stackspec.state.local_folder import LocalFolder

_KIND = KeyKind(
    noun="the key of saved plans",
    file="plan.key",
    variable=PLAN_KEY_VARIABLE,
    code="SS0609",
    anew="remove it: the next 'stackspec plan --out' makes another, and plans saved before have to be made again",
)

Digest = Callable[[Value], str]
"""A value's fingerprint under a key: without the key nobody can find the value by trying."""


@dataclass(frozen=True, slots=True)
class PlanKey:
    """What signs plans, and tells whether it signed one."""

    key: Key

    @property
    def source(self) -> str:
        """What a person calls it."""
        return self.key.source

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
        return self.key.code(f"stackspec plan: {purpose}", data)


def plan_key(local: LocalFolder, *, make: bool = False) -> PlanKey:
    """The key of the environment where that has one, else the project's.

    Args:
        make: Whether a project without one gets one now.

    Raises:
        StackspecError: there is none, it cannot be made, or others may know it.
    """
    key = find_key(_KIND, local, make=make)
    if key is None:
        path = local.inside() / _KIND.file
        message = f"there is no key to check the plan by: {PLAN_KEY_VARIABLE} is not set, and there is no {path}"
        hint = (
            f"to apply on another machine, set {PLAN_KEY_VARIABLE} to the same text of {SHORTEST} characters or more on"
            " both"
        )
        raise StackspecError.of("SS0609", message, hint=hint)
    return PlanKey(key)
