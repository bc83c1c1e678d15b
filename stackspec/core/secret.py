"""Values that nobody is to see: held so that they cannot be printed, pickled or compared by accident."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Never
from urllib.parse import quote, quote_plus

from stackspec.core.expression import HIDDEN


class Secret:
    """The value of a secret; `reveal` is the only way to it.

    The value lives in a function's closure: what walks attributes, slots or tracebacks finds a function, not a text.
    Two are equal only if they are the same object.
    """

    __slots__ = ("reveal",)

    reveal: Callable[[], str]
    """Returns the value."""

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "reveal", lambda: value)

    def __setattr__(self, name: str, value: Any) -> Never:
        raise AttributeError("a secret is frozen")

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, _spec: str) -> str:
        return HIDDEN

    def __reduce__(self) -> Never:
        raise TypeError("a secret cannot be pickled or copied")


_SHORTEST = 4
"""Characters of the shortest text that is looked for inside others: of a shorter one every text is full."""


def hidden(text: str, secrets: Iterable[Secret]) -> str:
    """The text without what any of the secrets says, plain or in a form that errors and logs bring values in."""
    for secret in secrets:
        value = secret.reveal()
        if text == value:
            return HIDDEN
        for form in _forms(value) if len(value) >= _SHORTEST else ():
            text = text.replace(form, HIDDEN)
    return text


def _forms(value: str) -> list[str]:
    data = value.encode("utf-8", "surrogatepass")
    forms = {
        value,
        value.strip(),
        repr(value)[1:-1],
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(data),
        quote(data, safe=""),
        quote_plus(data),
        base64.b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode(),
        data.hex(),
    }
    # What normalises a path leaves its parts as they are.
    forms |= {part for part in re.split(r"[/\\]", value) if part != value}
    # The longest first: one may be a part of another.
    return sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
