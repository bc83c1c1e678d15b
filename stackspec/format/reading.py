"""From a text to its trees: the parser's events in one pass, and the comments that it skips."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from stackspec.format.tree import Collection, Comment, Entry, Node, Scalar, without_comments

# Between the values of a document stand signs, tags, anchors and comments; a '#' in a tag or anchor begins no comment.
_COMMENT_OR_NOT = re.compile(r"(?P<comment>#[^\n]*)|[&!](?:<[^>\n]*>|[^\s,\[\]{}]*)|^%[^\n#]*", re.MULTILINE)
_PROPERTIES = re.compile(r"(?:[&!](?:<[^>\n]*>|[^\s,\[\]{}]*)|\s+|#[^\n]*)*")
_HEADER_COMMENT = re.compile(r"[|>][-+0-9]*[ \t]+(?P<comment>#[^\n]*)")


def read(text: str) -> tuple[list[Entry], list[Comment]]:
    """The documents of a text that `stackspec.manifest.parse` finds nothing wrong with; its lines end in line feeds.

    Returns:
        Each document that says anything, and every comment; those of a text in which no document does are in none.
    """
    reading = _Reading(text)
    return reading.documents(), reading.comments


class _Reading:
    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.comments: list[Comment] = []
        self._given = 0
        self._read_to = 0

    def documents(self) -> list[Entry]:
        next_event: Callable[[], Any] = CParser(self._text).get_event
        found: list[Entry] = []
        last: Entry | None = None
        event: Any = next_event()
        while (kind := event.__class__) is not StreamEndEvent:
            if kind is DocumentStartEvent:
                start: int = event.start_mark.index
                self._comments_until(start)
                if last is not None:
                    self._give(last)
                last = self._document(next_event, start)
                if isinstance(last.value, Scalar) and not last.value.written and not last.value.tag:
                    last = None  # an empty document: its comments are the next one's, or the last one's
                else:
                    found.append(last)
            event = next_event()
        self._comments_until(len(self._text))
        if last is not None:
            self._give(last)
        elif found:
            _end(found[-1]).extend(self.comments[self._given :])
        return found

    # --- values

    def _document(self, next_event: Callable[[], Any], start: int) -> Entry:
        top = Collection(False, start, -1)
        stack: list[Collection] = []
        key: Scalar | None = None
        keys: list[Scalar | None] = []
        anchors: dict[str, Node] = {}
        while True:
            event = next_event()
            kind = event.__class__
            if kind is ScalarEvent:
                scalar = self._scalar(event)
                if top.mapping and key is None:
                    key = scalar
                    continue
                top.entries.append(self._entry(top, key, scalar, event.start_mark.index))
                key = None
                if event.anchor is not None:
                    anchors[event.anchor] = scalar
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                mark = event.start_mark
                flow = bool(event.flow_style)
                column = mark.column
                if top.mapping and kind is SequenceStartEvent and column == top.column:
                    column += 1
                value = Collection(kind is MappingStartEvent, mark.index, column, flow=flow)
                value.one_line = flow
                top.entries.append(self._entry(top, key, value, mark.index))
                if event.anchor is not None:
                    anchors[event.anchor] = value
                stack.append(top)
                keys.append(None)
                top, key = value, None
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                done, top = top, stack.pop()
                key = keys.pop()
                done.end = event.end_mark.index
                if done.flow:
                    done.one_line &= self._line(done.start) == self._line(done.end)
            elif kind is AliasEvent:
                mark = event.start_mark
                self._comments_until(mark.index)
                top.entries.append(self._entry(top, key, without_comments(anchors[event.anchor]), mark.index))
                self._read_to = event.end_mark.index
                top.one_line = False
                for one in stack:
                    one.one_line = False
                key = None
            else:
                assert kind is DocumentEndEvent
                return Entry(start, top.entries[0].value)

    def _scalar(self, event: Any) -> Scalar:
        start, end = event.start_mark.index, event.end_mark.index
        if event.anchor is not None or event.tag is not None:
            match = _PROPERTIES.match(self._text, start, end)
            start = match.end() if match else start
        self._comments_until(start)
        self._read_to = end
        style = event.style or ""
        if style in ("|", ">") and (header := _HEADER_COMMENT.match(self._text, start, end)):
            self.comments.append(self._comment(header.start("comment"), header["comment"]))
        tag = (event.tag or "").removeprefix("tag:yaml.org,2002:")
        return Scalar(start, self._text[start:end], event.value, style, tag)

    def _entry(self, parent: Collection, key: Scalar | None, value: Node, start: int) -> Entry:
        if key is not None:
            start = key.start
        elif not parent.flow and parent.column >= 0:
            start = self._dash(parent, start)
        return Entry(start, value, key, gap=self._alone(start) and self._gap(start))

    def _dash(self, sequence: Collection, start: int) -> int:
        """Where the dash of an item stands that has no key of its own to begin at."""
        if not sequence.entries:
            return sequence.start
        dash = sequence.start - self._lines[self._line(sequence.start)]
        for line in range(self._line(start), -1, -1):
            at = self._lines[line] + dash
            if self._text.startswith("-", at) and not self._text[self._lines[line] : at].strip(" "):
                return at
        return start

    # --- comments

    def _comments_until(self, end: int) -> None:
        """Remember the comments between what was read last and an offset."""
        if self._text.find("#", self._read_to, end) >= 0:
            for match in _COMMENT_OR_NOT.finditer(self._text, self._read_to, end):
                if match["comment"] is not None:
                    self.comments.append(self._comment(match.start(), match["comment"]))
        self._read_to = max(self._read_to, end)

    def _comment(self, start: int, text: str) -> Comment:
        alone = self._alone(start)
        column = start - self._lines[self._line(start)]
        return Comment(start, text.rstrip(), column, alone, alone and self._gap(start))

    def _line(self, offset: int) -> int:
        return bisect_right(self._lines, offset) - 1

    def _alone(self, start: int) -> bool:
        """Whether nothing stands before an offset on its line."""
        return not self._text[self._lines[self._line(start)] : start].strip(" \t")

    def _gap(self, start: int) -> bool:
        """Whether the line above that of an offset is blank."""
        line = self._line(start)
        return line > 0 and not self._text[self._lines[line - 1] : self._lines[line]].strip()

    def _give(self, document: Entry) -> None:
        """Give the comments that were read since the last document to what each belongs to."""
        if comments := self.comments[self._given :]:
            placed = _Placed(document)
            for comment in comments:
                placed.give(comment)
            self._given = len(self.comments)


def _end(document: Entry) -> list[Comment]:
    """Where comments after all of a document go."""
    return document.value.foot if isinstance(document.value, Collection) else document.before


class _Placed:
    """The entries of a document in the order of the text, each with the collections that it is in."""

    def __init__(self, document: Entry) -> None:
        self._document = document
        self._entries: list[tuple[Entry, tuple[tuple[Collection, Entry], ...]]] = list(_walk(document, ()))
        self._starts = [entry.start for entry, _ in self._entries]
        self._last = (-1, 0)

    def give(self, comment: Comment) -> None:
        """Add a comment, the next of the text, to the entry that it is about."""
        index = bisect_right(self._starts, comment.start)
        after = self._entries[index] if index < len(self._entries) else None
        if index == 0:
            target = after[0] if after is not None else self._document
            target.before.append(comment)
            return
        entry, around = self._entries[index - 1]
        while around and around[-1][0].flow and comment.start >= around[-1][0].end:
            entry, around = around[-1][1], around[:-1]
        if not comment.alone:
            if entry.beside is None:
                entry.beside = comment
            else:
                entry.before.append(comment)
        elif _comes_before_value(comment, entry.value, after[0] if after is not None else None):
            entry.before.append(comment)
        else:
            # Of several comments in a row none belongs further in than the one above it.
            same, most = self._last
            place, depth = self._place(comment, around[:most] if same == index else around, after)
            self._last = index, depth
            place.append(comment)

    def _place(
        self,
        comment: Comment,
        around: tuple[tuple[Collection, Entry], ...],
        after: tuple[Entry, tuple[tuple[Collection, Entry], ...]] | None,
    ) -> tuple[list[Comment], int]:
        """Where a comment between two entries goes, and within how many collections that is."""
        inside = {id(one) for one, _ in after[1]} if after is not None else set()
        for depth in range(len(around), 0, -1):
            collection = around[depth - 1][0]
            if after is not None and id(collection) in inside:
                return after[0].before, depth
            if comment.start < collection.end if collection.flow else comment.column >= collection.column:
                return collection.foot, depth
        return _end(self._document), 0


def _comes_before_value(comment: Comment, value: Node, after: Entry | None) -> bool:
    """Whether a comment stands between a key and a value that has no parts it could be about, or in empty brackets."""
    if isinstance(value, Scalar):
        return value.start > comment.start
    if value.start > comment.start:
        return after is None or after.start > value.start
    return value.flow and not value.entries and comment.start < value.end


def _walk(
    entry: Entry, around: tuple[tuple[Collection, Entry], ...]
) -> Iterator[tuple[Entry, tuple[tuple[Collection, Entry], ...]]]:
    # What an alias brings was written before.
    if isinstance(entry.value, Collection) and entry.value.start >= entry.start:
        inner = (*around, (entry.value, entry))
        for one in entry.value.entries:
            yield one, inner
            yield from _walk(one, inner)
