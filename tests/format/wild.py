"""YAML as people of many habits write it: any indentation, quotes, brackets, anchors and comments."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from stackspec.manifest.scalars import OutOfRangeError, plain_value

TEXTS = st.sampled_from(
    [
        *("a", "no", "010", "it's", 'say "x"', "a b", "", " led", "a: b", "# x", "- a", "back\\slash", "{{ vars.a }}"),
        *("ä", "5", "~", "x #y", "[", "tab\tx", "word " * 30),
        *("two\nlines\n", "two\nlines", "\n  first\nlater\n", "end\n\n\n", " \n", "a\n\n b\n"),
    ]
)
KEYS = st.sampled_from(["a", "b", "c", "no", "x y", "1", "key-2", "d", "e", "it's", "{{", "kind", "apiVersion", "spec"])
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Wild:
    """Writes one file."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self.comments: list[str] = []
        self._begun: list[str] = []
        self._anchors: list[str] = []

    def file(self) -> str:
        """A file of some documents."""
        parts = []
        for number in range(self._number(1, 2)):
            self._begun, self._anchors = [], []
            root = self._collection(0, 3) if self._number(0, 9) else [f"just {self._line_end()}"]
            marker = [f"---{self._line_end()}"] if number or self._maybe() else []
            parts += [*self._comments(0), *marker, *self._comments(0), *root, *self._comments(self._number(0, 4))]
        end = self._draw(st.sampled_from(["\n", "\n", "\r\n"]))
        return "\n".join(parts).replace("\n", end) + (end if self._number(0, 3) else "")

    def _number(self, least: int, most: int) -> int:
        found: int = self._draw(st.integers(least, most))
        return found

    def _maybe(self) -> bool:
        return not self._number(0, 3)

    def _comment(self) -> str:
        self.comments.append(f"#{' ' * self._number(0, 1)}c{len(self.comments)} 'x\" : - [")
        return self.comments[-1]

    def _comments(self, indent: int) -> list[str]:
        return [
            " " * self._number(0, indent + 3) + self._comment() if self._number(0, 1) else " " * self._number(0, 2)
            for _ in range(self._number(0, 2) if self._maybe() else 0)
        ]

    def _line_end(self) -> str:
        return " " * self._number(1, 3) + self._comment() if self._maybe() else " " * self._number(0, 1)

    def _collection(self, indent: int, depth: int, *, least: int = 1) -> list[str]:
        """The lines of a mapping or a sequence that is indented."""
        lines: list[str] = []
        pad = " " * indent
        if self._number(0, 2):
            for key in self._draw(st.lists(KEYS, min_size=least, max_size=4, unique=True)):
                lines += self._comments(indent)
                first, rest = self._value(indent, depth - 1)
                written = f"? {self._key(key)}{self._line_end()}\n{pad}" if self._number(0, 19) == 0 else self._key(key)
                lines += f"{pad}{written}:{first}".split("\n")
                lines += rest
            return lines
        for _ in range(self._number(least, 3)):
            lines += self._comments(indent)
            if depth > 1 and self._maybe():
                inner = indent + 1 + self._number(1, 3)
                first, *rest = self._collection(inner, depth - 1)
                while first.lstrip(" ")[:1] in ("#", ""):  # its comments would be in the dash's line
                    if first.strip():
                        lines.append(first)
                    first, *rest = rest
                lines += [f"{pad}-{first[indent + 1 :]}", *rest]
            else:
                first, rest = self._value(indent, depth - 1)
                lines += [f"{pad}-{first}", *rest]
        return lines

    def _value(self, indent: int, depth: int) -> tuple[str, list[str]]:
        """What follows a colon or dash on its line, and the lines after."""
        begun = len(self._begun)
        written = self._any_value(indent, depth)
        self._anchors += self._begun[begun : begun + 1]  # complete only now
        return written

    def _any_value(self, indent: int, depth: int) -> tuple[str, list[str]]:
        inner = indent + self._number(1, 4)
        match self._number(0, 9):
            case 0 | 1 | 2 if depth:
                anchor = self._anchor()
                return f"{anchor}{self._line_end()}", self._collection(inner, depth)
            case 3:
                return f" {self._brackets(inner, depth)}{self._line_end()}", []
            case 4 if self._anchors:
                return f" *{self._draw(st.sampled_from(self._anchors))}{self._line_end()}", []
            case 5:
                return self._block(indent)
            case 6:
                return f"{self._line_end()}", []
            case 7:
                tag, written = self._draw(st.sampled_from([("str", "5"), ("int", "5"), ("float", "1"), ("str", "'x'")]))
                return f" !!{tag} {written}{self._line_end()}", []
            case 8:
                lines = [*self._comments(inner), f"{' ' * inner}{self._text(inner)}{self._line_end()}"]
                return f"{self._anchor()}{self._line_end()}", "\n".join(lines).split("\n")
        first, *rest = f"{self._anchor()} {self._text(inner)}{self._line_end()}".split("\n")
        return first, rest

    def _anchor(self) -> str:
        if self._number(0, 5):
            return ""
        self._begun.append(f"n{len(self._begun)}")
        return f" &{self._begun[-1]}"

    def _key(self, key: str) -> str:
        return self._quoted(key) if self._maybe() or not _plain(key) else key

    def _quoted(self, text: str) -> str:
        return json.dumps(text) if self._number(0, 1) or "\n" in text else "'" + text.replace("'", "''") + "'"

    def _text(self, indent: int) -> str:
        pad = "\n" * self._number(1, 2) + " " * indent
        match self._number(0, 6):
            case 0:
                return f"plain{pad}over lines"
            case 1:
                return f'"quoted  {pad}over  {pad}lines "'
            case 2:
                return f"'it''s  {pad}over \"{pad}lines '"
            case 3:
                return f'"escaped\\n  {pad}over \\{pad}lines"'
            case 4:
                return str(self._draw(st.sampled_from(["1", "0x1F", "1e3", "true", "~", "null", "-0.5", "2020-01-01"])))
        text = self._draw(TEXTS)
        return text if _plain(text) and self._number(0, 2) else self._quoted(text)

    def _block(self, indent: int) -> tuple[str, list[str]]:
        text: str = self._draw(TEXTS)
        sign = "|>"[self._number(0, 1)]
        body = text.removesuffix("\n").removesuffix("\n")
        if not body.strip():
            return " 'x'", []
        told = "4" if body[0] in "\n \t" else ""
        chomp = self._draw(st.sampled_from(["", "-", "+"]))
        pad = " " * (indent + 4)
        lines = [f"{pad}{line}" if line else "" for line in body.split("\n")]
        return f" {sign}{told}{chomp}{self._line_end()}", [*lines, *([""] * self._number(0, 2))]

    def _brackets(self, indent: int, depth: int) -> str:
        opened, closed = self._draw(st.sampled_from(["[]", "{}"]))
        parts = []
        for key in self._draw(st.lists(KEYS, max_size=3, unique=True)):
            value = (
                self._brackets(indent, depth - 1) if depth > 0 and self._maybe() else self._quoted(self._draw(TEXTS))
            )
            if self._anchors and self._maybe():
                value = f"*{self._anchors[0]} "
            parts.append(f"{self._quoted(key)}: {value}" if opened == "{" or self._maybe() else value)
        space = self._break(indent)
        inside = f",{space}".join(parts)
        return f"{opened}{self._break(indent)}{inside}{self._break(indent)}{closed}"

    def _break(self, indent: int) -> str:
        if self._number(0, 3):
            return " " * self._number(0, 1)
        comment = f" {self._comment()}" if self._maybe() else ""
        return f"{comment}\n{' ' * indent}"


def _plain(text: str) -> bool:
    """Whether a text can stand without quotes, anywhere but in brackets."""
    try:
        means_itself = plain_value(text) == text
    except OutOfRangeError:
        return False
    first = text[:1] not in ("", " ", "#", "-", "[", "{", "~", '"', "'", "?", "&", "*", "!", "|", ">", "%", "@", "`")
    return means_itself and first and text == text.strip() and not any(one in text for one in ("\n", "\t", ": ", " #"))


@st.composite
def wild_files(draw: Draw) -> tuple[str, list[str]]:
    """A file, and its comments."""
    wild = Wild(draw)
    return wild.file(), wild.comments
