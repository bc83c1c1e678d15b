"""Values as they stand in manifests and state: JSON-like, read-only by type, compared by canonical text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stackspec.core.blake2 import blake2b
from stackspec.core.expression import Deferred, Sealed

Value = Any
"""None, bool, int, float, str, a sequence of values, or a mapping of text to values; a `Deferred` until it is known,
and a `Sealed` where a secret is in it.

Lists and dicts are never changed once built. Python's own `==` calls 1, 1.0 and True equal, so equality of
values is equality of `canonical` text.
"""

ValueMap = Mapping[str, Value]


class Unknown:
    """The one value of a field that only an apply can tell; it prints as SPEC's `(known after apply)`."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN = Unknown()


def _stand_in(value: object) -> object:
    if isinstance(value, Deferred):
        return {"$deferred": value.text}
    if isinstance(value, Sealed):
        return {"$sealed": value.digest}
    if isinstance(value, Unknown):
        return {"$unknown": True}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is not a value")


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_stand_in, check_circular=False
)


def canonical(value: Value) -> str:
    """The one JSON text of a value: keys sorted, no spaces; equal values and only they have equal texts."""
    return _ENCODER.encode(value)


def digest(value: Value) -> str:
    """A fingerprint of a value (BLAKE2b of its canonical text, 32 hexadecimal digits); not for secrets."""
    return blake2b(canonical(value).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def sealed_in(value: Value) -> Iterator[Sealed]:
    """Everything sealed in a value."""
    if isinstance(value, Sealed):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from sealed_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from sealed_in(item)


def value_at(value: Value, path: Iterable[str | int]) -> Value:
    """What stands at a path inside a value, or on the way to it where that is no mapping or list."""
    for step in path:
        if not isinstance(value, Mapping) and not isinstance(value, list):
            break
        inside: Any = value
        value = inside[step]
    return value


def contains_sealed(value: Value) -> bool:
    """Whether a secret is in any part of the value."""
    return any(True for _ in sealed_in(value))


def contains_deferred(value: Value) -> bool:
    """Whether any part of the value waits for an apply."""
    if isinstance(value, Mapping):
        return any(contains_deferred(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(contains_deferred(item) for item in value)
    return isinstance(value, Deferred | Unknown)
