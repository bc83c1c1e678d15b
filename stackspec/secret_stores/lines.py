"""Texts of lines `NAME=value`, as dotenv and as sops write them, read as a whole or not at all.

A line that is no `NAME=value` is as a rule the rest of a value that no quotes stand around, such as a private key: it
is told by its number, never taken for a name, and nothing is read that stands before or behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from stackspec.secret_stores.contract import StoreError

_Line = tuple[int, str | None, str | None]
"""A line's number; the name and the value that it gives, None where it does not."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_HINT = "write NAME=value, with quotes around a value that has quotes or line ends in it; a comment begins with #"


def read_dotenv(text: str, what: str) -> dict[str, str]:
    """The values of lines as dotenv has them; nothing in them is expanded.

    Args:
        what: What a person calls the text.

    Raises:
        StoreError: a line gives no value, or a name twice.
    """
    return _checked(_dotenv(text), what)


def read_sops_lines(text: str, what: str) -> dict[str, str]:
    """The values of lines as sops has them: without quotes, and spaces are parts of what they stand in.

    Args, Raises: As `read_dotenv`.
    """
    return _checked(_sops(text), what)


def known_names(values: Mapping[str, object]) -> list[str]:
    """The names in a text that may be told, sorted.

    Not those of empty values: the last line of a key in base64 that no quotes stand around may look like one.
    """
    return sorted(name for name, value in values.items() if value != "")


def _checked(lines: Iterable[_Line], what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line, name, value in lines:
        # Base64 ends in signs that look like the one behind a name.
        if name is None or value is None or not _NAME.fullmatch(name) or value == "=":
            raise StoreError(f"line {line} of {what} cannot be read", _HINT, unfit=True)
        if name in found:
            raise StoreError(f"line {line} of {what} gives a name a second time", "remove one", unfit=True)
        found[name] = value
    return found


def _dotenv(text: str) -> Iterator[_Line]:
    from io import StringIO

    from dotenv.parser import parse_stream

    for binding in parse_stream(StringIO(text)):
        written = binding.original.string
        # What stands before a name, empty lines among it, is taken for a part of it.
        start = written.lstrip()
        if start and (binding.error or not start.startswith("#")):
            line = binding.original.line + written[: len(written) - len(start)].count("\n")
            yield line, binding.key, binding.value


def _sops(text: str) -> Iterator[_Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            yield number, name, value.replace("\\n", "\n") if equals else None
