"""The bytes of a file to its text: UTF-8, without characters that show one thing and mean another."""

from __future__ import annotations

import re

from stackspec.core.diagnostic import Diagnostic, Span
from stackspec.manifest.text import MARK, SourceText

MOST_BYTES = 64 * 1024 * 1024
"""Bytes in a file or stream."""

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]"
)
_UTF_16 = re.compile(rb"(?:\0[^\0]){2}|(?:[^\0]\0){2}")
"""How a text in ASCII, which any manifest begins with, looks in UTF-16 without a byte order mark."""
_VISIBLE_ASCII = bytes([9, 10, 13, *range(32, 127)])


def decode(file: str, data: bytes) -> SourceText | Diagnostic:
    """The text of a file's bytes, or why they are not a manifest's text."""
    if not data.translate(None, _VISIBLE_ASCII):
        return SourceText(file, data.decode("ascii"))
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or _UTF_16.match(data):
        return Diagnostic("SS0104", "the file is UTF-16, not UTF-8", Span(file, 1, 1, 1, 2), "save it as UTF-8")
    try:
        text = data.removeprefix(MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        span = Span(file, line, column, line, column + 1)
        return Diagnostic("SS0104", f"byte 0x{data[error.start]:02x} is not UTF-8", span, "save the file as UTF-8")
    source = SourceText(file, text, data.startswith(MARK))
    if match := FORBIDDEN.search(text):
        return forbidden_character(match.group(), source.span(match.start(), match.end()))
    return source


def forbidden_character(character: str, span: Span) -> Diagnostic:
    """What is wrong with a text that holds such a character, named."""
    from unicodedata import name

    called = name(character, "")
    described = f"U+{ord(character):04X} ({called})" if called else f"U+{ord(character):04X}"
    return Diagnostic("SS0105", f"the character {described} is not allowed", span, "remove it")
