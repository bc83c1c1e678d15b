"""YAML 1.2 core, in one pass over the C parser's events, with the place of every key and value.

PyYAML's own composer and constructor are not used: they read YAML 1.1 (`no` is false, dates are dates), take duplicate
keys silently, recurse on nesting and expand aliases without bound. This builder keeps a stack of its own and counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml
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

from stackspec.core.address import FieldPath
from stackspec.core.diagnostic import Diagnostic, Note, Span, did_you_mean
from stackspec.core.values import Value
from stackspec.manifest.text import SourceText

MOST_BYTES = 64 * 1024 * 1024
"""Bytes in a file or stream."""
MOST_DOCUMENT_BYTES = 1024 * 1024
"""Bytes in a document."""
MOST_LEVELS = 48
"""Levels of nesting in a document, aliases expanded."""
MOST_NODES = 20_000
"""Nodes in a document as written."""
MOST_ALIASES = 200
"""Aliases in a document."""
MOST_EXPANDED_NODES = 40_000
"""Nodes in a document once its aliases are expanded."""
MOST_STREAM_NODES = 1_000_000
"""Nodes in a file or stream, aliases expanded; with the bound on bytes it keeps a hostile file within seconds."""
DOCUMENT_NODES = 10
"""What a document counts for beside its nodes: the parser spends as much on an empty one."""

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]"
)
_VISIBLE_ASCII = bytes([9, 10, 13, *range(32, 127)])

Spans = tuple[Any, ...]
"""The place of a node: `(start, end)` of a scalar; with a third item for its children, a list of spans for a sequence,
for a mapping a dict of key to `(key start, key end, spans of the value)`. Offsets count characters."""


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, and the place of everything in it."""

    value: Value
    spans: Spans
    source: SourceText

    def span(self, path: FieldPath = (), *, key: bool = False) -> Span:
        """The place of the value at `path`, or with `key` of its key.

        Where the path leads further than the document, the place of the last part that exists.
        """
        start, end = self._offsets(path, key)
        return self.source.span(start, end)

    def _offsets(self, path: FieldPath, key: bool) -> tuple[int, int]:
        node, key_place = self.spans, self.spans[:2]
        for step in path:
            children = node[2] if len(node) == 3 else None
            if isinstance(children, dict) and step in children:
                start, end, node = children[step]
                key_place = (start, end)
            elif isinstance(children, list) and isinstance(step, int) and step < len(children):
                node = children[step]
                key_place = node[:2]
            else:
                # A whole mapping is too much to point at; its key, or where it begins, is what is meant.
                return key_place if isinstance(children, dict | list) else (node[0], node[1])
        return key_place if key else (node[0], node[1])


