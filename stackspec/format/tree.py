"""A YAML document as somebody wrote it: its nodes with their style, and the comments that belong to each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Comment:
    """A comment, from its `#` to the end of its line.

    Attributes:
        start: Its offset in the text.
        column: Columns before it.
        alone: Whether nothing else stands on its line.
        gap: Whether the line above it is blank.
    """

    start: int
    text: str
    column: int = 0
    alone: bool = True
    gap: bool = False


@dataclass(slots=True)
class Scalar:
    """A value without parts.

    Attributes:
        start: Its offset, after its tag and anchor.
        written: What stands in the text.
        value: The text that is meant, without quotes and folding.
        style: `'`, `"`, `|`, `>`, or nothing where it is plain.
        tag: The last word of its tag in YAML's core schema, such as `int`; nothing where it has none.
    """

    start: int
    written: str
    value: str
    style: str = ""
    tag: str = ""


@dataclass(slots=True)
class Collection:
    """A mapping or a sequence.

    Attributes:
        column: Where its first part stands; one more for a sequence that is not indented, as its comments are.
        end: The offset after it, of one in brackets.
        flow: Whether it stands in brackets.
        one_line: Whether it does so on a line of its own making: no line ends in it, nor is any part an alias.
        foot: The comments after its last part.
    """

    mapping: bool
    start: int
    column: int
    end: int = 0
    flow: bool = False
    one_line: bool = False
    entries: list[Entry] = field(default_factory=list)
    foot: list[Comment] = field(default_factory=list)

    def get(self, name: str) -> Node | None:
        """The value of a key of a mapping."""
        return next((one.value for one in self.entries if one.key is not None and one.key.value == name), None)


Node = Scalar | Collection


@dataclass(slots=True)
class Entry:
    """A key with its value, an item of a sequence, or a whole document's value.

    Attributes:
        start: The offset of the key, or of the item's dash.
        before: The comments above it.
        beside: The comment at the end of its first line.
        gap: Whether the line above it, below its comments, is blank.
    """

    start: int
    value: Node
    key: Scalar | None = None
    before: list[Comment] = field(default_factory=list)
    beside: Comment | None = None
    gap: bool = False


def comments_of(entry: Entry) -> Iterator[Comment]:
    """The comments of an entry and of all that is in it."""
    yield from entry.before
    if entry.beside is not None:
        yield entry.beside
    if isinstance(entry.value, Collection):
        for one in entry.value.entries:
            yield from comments_of(one)
        yield from entry.value.foot


def without_comments(node: Node) -> Node:
    """A copy of a value that has no comments, for another place than where it was written."""
    if isinstance(node, Scalar):
        return node
    entries = [Entry(one.start, without_comments(one.value), one.key) for one in node.entries]
    return Collection(node.mapping, node.start, node.column, node.end, node.flow, node.one_line, entries)
