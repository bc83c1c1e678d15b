"""Text that is safe to show: colour only where wanted, control characters never."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from stackspec.core.values import Unknown

_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_NOT_XML = re.compile("[\ufffe\uffff]")

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}

LONGEST_VALUE = 120
"""Characters of a value that a line of a plan shows."""


class Style:
    """Paints text with ANSI colours, or leaves it alone."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, *looks: str) -> str:
        """The text painted in the looks named: a colour, `bold`, `dim`."""
        if not self._colour or not looks:
            return text
        return f"\x1b[{';'.join(_CODES[look] for look in looks)}m{text}\x1b[0m"


def safe(text: str) -> str:
    """The text with characters that a terminal would act on, and those that UTF-8 has no bytes for, as escapes."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def safe_in_xml(text: str) -> str:
    """The same with what XML 1.0 has no form for as escapes too (https://www.w3.org/TR/xml/#charsets)."""
    return _NOT_XML.sub(lambda match: f"\\u{ord(match.group()):04x}", safe(text))


def headline(text: str) -> str:
    """The first line of a text of several, safe, for where there is room for one."""
    first, more, _ = text.partition("\n")
    return safe(first.rstrip(":") if more else first)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, each column but the last as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def json_text(document: Any, *, indent: int | None = None) -> str:
    """A document as JSON in ASCII: any stream can carry it, and no terminal acts on it."""
    return json.dumps(document, indent=indent).replace("\x7f", "\\u007f")


def shown(value: Any, *, sensitive: bool = False) -> str:
    """A value on one line: JSON, cut where it is long."""
    if isinstance(value, Unknown):
        return repr(value)
    if sensitive:
        return "(sensitive)"
    text = safe(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
