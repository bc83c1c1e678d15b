"""A YAML document changed in one place, its comments and layout kept everywhere else."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from io import StringIO
from typing import Any

from stackspec.core.address import FieldPath
from stackspec.core.diagnostic import has_errors
from stackspec.manifest.document import Document, Spans
from stackspec.manifest.parse import parse
from stackspec.manifest.scalars import OutOfRangeError, plain_value
from stackspec.manifest.text import SourceText

_TIME = "tag:yaml.org,2002:timestamp"
_HASH = re.compile(r"(?<!\S)#")
_NOTHING = object()
_WIDE = 1_000_000
"""Columns after which a line would be folded: never."""


class UneditableError(Exception):
    """A document cannot be changed without changing more than is meant."""


def with_ends_of(other: str, text: str) -> str:
    """A text whose lines end as those of another do."""
    return text.replace("\n", "\r\n") if "\r\n" in other else text


def dumped(value: Any) -> str:
    """A value as a YAML document, which the 1.2 core schema reads as the same value."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True  # what is the same twice is written twice

        def represent_text(self, text: str) -> Any:
            # PyYAML knows 1.1, in which `1e3` and `0o17` are text that needs no quotes.
            style = None if _is_plain(text) else '"'
            return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, Dumper.represent_text)
    written: str = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDE)
    return written


def _is_plain(text: str) -> bool:
    try:
        return bool(plain_value(text) == text)
    except OutOfRangeError:
        return False


def changed(text: str, change: Callable[[Any], None]) -> str:
    """The text of one YAML document after a change of its value.

    ruamel.yaml (https://yaml.dev/doc/ruamel.yaml) keeps comments, quotes and the order of keys, but not indentation nor
    the spaces in a line. So the document is written twice, before and after the change, and what differs between these
    is what is changed in the text. What that comes to is read as manifests are, for ruamel.yaml has an opinion of its
    own on what is a number.

    Args:
        change: Changes the value in place: mappings and lists, of which the mappings have ruamel.yaml's `insert`.

    Raises:
        UneditableError: ruamel.yaml cannot read it; what is changed is used by an alias too; or more would change than
            is meant, such as comments beside what goes, which ruamel.yaml counts to it.
    """
    from ruamel.yaml.error import YAMLError

    yaml = _reader_and_writer(text)

    def write(value: Any) -> str:
        stream = StringIO()
        yaml.dump(value, stream)
        return stream.getvalue()

    ours = text.replace("\r\n", "\n")
    try:
        value = yaml.load(ours)
        before = write(value)
    except YAMLError as error:
        raise UneditableError("this is YAML that stackspec reads and cannot edit") from error
    document = _read(ours)
    apart, meant = _apart(value), _plain(document.value)
    for one in (value, apart, meant):
        change(one)
    if value != apart:
        raise UneditableError("what is changed is another place too, by an alias")
    after = write(value)
    merged = "".join(_merged(*(one.splitlines(keepends=True) for one in (before, ours, after))))
    result = _read(merged)
    if result.value != meant:
        raise UneditableError("its layout does not let it be changed in one place")
    if (lost := _lost(document, result)) is not None:
        raise UneditableError(f"the comment '{lost[:80]}' would be lost")
    return with_ends_of(text, merged)


def _reader_and_writer(text: str) -> Any:
    """A ruamel.yaml that lays out as a text does."""
    from ruamel.yaml import YAML
    from ruamel.yaml.resolver import VersionedResolver

    class Resolver(VersionedResolver):
        """Takes times for text, as manifests are read."""

        @property
        def versioned_resolver(self) -> Any:
            known = super().versioned_resolver
            return {first: [one for one in rules if one[0] != _TIME] for first, rules in known.items()}

    yaml = YAML()
    yaml.Resolver = Resolver
    yaml.preserve_quotes = True
    yaml.width = _WIDE
    mapping, sequence, offset = _indentation(text)
    yaml.indent(mapping=mapping, sequence=sequence, offset=offset)
    return yaml


def _read(text: str) -> Document:
    """A document, as manifests are read.

    Raises:
        UneditableError: it is not one document.
    """
    documents, problems = parse(SourceText("", text))
    if len(documents) != 1 or has_errors(problems):
        raise UneditableError("its layout does not let it be changed in one place")
    return documents[0]


