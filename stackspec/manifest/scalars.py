"""What a plain scalar means by YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema)."""

from __future__ import annotations

import math
import re
from typing import Any

_WORDS: dict[str, Any] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
FIRST_CHARACTERS = frozenset("~nNtTfF0123456789+-.")
"""What a plain scalar other than text, or an empty one, can begin with."""
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_RADIX = re.compile(r"0(?:o([0-7]+)|x([0-9a-fA-F]+))\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
TAGGED: dict[str, Any] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
"""The tags of the core schema for scalars other than text, to the types of their values."""


class OutOfRangeError(ValueError):
    """A number that not every reader of YAML or JSON can hold; says what the bound is."""


def plain_value(text: str) -> Any:
    """The value of a plain scalar: null, a boolean, a number, or the text itself; `010` and `yes` stay text.

    Raises:
        OutOfRangeError: the number is too large, or is none.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        if len(text.lstrip("+-")) > 19:
            raise OutOfRangeError("an integer may have at most 19 digits")
        return int(text)
    if _FLOAT.match(text):
        if math.isfinite(number := float(text)):
            return number
        raise OutOfRangeError("the number is too large")
    if match := _RADIX.match(text):
        octal, hexadecimal = match.groups()
        if len(text) > 18:
            raise OutOfRangeError("an integer may have at most 16 octal or hexadecimal digits")
        return int(octal, 8) if octal else int(hexadecimal, 16)
    if _NOT_FINITE.match(text):
        raise OutOfRangeError("infinity and not-a-number are not allowed")
    return text
