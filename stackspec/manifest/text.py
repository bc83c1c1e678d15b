"""A file's text, and where in it a character stands."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from stackspec.core.diagnostic import Span

MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, which some editors begin a file with."""


@dataclass(frozen=True)
class SourceText:
    """The text of one file; `file` is its path relative to the project, with `/`.

    Attributes:
        marked: Whether the file begins with a byte order mark, which is no part of the text.
    """

    file: str
    text: str
    marked: bool = False

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return (MARK if self.marked else b"") + self.text.encode()

    @cached_property
    def _line_starts(self) -> array[int]:
        """Where lines begin, as far as anybody asked, for a place near the beginning of a huge file must cost little.

        Once all are found, one more stands beyond any offset.
        """
        return array("Q", [0])

    def _find_one_more(self) -> None:
        found = self.text.find("\n", self._line_starts[-1])
        self._line_starts.append(found + 1 if found >= 0 else sys.maxsize)

    def span(self, start: int, end: int) -> Span:
        """The place of the characters from offset `start` to before offset `end`."""
        line, column = self._place(start)
        end_line, end_column = self._place(max(start, end))
        return Span(self.file, line, column, end_line, end_column)

    def _place(self, offset: int) -> tuple[int, int]:
        starts = self._line_starts
        while starts[-1] <= offset:
            self._find_one_more()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end; empty past the last."""
        starts = self._line_starts
        while len(starts) <= number and starts[-1] <= len(self.text):
            self._find_one_more()
        if not 1 <= number < len(starts):
            return ""
        return self.text[starts[number - 1] : starts[number]].rstrip("\r\n")