class _Mapping(dict[str, Any]):
    """A mapping that is changed as one of ruamel.yaml is."""

    def insert(self, position: int, key: str, value: Any) -> None:
        items = list(self.items())
        items.insert(position, (key, value))
        self.clear()
        self.update(items)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return _Mapping((key, _plain(item)) for key, item in value.items())
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _apart(value: Any) -> Any:
    """A copy in which nothing is in two places."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, CommentedMap):
        return CommentedMap((key, _apart(item)) for key, item in value.items())
    return CommentedSeq(map(_apart, value)) if isinstance(value, CommentedSeq) else value


def _lost(before: Document, after: Document) -> str | None:
    """A comment that is there no more, though what it stands beside is."""
    there = Counter(text for text, _ in _comments(after))
    for text, beside in _comments(before):
        if there[text]:
            there[text] -= 1
        elif not any(_at(before.value, path) != _at(after.value, path) for path in beside):
            return text
    return None


def _comments(document: Document) -> Iterator[tuple[str, list[FieldPath]]]:
    """Each comment of a document, with the paths of what begins on the same line."""
    text, end = document.source.text, 0
    scalars = sorted(_scalars(document.spans, ()))
    for found in _HASH.finditer(text):
        at = found.start()
        index = bisect_right(scalars, at, key=lambda one: one[0])
        if at < end or (index and at < scalars[index - 1][1]):
            continue  # in another comment, or in a text
        end = at + len(text[at:].partition("\n")[0])
        first = bisect_left(scalars, text.rfind("\n", 0, at) + 1, key=lambda one: one[0])
        yield text[at:end].rstrip(), [path for _, _, path in scalars[first:index]]


def _scalars(spans: Spans, path: FieldPath) -> Iterator[tuple[int, int, FieldPath]]:
    """Where each scalar begins and ends, keys included, with the path of what it says."""
    if len(spans) == 2:
        yield spans[0], spans[1], path
    elif isinstance(spans[2], dict):
        for key, (start, end, inner) in spans[2].items():
            yield start, end, (*path, key)
            yield from _scalars(inner, (*path, key))
    else:
        for index, inner in enumerate(spans[2]):
            yield from _scalars(inner, (*path, index))


def _at(value: Any, path: FieldPath) -> Any:
    """What stands at a path, of what holds others only that it does."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return _NOTHING
    return type(value) if isinstance(value, dict | list) else value


def _merged(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Our lines, with what is other in theirs than in the base; where ours is other too, theirs."""
    in_ours, in_theirs = _matches(base, ours), _matches(base, theirs)
    lines: list[str] = []
    at_base = at_ours = at_theirs = 0
    for index in range(len(base) + 1):
        to_ours, to_theirs = in_ours.get(index), in_theirs.get(index)
        if to_ours is None or to_theirs is None:
            continue
        same = base[at_base:index] == theirs[at_theirs:to_theirs]
        lines += ours[at_ours:to_ours] if same else theirs[at_theirs:to_theirs]
        lines += ours[to_ours : to_ours + 1]
        at_base, at_ours, at_theirs = index + 1, to_ours + 1, to_theirs + 1
    return lines


def _matches(base: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    """Number of a line of the base to that of the same line in another text; the ends match."""
    found = {len(base): len(other)}
    for block in SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks():
        found |= {block.a + step: block.b + step for step in range(block.size)}
    return found


def _indentation(text: str) -> tuple[int, int, int]:
    """Columns by which a mapping in a mapping is indented, and an item of a list in one; and its dash within that."""
    mapping, offset = 2, 0
    previous = 0
    seen_mapping = seen_list = False
    for line in text.splitlines():
        content = line.lstrip(" ")
        if not content or content.startswith("#"):
            continue
        depth = len(line) - len(content)
        if content.startswith("- ") and not seen_list:
            seen_list, offset = True, max(0, depth - previous)
        elif depth > previous and not seen_mapping and not content.startswith("- "):
            seen_mapping, mapping = True, depth - previous
        if not content.startswith("- "):
            previous = depth
    return mapping, offset + 2, offset
