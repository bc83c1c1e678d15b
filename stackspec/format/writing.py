"""From trees to a text: two columns a level, a blank line where there was at least one, brackets kept on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from stackspec.format.tree import Collection, Comment, Entry, Node, Scalar
from stackspec.manifest.scalars import OutOfRangeError, plain_value

WIDTH = 100
"""Columns that a mapping or list in brackets may reach; a longer one is written out, a line an item."""
_STEP = "  "
_LONGEST_KEY = 1_000
"""Characters of a key before a `:`; YAML takes 1,024 (https://yaml.org/spec/1.2.2/#742-flow-mappings)."""
_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z")
_WORDS_OF_1_1 = frozenset({"y", "yes", "n", "no", "on", "off", "true", "false", "null"})
"""What other readers of YAML take for something else than text."""


def write(documents: Iterable[Entry], comments: Iterable[Comment]) -> str:
    """The text of documents; where there are none, that of comments."""
    written = ["".join(f"{line}\n" for line in _document(one)) for one in documents]
    return "---\n".join(written) or "".join(f"{line}\n" for line in _own_lines(comments, "", first=True))


def _document(document: Entry) -> list[str]:
    root, head = document.value, [*document.before, *([document.beside] if document.beside else [])]
    if isinstance(root, Collection) and root.entries:
        lines = _own_lines(head, "", first=True)
        if head and document.gap:
            lines.append("")
        return [*lines, *_parts(root, "")]
    opened, rest = _value(root, "")
    return [*_own_lines(head, "", first=True), opened.lstrip(), *rest, *_foot(root, "")]


def settle(document: Entry) -> None:
    """Take a document's first comments for its head, which stays at the top whatever keys come first."""
    root = document.value
    if isinstance(root, Collection) and root.entries:
        first = root.entries[0]
        document.before += first.before
        document.gap, first.before, first.gap = first.gap, [], False


def lay_out(node: Node, indent: int = 0) -> None:
    """Decide what stays in brackets, and move comments at an item's dash, or just behind it, to above the item."""
    if not isinstance(node, Collection):
        return
    for entry in node.entries:
        inner = entry.value
        if not isinstance(inner, Collection) or not inner.entries:
            continue
        column = indent + (1 if entry.key is None else len(_bare_or_quoted(entry.key)) + 1)
        line = _in_brackets(inner) if inner.flow else None
        inner.flow = line is not None and column + 1 + len(line) <= WIDTH
        if inner.flow:
            continue
        lay_out(inner, indent + len(_STEP))
        if node.mapping:
            continue
        above = [*([entry.beside] if entry.beside is not None else []), *inner.entries[0].before]
        entry.beside, inner.entries[0].before = None, []
        if above and not entry.before:
            above[0].gap, entry.gap = entry.gap, False
        entry.before += above


def _parts(node: Collection, indent: str) -> list[str]:
    """The lines of a mapping's or sequence's entries."""
    lines: list[str] = []
    for entry in node.entries:
        lines += _own_lines(entry.before, indent, first=not lines)
        if entry.gap and lines:
            lines.append("")
        sign = "-" if entry.key is None else _key(entry.key, indent)
        opened, rest = _value(entry.value, indent, item=entry.key is None)
        beside = f"  {entry.beside.text}" if entry.beside is not None else ""
        if beside and not opened.startswith((" |", " >")) and rest and isinstance(entry.value, Scalar):
            rest[-1] += beside  # of a text over several lines
            beside = ""
        lines.append(f"{indent}{sign}{opened}{beside}")
        lines += rest
    return [*lines, *_foot(node, indent)]


def _foot(node: Node, indent: str) -> list[str]:
    return _own_lines(node.foot, indent, first=False) if isinstance(node, Collection) else []


def _own_lines(comments: Iterable[Comment], indent: str, *, first: bool) -> list[str]:
    lines: list[str] = []
    for comment in comments:
        if comment.gap and not (first and not lines):
            lines.append("")
        lines.append(indent + comment.text)
    return lines


def _value(node: Node, indent: str, *, item: bool = False) -> tuple[str, list[str]]:
    """What stands behind a key's colon or an item's dash, with the space before it, and the lines below."""
    if isinstance(node, Scalar):
        first, *rest = _scalar(node, indent + _STEP)
        if not first and item:
            first = "null"
        return f" {first}" if first else "", rest
    if not node.entries:
        return " {}" if node.mapping else " []", []
    if node.flow and (line := _in_brackets(node)) is not None:
        return f" {line}", []
    lines = _parts(node, indent + _STEP)
    if item:
        return " " + lines[0].lstrip(), lines[1:]
    return "", lines


def _in_brackets(node: Node) -> str | None:
    """A value on one line, or None where it was not written so, or has comments."""
    if isinstance(node, Scalar):
        return _scalar(node, "")[0] or "null"
    if not node.entries:
        return "{}" if node.mapping else "[]"
    if not node.one_line or node.foot:
        return None
    parts = []
    for entry in node.entries:
        value = _in_brackets(entry.value)
        if value is None or entry.before or entry.beside is not None:
            return None
        parts.append(value if entry.key is None else f"{_bare_or_quoted(entry.key)}: {value}")
    inside = ", ".join(parts)
    return f"{{{inside}}}" if node.mapping else f"[{inside}]"


# --- scalars


def _key(key: Scalar, indent: str) -> str:
    written = _bare_or_quoted(key)
    return f"? {written}\n{indent}:" if len(written) > _LONGEST_KEY else f"{written}:"


def _bare_or_quoted(key: Scalar) -> str:
    bare = _BARE_KEY.match(key.value) and key.value.lower() not in _WORDS_OF_1_1
    if bare and plain_value(key.value) == key.value:
        return key.value
    if key.style in ("|", ">") or "\n" in key.written or key.tag:
        return _quoted(key.value)
    return _in_double_quotes(key)


def _scalar(scalar: Scalar, indent: str) -> list[str]:
    """The lines of a scalar; those after the first are indented."""
    if scalar.tag not in ("", "str"):
        return [_tagged(scalar)]
    if scalar.style in ("|", ">"):
        return _block(scalar, indent)
    if scalar.tag and not scalar.style and _means_another(scalar.value):
        return [_quoted(scalar.value)]
    first, *rest = (_in_double_quotes(scalar)).split("\n")
    if not rest:
        return [first]
    if scalar.style == '"' and "\\" in scalar.written:
        return [_quoted(scalar.value)]
    # The spaces around a line's end are no part of the text.
    stripped = [first.rstrip(" \t"), *(line.strip(" \t") for line in rest[:-1]), rest[-1].lstrip(" \t")]
    return [stripped[0], *(indent + line if line else "" for line in stripped[1:])]


def _means_another(text: str) -> bool:
    try:
        return bool(plain_value(text) != text)
    except OutOfRangeError:
        return True


def _tagged(scalar: Scalar) -> str:
    value = plain_value(scalar.value)
    return json.dumps(float(value) if scalar.tag == "float" else value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _in_double_quotes(scalar: Scalar) -> str:
    """A scalar as written, single quotes as double ones where no character needs another form in these."""
    if scalar.style == "'" and '"' not in scalar.written and "\\" not in scalar.written:
        return '"' + scalar.written[1:-1].replace("''", "'") + '"'
    return scalar.written


def _block(scalar: Scalar, indent: str) -> list[str]:
    """The lines of a text that was written as a block; the first is its header."""
    text = scalar.value
    body = text.removesuffix("\n")
    if not body.strip() or body.endswith("\n"):
        return [_quoted(text)]
    style, lines = "|", body.split("\n")
    if scalar.style == ">" and (folded := _folded(scalar.written)):
        style, lines = ">", folded
    # Where the first line begins with a space, or is none, a reader cannot tell how far the text is indented.
    told = str(len(_STEP)) if lines[0][:1] in ("", " ", "\t") else ""
    kept = "" if text.endswith("\n") else "-"
    return [f"{style}{told}{kept}", *(indent + line if line else "" for line in lines)]


def _folded(written: str) -> list[str] | None:
    """The lines of a folded text as they stand there, not indented; None where that takes more than to look."""
    header, *lines = written.split("\n")
    while lines and not lines[-1].strip(" "):
        lines.pop()
    if not lines or any(character.isdigit() for character in header.partition("#")[0]):
        return None
    depth = min(len(line) - len(line.lstrip(" ")) for line in lines if line.strip(" "))
    if any(len(line) > depth and not line.strip(" ") for line in lines):
        return None
    return [line[depth:] for line in lines]
