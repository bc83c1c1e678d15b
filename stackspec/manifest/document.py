"""One YAML document as read: its value, and the place of everything in it."""

from __future__ import annotations

from typing import Any

from stackspec.core.address import FieldPath
from stackspec.core.diagnostic import Span
from stackspec.core.frozen import dataclass
from stackspec.core.values import Value
from stackspec.manifest.text import SourceText

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