class _UnreadableError(Exception):
    """The rest of the file cannot be read; carries the diagnostic that says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def decode(file: str, data: bytes) -> SourceText | Diagnostic:
    """The text of a file's bytes, or why they are not a manifest's text."""
    if not data.translate(None, _VISIBLE_ASCII):
        return SourceText(file, data.decode("ascii"))
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Diagnostic("SS0104", "the file is UTF-16, not UTF-8", Span(file, 1, 1, 1, 2), "save it as UTF-8")
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        span = Span(file, line, column, line, column + 1)
        return Diagnostic("SS0104", f"byte 0x{data[error.start]:02x} is not UTF-8", span, "save the file as UTF-8")
    source = SourceText(file, text)
    if match := _FORBIDDEN.search(text):
        return _forbidden(match.group(), source.span(match.start(), match.end()))
    return source


def _forbidden(character: str, span: Span) -> Diagnostic:
    from unicodedata import name

    called = name(character, "")
    described = f"U+{ord(character):04X} ({called})" if called else f"U+{ord(character):04X}"
    return Diagnostic("SS0105", f"the character {described} is not allowed", span, "remove it")


def parse(source: SourceText) -> tuple[list[Document], list[Diagnostic]]:
    """Every document of a file, empty ones left out, and what is wrong with them."""
    builder = _Builder(source)
    try:
        builder.run()
    except _UnreadableError as error:
        builder.diagnostics.append(error.diagnostic)
    except yaml.YAMLError as error:
        builder.diagnostics.append(_syntax(error, source))
    return builder.documents, builder.diagnostics


def _syntax(error: yaml.YAMLError, source: SourceText) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or "the text is not YAML"
    context = getattr(error, "context", None)
    notes: tuple[Note, ...] = ()
    begun = getattr(error, "context_mark", None)
    if begun is not None and any(words in problem for words in _UNFINISHED):
        mark = begun  # where the end of the text was found tells nobody anything
    elif begun is not None and "did not find expected ',' or" in problem:
        notes = (Note("it begins here", source.span(begun.index, begun.index + 1)),)
    offset = min(mark.index, len(source.text)) if mark else 0
    hint = None
    if "\t" in source.text[offset : offset + 1] or ("cannot start any token" in problem and "\t" in source.text):
        hint = "indent with spaces; YAML does not allow tabs"
    elif "mapping values are not allowed" in problem:
        hint = "put a text that contains ': ' in quotes"
    elif "unexpected end of stream" in problem:
        hint = "close the quote"
    elif "unknown escape" in problem:
        hint = "write '\\\\' for a backslash in double quotes, or use single quotes"
    elif "did not find expected key" in problem:
        hint = "indent the keys of one mapping alike"
    elif "could not find expected ':'" in problem:
        hint = "write 'key: value', or put a text of several lines in quotes"
    elif source.text[offset : offset + 1] in ("%", "@", "`", "{"):
        hint = "put a text that begins with this character in quotes"
    message = f"not YAML: {problem}" + (f" {context}" if context else "")
    return Diagnostic("SS0107", message, source.span(offset, offset + 1), hint, notes=notes)


_UNFINISHED = ("could not find expected ':'", "unexpected end of stream")
"""What libyaml says of something that never ends, at the end of the text."""


class _Open:
    """A mapping or sequence that is being read; `key` is the one whose value comes next."""

    __slots__ = ("anchor", "before", "height", "key", "mapping", "places", "start", "value")

    def __init__(self, mapping: bool, start: int, anchor: str | None, before: int) -> None:
        self.mapping = mapping
        self.value: Any = {} if mapping else []
        self.places: Any = {} if mapping else []
        self.start = start
        self.anchor = anchor
        self.before = before
        self.height = 0
        self.key: tuple[str, int, int] | None = None

    def add(self, value: Any, spans: Spans) -> None:
        """Put in the next value; of two values of one key the first stays."""
        if not self.mapping:
            self.value.append(value)
            self.places.append(spans)
        elif self.key is not None:
            name, start, end = self.key
            self.key = None
            if name not in self.value:
                self.value[name] = value
                self.places[name] = (start, end, spans)


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A finished value that aliases may repeat: how many nodes and levels it has."""

    value: Any
    spans: Spans
    nodes: int
    height: int


