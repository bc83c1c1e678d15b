"""What an excerpt of a manifest does not show: tokens of well-known forms, and what stands where a secret would."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stackspec.manifest.exposed import TOKEN_FORMS, says_secret
from stackspec.manifest.text import SourceText

MASK = "•"
"""What stands for each character that is not shown."""

_AROUND = 8192
"""Characters of a line, before what is shown of it, that are looked at."""
_ABOVE = 400
"""Lines above, in which what a line is a part of may begin."""

# More than a warning is given for: what is masked in vain costs a reader little.
_FORMS = re.compile(
    "|".join(
        (
            r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"{}]{0,100}:[^\s'\"{}]{1,500}@",
            # An AWS secret key: 40 characters, and no digest in hexadecimal.
            r"(?<![0-9A-Za-z/+])(?=\S{0,39}[G-Z])(?=\S{0,39}[a-z])(?=\S{0,39}[0-9])[0-9A-Za-z/+]{40}(?![0-9A-Za-z/+])",
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY.*?(?:-----END[^-]{0,60}-----|$)",
            *TOKEN_FORMS,
        )
    )
)
_KEY = re.compile(r"""(?<![A-Za-z0-9_.-])(?P<quote>["']?)(?P<name>[A-Za-z0-9_.-]{1,100})(?P=quote)\s*[:=]\s*""")
_OWN_LINE = re.compile(r" *(?:[-?] +)*" + _KEY.pattern)
_VALUE = re.compile(r""""(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?""")
_EXPRESSION = re.compile(r"\{\{.*?\}\}")
_TEXT = re.compile(r""""[^"]*"|'[^']*'""")


def masked(source: SourceText, number: int, shown: slice) -> str:
    """A line of a manifest, each character of what must not be shown another; it keeps its length.

    Args:
        number: The line's, counted from 1.
        shown: What may be shown of it; the rest is left as it is.
    """
    line = source.line(number)
    first = max(0, shown.start - _AROUND)
    part = line[first : shown.stop]
    hidden = _hidden_whole(source, number, line)
    part = _dots(part) if hidden else _masked_values(_FORMS.sub(lambda found: MASK * len(found.group()), part))
    return line[:first] + part + line[shown.stop :]


def _hidden_whole(source: SourceText, number: int, line: str) -> bool:
    """Whether a line is a part of something that began above it and is not to be shown."""
    indent = _indent(line)
    for above in range(number - 1, max(0, number - _ABOVE), -1):
        text = source.line(above)
        if "-----END" in text:
            break
        if "-----BEGIN" in text and "PRIVATE KEY" in text:
            return True
    for above in range(number - 1, max(0, number - _ABOVE), -1):
        text = source.line(above)
        if not indent:
            return False
        if text.strip() and _indent(text) < indent:
            indent = _indent(text)
            key = _OWN_LINE.match(text)
            if key and says_secret(key["name"]):
                return True
    return False


def _indent(line: str) -> int:
    """How far in a line begins; an item of a list is a part of the key in the same column."""
    inner = line.lstrip(" ")
    return len(line) - len(inner) + inner.startswith("- ")


def _masked_values(line: str) -> str:
    """The line without the values of keys whose names say that they are secret."""
    parts, done = [], 0
    for start, end in _secret_values(line):
        parts += [line[done:start], _masked_value(line[start:end])]
        done = end
    return "".join([*parts, line[done:]])


def _secret_values(line: str) -> Iterator[tuple[int, int]]:
    at = 0
    while (key := _KEY.search(line, at)) is not None:
        at = key.end()
        if not says_secret(key["name"]):
            continue
        quoted = _VALUE.match(line, at)
        if quoted is not None:
            end = quoted.end()
        elif "=" in key.group():
            end = _first(line, at, " \t;&,\"'")
        elif "{" in line[: key.start()] or "[" in line[: key.start()]:
            end = at + len(_flow(line[at:]))
        else:
            end = len(line)
        yield at, end
        at = end


def _flow(rest: str) -> str:
    """What a value in a flow mapping is, an expression in it as a whole."""
    end = 0
    while end < len(rest) and rest[end] not in ",]}":
        expression = _EXPRESSION.match(rest, end)
        end = expression.end() if expression else end + 1
    return rest[:end]


def _first(line: str, start: int, ends: str) -> int:
    return min((found for end in ends if (found := line.find(end, start)) >= 0), default=len(line))


def _masked_value(value: str) -> str:
    """A value with what it is made of still to be read, and every text in it masked."""
    quote = value[0] if value[:1] in ("'", '"') else ""
    inner = value[1:-1] if quote and len(value) > 1 and value.endswith(quote) else value[len(quote) :]
    after = value[len(quote) + len(inner) :]
    parts, done = [], 0
    for found in _EXPRESSION.finditer(inner):
        expression = _TEXT.sub(lambda text: _dots(text.group()), found.group())
        parts += [_dots(inner[done : found.start()]), expression]
        done = found.end()
    return "".join([quote, *parts, _dots(inner[done:]), after])


def _dots(text: str) -> str:
    """The text with every character but spaces masked."""
    return re.sub(r"\S", MASK, text)
