"""Edits of the files that hold manifests, worked out before any is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stackspec.core.diagnostic import Diagnostic, StackspecError, has_errors
from stackspec.core.frozen import dataclass
from stackspec.edit.layout_kept import UneditableError, changed, dumped, with_ends_of
from stackspec.manifest.document import Document
from stackspec.manifest.model import API_VERSION
from stackspec.manifest.parse import parse
from stackspec.manifest.text import SourceText

_MARKER = re.compile(r"^(?:---|\.\.\.)(?=[ \t\r\n]|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Edit:
    """Text in the place of a part of a file, by offsets of characters; both 0 in a file that is not there yet."""

    file: str
    start: int
    end: int
    text: str


Files = Mapping[str, str | None]
"""File, by its path from the project's root, to its new text; None for one that goes."""


def applied(edits: Iterable[Edit], texts: Mapping[str, SourceText]) -> Files:
    """What files become.

    Args:
        texts: File to its text, for those that are there.
    """
    found: dict[str, str | None] = {}
    for edit in sorted(edits, key=lambda one: (one.start, one.end), reverse=True):
        before = found.get(edit.file)
        text = before if before is not None else texts[edit.file].text if edit.file in texts else ""
        found[edit.file] = text[: edit.start] + edit.text + text[edit.end :]
    return {file: text if text and not _is_empty(text) else None for file, text in found.items()}


def change(document: Document, how: Callable[[Any], None]) -> Edit:
    """An edit of one document.

    Args:
        how: Changes its value in place.

    Raises:
        StackspecError: what came of it is no manifest any more, or it is written so that only a hand can change it.
    """
    start, end = _extent(document)
    file, text = document.source.file, document.source.text[start:end]
    try:
        after = changed(text, how)
    except UneditableError as error:
        raise StackspecError([Diagnostic("SS0413", str(error), document.span(), "edit the file by hand")]) from error
    _, problems = parse(SourceText(file, after))
    if has_errors(problems):
        raise StackspecError(problems)
    return Edit(file, start, end, after)


def remove(document: Document) -> Edit:
    """An edit that takes a document out of its file, with the comments in it and the line that begins it."""
    start, end = _extent(document)
    text = document.source.text
    begun = text.rfind("\n", 0, max(0, start - 1)) + 1
    if start and _MARKER.match(text, begun):
        start = begun
    return Edit(document.source.file, start, end, "")


def add(file: str, kind: str, name: str, spec: Mapping[str, Any], texts: Mapping[str, SourceText]) -> Edit:
    """An edit that adds a manifest at the end of a file, or in a new one."""
    manifest = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
    written, before = dumped(manifest), texts[file].text if file in texts else ""
    if not _is_empty(before):
        written = f"{'' if before.endswith(chr(10)) else chr(10)}---\n{written}"
    return Edit(file, len(before), len(before), with_ends_of(before, written))


def _extent(document: Document) -> tuple[int, int]:
    """Where in its file a document begins, after the line that separates it from others, and where it ends."""
    text, (root, after) = document.source.text, document.spans[:2]
    start, end = 0, len(text)
    for found in _MARKER.finditer(text):
        if found.start() >= after:
            end = found.start()
            break
        line_end = text.find("\n", found.end())
        # What stands behind the marker on its line belongs to the document.
        start = root if root < line_end else line_end + 1
    return start, end


def _is_empty(text: str) -> bool:
    """Whether a file says nothing: blank lines, markers and directives."""
    return all(not line.strip() or _MARKER.match(line) or line.startswith("%") for line in text.splitlines())
