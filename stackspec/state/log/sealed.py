"""A record as bytes that tell when they are damaged: a digest on the first line, the record's JSON on the second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from stackspec.core.values import canonical

FORMAT = 1
"""The version of the records."""


class DamagedError(ValueError):
    """Bytes that are not what they ought to be; the message says how."""


class NewerError(ValueError):
    """A record of a newer version; the message says of which."""


class Sealed(NamedTuple):
    """A record, and the digest of its bytes."""

    record: dict[str, Any]
    digest: str


def seal(record: Mapping[str, Any]) -> bytes:
    """The record as bytes."""
    body = canonical({"format": FORMAT, **record}).encode("utf-8", "surrogatepass")
    return f"{_digest(body)}\n".encode() + body + b"\n"


def unseal(data: bytes) -> Sealed:
    """The inverse of `seal`.

    Raises:
        DamagedError: the bytes are no record, or not whole.
        NewerError: a newer stackspec wrote them.
    """
    head, _, rest = data.partition(b"\n")
    body = rest.removesuffix(b"\n")
    digest = _digest(body)
    if head != digest.encode():
        raise DamagedError("its digest does not fit")
    record = json.loads(body.decode("utf-8", "surrogatepass"))
    if record["format"] > FORMAT:
        raise NewerError(f"format {record['format']}, this one reads {FORMAT}")
    return Sealed(record, digest)


def _digest(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()
