"""Values that nobody is to see: held so that no accident prints, pickles or compares them, and hidden in texts."""

from __future__ import annotations

import base64
import html
import json
import posixpath
import re
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Never
from urllib.parse import quote, quote_plus
from weakref import WeakSet

from stackspec.core.expression import HIDDEN
from stackspec.core.values import Value, canonical


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


class Redactor:
    """Hides the values that it was told of, in each form in which errors, logs and addresses bring them.

    Safe to use from several threads; it cannot be pickled or copied.
    """

    _all: ClassVar[WeakSet[Redactor]] = WeakSet()

    def __init__(self) -> None:
        self._whole: set[str] = set()
        self._forms: dict[str, set[str]] = {}
        """The first characters of forms, as many as the shortest has, to the forms."""
        self._ordered: dict[str, tuple[str, ...]] = {}
        """The same, the longest first, for those that were looked for since the last was added."""
        self._lock = threading.Lock()
        self._all.add(self)

    def __reduce__(self) -> Never:
        raise TypeError("a redactor knows secrets: it cannot be pickled or copied")

    @classmethod
    def hidden_by_any(cls, text: str) -> str:
        """The text without what any redactor of this process was told of."""
        for redactor in list(cls._all):
            text = redactor.hidden(text)
        return text

    def add(self, value: Value, *, parts: bool = False) -> None:
        """Hide a value from now on, each text in it by itself.

        Args:
            parts: Whether each part of what may be a path tells of it too; not of one with parts that anybody knows.
        """
        for text in _texts(value):
            with self._lock:
                if text in self._whole:
                    continue
                for form in _forms(text, parts):
                    self._forms.setdefault(form[:_SHORTEST], set()).add(form)
                    self._ordered.pop(form[:_SHORTEST], None)
                self._whole.add(text)

    def hidden(self, text: str) -> str:
        """The text with `HIDDEN` in the place of everything that it was told of."""
        if text in self._whole:
            return HIDDEN
        kept, last, end = [], 0, -1  # `text[last:end]` is to be hidden, once it begins
        for start in range(len(text) - _SHORTEST + 1 if self._forms else 0):
            forms = self._beginning(text[start : start + _SHORTEST])
            found = next((len(form) for form in forms if text.startswith(form, start)), 0)
            if found and start > end:
                kept.append(text[max(last, end) : start])
                last, end = start, start + found
            elif found:
                end = max(end, start + found)
        return HIDDEN.join([*kept, text[max(last, end) :]]) if kept else text

    def _beginning(self, first: str) -> tuple[str, ...]:
        """The forms that begin so, the longest first."""
        if first not in self._forms:
            return ()
        if (found := self._ordered.get(first)) is None:
            with self._lock:
                found = self._ordered[first] = tuple(sorted(self._forms[first], key=len, reverse=True))
        return found

    def tells(self, value: Value) -> bool:
        """Whether anything that it was told of is in a value."""
        text = value if isinstance(value, str) else canonical(value)
        return bool(self._whole) and self.hidden(text) != text


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _forms(value: str, parts: bool) -> set[str]:
    data = value.encode("utf-8", "surrogatepass")
    escaped = (quote(data), quote(data, safe=""), quote_plus(data))
    forms = {
        value,
        value.strip(),
        repr(value)[1:-1],
        repr(data)[2:-1],
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        posixpath.normpath(value),
        html.escape(value),
        html.escape(value, quote=False),
        shlex.quote(value).strip("'"),
        *escaped,
        *(re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text) for text in escaped),
        data.hex(),
        data.hex().upper(),
        *_base64(data),
    }
    # What normalises a path leaves its parts as they are, and a log tells a text line by line.
    forms |= {part.strip() for part in re.split(r"[/\\\r\n]" if parts else r"[\r\n]", value)}
    return {form for form in forms if len(form) >= _SHORTEST}


def _base64(data: bytes) -> Iterator[str]:
    """The digits that the data has in base64, wherever it begins in what is encoded."""
    for before in range(3):
        digits = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        # The first and the last digit that others have a part in are not the data's own.
        own = digits[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        if len(own) > _SHORTEST:
            yield from (own, own.replace("+", "-").replace("/", "_"))
