"""Reading one text, and an independent reading of YAML 1.2 core to hold against it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from stackspec.core.address import FieldPath
from stackspec.core.diagnostic import Diagnostic, Span
from stackspec.manifest.decode import decode
from stackspec.manifest.document import Document
from stackspec.manifest.parse import parse
from stackspec.manifest.text import SourceText


def read(text: str | bytes) -> tuple[list[Any], list[Diagnostic]]:
    """The values of a text's documents, and what is wrong."""
    documents, problems = documents_of(text)
    return [document.value for document in documents], problems


def documents_of(text: str | bytes) -> tuple[list[Document], list[Diagnostic]]:
    source = decode("a.yaml", text.encode() if isinstance(text, str) else text)
    return parse(source) if isinstance(source, SourceText) else ([], [source])


def codes(text: str | bytes) -> list[str]:
    return [problem.code for problem in read(text)[1]]


def text_at(source: str, span: Span) -> str:
    """The characters of a span, the first line padded to its column so that indentation keeps its meaning."""
    lines = source.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = " " * (span.column - 1) + lines[0][span.column - 1 :]
    return "\n".join(lines)


def paths_of(value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, Any]]:
    """Every value inside a value, with its path."""
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths_of(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths_of(item, (*path, index))


# The tag resolution of YAML 1.2.2, chapter 10.3.2, on PyYAML's pure composer; '010' stays text, as SPEC says.
_CORE = (
    (re.compile(r"null|Null|NULL|~|"), lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"[-+]?(0|[1-9][0-9]*)"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
)


def independent_reading(text: str) -> Any:
    """The value of the text's one document by PyYAML's pure-Python composer and the core schema."""
    return _value(yaml.compose(text, Loader=yaml.SafeLoader))


def _value(node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {_value(key): _value(item) for key, item in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if node is None:
        return None
    if node.style is None:
        for pattern, build in _CORE:
            if pattern.fullmatch(node.value):
                return build(node.value)
    return node.value
