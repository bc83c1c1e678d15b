"""YAML 1.2 core, in one pass over the C parser's events, with the place of every key and value.

PyYAML's own composer and constructor are not used: they read YAML 1.1 (`no` is false, dates are dates), take duplicate
keys silently, recurse on nesting and expand aliases without bound. This builder keeps a stack of its own and counts.
"""

from __future__ import annotations

from collections.abc import Callable
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

from stackspec.core.diagnostic import Diagnostic, Note, did_you_mean
from stackspec.core.frozen import dataclass
from stackspec.manifest.decode import FORBIDDEN, forbidden_character
from stackspec.manifest.document import Document, Spans
from stackspec.manifest.scalars import FIRST_CHARACTERS, TAGGED, OutOfRangeError, plain_value
from stackspec.manifest.syntax import syntax_diagnostic
from stackspec.manifest.text import SourceText

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

_SPLIT = "split the document"
_FLATTEN = "nest less deeply"
_WRITE_OUT = "use fewer aliases"


class _UnreadableError(Exception):
    """The rest of the file cannot be read; carries the diagnostic that says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def parse(source: SourceText) -> tuple[list[Document], list[Diagnostic]]:
    """Every document of a file, empty ones left out, and what is wrong with them."""
    builder = _Builder(source)
    try:
        builder.run()
    except _UnreadableError as error:
        builder.diagnostics.append(error.diagnostic)
    except yaml.YAMLError as error:
        builder.diagnostics.append(syntax_diagnostic(error, source))
    return builder.documents, builder.diagnostics


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
                    if not value or value[0] in FIRST_CHARACTERS:
                        value = self._plain(value, start, end)
                elif event.style == '"' and not value.isprintable():
                    self._check_characters(value, start, end)
                top.add(value, (start, end))
                if event.anchor is not None:
                    anchors[event.anchor] = _Anchored(value, (start, end), 1, 0)
                if nodes > MOST_NODES:
                    raise self._too_many_nodes(start)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                start = event.start_mark.index
                self._check_collection(event, kind is MappingStartEvent, start, top)
                if len(stack) >= MOST_LEVELS:
                    raise self._too_large(f"more than {MOST_LEVELS} levels of nesting", start, _FLATTEN)
                stack.append(top)
                top = _Open(kind is MappingStartEvent, start, event.anchor, nodes + repeated)
                nodes += 1
                if nodes > MOST_NODES:
                    raise self._too_many_nodes(start)
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
                    raise self._too_large(f"more than {MOST_ALIASES} aliases in a document", start, _WRITE_OUT)
                if nodes + repeated > MOST_EXPANDED_NODES:
                    raise self._too_large(
                        f"more than {MOST_EXPANDED_NODES:,} nodes once aliases are expanded", start, _WRITE_OUT
                    )
                if len(stack) + anchored.height > MOST_LEVELS:
                    raise self._too_large(f"more than {MOST_LEVELS} levels once aliases are expanded", start, _FLATTEN)
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
            raise self._too_large(f"more than {MOST_STREAM_NODES:,} nodes in a file", start, "split the file")
        if end - start > MOST_DOCUMENT_BYTES // 4 and len(self.source.text[start:end].encode()) > MOST_DOCUMENT_BYTES:
            raise self._too_large("a document of more than 1 MiB", start, _SPLIT)
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
            elif (not name or name[0] in FIRST_CHARACTERS) and not isinstance(self._plain(name, start, end), str):
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
        if match := FORBIDDEN.search(text):
            self.diagnostics.append(forbidden_character(match.group(), self.source.span(start, end)))

    def _tagged(self, event: Any, start: int, end: int) -> Any:
        short = event.tag.removeprefix("tag:yaml.org,2002:")
        text = event.value
        self._check_characters(text, start, end)
        if short == "str":
            return text
        value = self._plain(text, start, end) if short in TAGGED else None
        if short in TAGGED and isinstance(value, TAGGED[short]) and not (short == "int" and value in (True, False)):
            return float(value) if short == "float" else value
        message = (
            f"the value does not fit its tag '!!{short}'"
            if short in TAGGED
            else f"the tag '{_short_tag(event.tag)}' is not one of YAML's core schema"
        )
        self.diagnostics.append(self._unsupported(message, start, end, "remove the tag"))
        return text

    def _plain(self, text: str, start: int, end: int) -> Any:
        try:
            return plain_value(text)
        except OutOfRangeError as error:
            hint = "put it in quotes to make it text"
            self.diagnostics.append(Diagnostic("SS0110", str(error), self.source.span(start, end), hint))
            return 0

    def _unsupported(self, message: str, start: int, end: int, hint: str | None) -> Diagnostic:
        return Diagnostic("SS0109", message, self.source.span(start, end), hint)

    def _too_many_nodes(self, start: int) -> _UnreadableError:
        return self._too_large(f"more than {MOST_NODES:,} nodes in a document", start, _SPLIT)

    def _too_large(self, message: str, start: int, hint: str) -> _UnreadableError:
        return _UnreadableError(Diagnostic("SS0106", message, self.source.span(start, start + 1), hint))

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