class _Builder:
    """Documents out of events, with every bound checked before memory is spent."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.documents: list[Document] = []
        self.diagnostics: list[Diagnostic] = []
        self._stream_nodes = 0
        self._merges = False

    def run(self) -> None:
        next_event: Callable[[], Any] = CParser(self.source.text).get_event
        event = next_event()
        while (kind := event.__class__) is not StreamEndEvent:
            if kind is DocumentStartEvent:
                self._document(next_event, event.start_mark.index)
            event = next_event()

    def _document(self, next_event: Callable[[], Any], document_start: int) -> None:
        stack: list[_Open] = []
        top = _Open(False, document_start, None, 0)  # holds the document's one root
        anchors: dict[str, _Anchored] = {}
        nodes = repeated = aliases = 0
        while True:
            event = next_event()
            kind = event.__class__
            if kind is ScalarEvent:
                start, end = event.start_mark.index, event.end_mark.index
                nodes += 1
                if top.mapping and top.key is None:
                    top.key = self._key(event, start, end, top)
                    continue
                value = event.value
                if event.tag is not None:
                    value = self._tagged(event, start, end)
                elif event.implicit[0]:
                    if not value or value[0] in _SPECIAL:
                        value = self._plain(value, start, end)
                elif event.style == '"' and not value.isprintable():
                    self._check_characters(value, start, end)
                top.add(value, (start, end))
                if event.anchor is not None:
                    anchors[event.anchor] = _Anchored(value, (start, end), 1, 0)
                if nodes > MOST_NODES:
                    raise self._too_large(f"more than {MOST_NODES:,} nodes in a document", start)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                start = event.start_mark.index
                self._check_collection(event, kind is MappingStartEvent, start, top)
                if len(stack) >= MOST_LEVELS:
                    raise self._too_large(f"more than {MOST_LEVELS} levels of nesting", start)
                stack.append(top)
                top = _Open(kind is MappingStartEvent, start, event.anchor, nodes + repeated)
                nodes += 1
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                done, top = top, stack.pop()
                if self._merges:
                    _merge(done)
                spans = (done.start, self._end(done, event), done.places)
                top.add(done.value, spans)
                top.height = max(top.height, done.height + 1)
                if done.anchor is not None:
                    size = nodes + repeated - done.before
                    anchors[done.anchor] = _Anchored(done.value, spans, size, done.height + 1)
            elif kind is AliasEvent:
                start, end = event.start_mark.index, event.end_mark.index
                anchored = self._alias(event.anchor, anchors, start, end)
                aliases += 1
                repeated += anchored.nodes
                if aliases > MOST_ALIASES:
                    raise self._too_large(f"more than {MOST_ALIASES} aliases in a document", start)
                if nodes + repeated > MOST_EXPANDED_NODES:
                    raise self._too_large(f"more than {MOST_EXPANDED_NODES:,} nodes once aliases are expanded", start)
                if len(stack) + anchored.height > MOST_LEVELS:
                    raise self._too_large(f"more than {MOST_LEVELS} levels once aliases are expanded", start)
                if top.mapping and top.key is None:
                    raise _UnreadableError(
                        self._unsupported("an alias cannot be a key", start, end, "write the key out")
                    )
                top.add(anchored.value, (start, end, *anchored.spans[2:]))
                top.height = max(top.height, anchored.height)
            else:
                assert kind is DocumentEndEvent
                break
        self._finish(top.value[0], top.places[0], document_start, event.start_mark.index, nodes + repeated)

    def _finish(self, root: Any, spans: Spans, start: int, end: int, expanded: int) -> None:
        self._stream_nodes += expanded + DOCUMENT_NODES
        if self._stream_nodes > MOST_STREAM_NODES:
            raise self._too_large(f"more than {MOST_STREAM_NODES:,} nodes in a file", start)
        if end - start > MOST_DOCUMENT_BYTES // 4 and len(self.source.text[start:end].encode()) > MOST_DOCUMENT_BYTES:
            raise self._too_large("a document of more than 1 MiB", start)
        if root is not None:
            self.documents.append(Document(root, spans, self.source))

    def _key(self, event: Any, start: int, end: int, top: _Open) -> tuple[str, int, int]:
        name: str = event.value
        if event.tag is not None and event.tag != "tag:yaml.org,2002:str":
            raise _UnreadableError(self._unsupported("a key cannot have a tag", start, end, "remove the tag"))
        if event.anchor is not None:
            raise _UnreadableError(self._unsupported("a key cannot have an anchor", start, end, "remove the anchor"))
        if event.implicit[0]:
            if name == "<<":
                self._merges = True
                self.diagnostics.append(
                    self._unsupported("merge keys ('<<') are not part of YAML 1.2", start, end, "write the keys out")
                )
            elif (not name or name[0] in _SPECIAL) and not isinstance(self._plain(name, start, end), str):
                self.diagnostics.append(
                    self._unsupported("a key must be text", start, end, f'put it in quotes: "{name[:40]}"')
                )
        elif event.style == '"' and not name.isprintable():
            self._check_characters(name, start, end)
        if name in top.value:
            first = top.places[name]
            self.diagnostics.append(
                Diagnostic(
                    "SS0108",
                    f"the key '{name[:80]}' is given twice",
                    self.source.span(start, end),
                    "remove one of them",
                    notes=(Note("first given here", self.source.span(first[0], first[1])),),
                )
            )
        return name, start, end

    def _alias(self, name: str, anchors: dict[str, _Anchored], start: int, end: int) -> _Anchored:
        if name not in anchors:
            hint = did_you_mean(name, anchors)
            message = f"no complete anchor '&{name[:40]}' stands before this alias"
            raise _UnreadableError(Diagnostic("SS0107", message, self.source.span(start, end), hint))
        return anchors[name]

    def _check_collection(self, event: Any, mapping: bool, start: int, top: _Open) -> None:
        if top.mapping and top.key is None:
            if self.source.text.startswith("{{", start - 1):
                hint = 'write "{{ … }}"'
                raise _UnreadableError(self._unsupported("an expression stands in quotes", start - 1, start + 1, hint))
            raise _UnreadableError(self._unsupported("a key must be text", start, start + 1, "write the key as text"))
        if event.tag not in (None, "tag:yaml.org,2002:map" if mapping else "tag:yaml.org,2002:seq"):
            message = f"the tag '{_short_tag(event.tag)}' is not allowed here"
            self.diagnostics.append(self._unsupported(message, start, start + 1, "remove the tag"))

    def _check_characters(self, text: str, start: int, end: int) -> None:
        if match := _FORBIDDEN.search(text):
            self.diagnostics.append(_forbidden(match.group(), self.source.span(start, end)))

    def _tagged(self, event: Any, start: int, end: int) -> Any:
        short = event.tag.removeprefix("tag:yaml.org,2002:")
        text = event.value
        self._check_characters(text, start, end)
        if short == "str":
            return text
        value = self._plain(text, start, end) if short in _TAGGED else None
        if short in _TAGGED and isinstance(value, _TAGGED[short]) and not (short == "int" and value in (True, False)):
            return float(value) if short == "float" else value
        message = (
            f"the value does not fit its tag '!!{short}'"
            if short in _TAGGED
            else f"the tag '{_short_tag(event.tag)}' is not one of YAML's core schema"
        )
        self.diagnostics.append(self._unsupported(message, start, end, "remove the tag"))
        return text

    def _plain(self, text: str, start: int, end: int) -> Any:
        """The value of a plain scalar, by YAML 1.2's core schema; `010` stays text."""
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.match(text):
            if len(text.lstrip("+-")) > 19:
                return self._out_of_range("an integer may have at most 19 digits", start, end)
            return int(text)
        if _FLOAT.match(text):
            number = float(text)
            return number if math.isfinite(number) else self._out_of_range("the number is too large", start, end)
        if match := _RADIX.match(text):
            octal, hexadecimal = match.groups()
            if len(text) > 18:
                return self._out_of_range("an integer may have at most 16 octal or hexadecimal digits", start, end)
            return int(octal, 8) if octal else int(hexadecimal, 16)
        if _NOT_FINITE.match(text):
            return self._out_of_range("infinity and not-a-number are not allowed", start, end)
        return text

    def _out_of_range(self, message: str, start: int, end: int) -> int:
        hint = "put it in quotes to make it text"
        self.diagnostics.append(Diagnostic("SS0110", message, self.source.span(start, end), hint))
        return 0

    def _unsupported(self, message: str, start: int, end: int, hint: str | None) -> Diagnostic:
        return Diagnostic("SS0109", message, self.source.span(start, end), hint)

    def _too_large(self, message: str, start: int) -> _UnreadableError:
        return _UnreadableError(Diagnostic("SS0106", message, self.source.span(start, start + 1), "split the document"))

    @staticmethod
    def _end(done: _Open, event: Any) -> int:
        """Where a collection ends: a block one after its last child, as the parser's own mark is at the next token."""
        end: int = event.end_mark.index
        if event.start_mark.index < end or not done.places:
            return end
        last: int = (done.places[-1] if not done.mapping else next(reversed(done.places.values()))[2])[1]
        return last


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")[:60]


def _merge(done: _Open) -> None:
    """Carry out a merge key that was reported, so that what it brings is not reported as missing."""
    if done.mapping and "<<" in done.value:
        merged, place = done.value.pop("<<"), done.places.pop("<<")
        for one in merged if isinstance(merged, list) else [merged]:
            for key, value in one.items() if isinstance(one, dict) else ():
                if key not in done.value:
                    done.value[key] = value
                    done.places[key] = place


_WORDS: dict[str, Any] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_SPECIAL = frozenset("~nNtTfF0123456789+-.")
"""The first characters that a plain scalar other than text can have."""
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_RADIX = re.compile(r"0(?:o([0-7]+)|x([0-9a-fA-F]+))\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_TAGGED: dict[str, Any] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
