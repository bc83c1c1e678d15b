"""A text in the one layout that manifests have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from stackspec.core.diagnostic import Diagnostic, has_errors
from stackspec.format.order import ConfigSchema, put_in_order
from stackspec.format.reading import read
from stackspec.format.tree import Comment
from stackspec.format.writing import lay_out, settle, write
from stackspec.manifest.parse import parse
from stackspec.manifest.text import SourceText

_LINE_END = re.compile(r"\r\n?")


def formatted(source: SourceText, config_schema: ConfigSchema) -> str | list[Diagnostic]:
    """The text as `stackspec fmt` writes it, which is its own format; or why it cannot be read.

    It means the same to every reader of YAML 1.2, order of keys and the names of anchors aside, and says the same to
    people: every comment is there.

    Args:
        config_schema: What tells the order of the keys of configs.
    """
    documents, problems = parse(source)
    if has_errors(problems):
        return problems
    text = _LINE_END.sub("\n", source.text) if "\r" in source.text else source.text
    trees, comments = read(text)
    for tree in trees:
        settle(tree)
        put_in_order(tree.value, config_schema)
        lay_out(tree.value)
    written = write(trees, comments)
    if written == source.text:
        return written
    again, problems = parse(SourceText(source.file, written))
    if any(one.code == "SS0106" for one in problems):
        message = "once its aliases are written out it is larger than a manifest may be"
        return [Diagnostic("SS1501", message, source.span(0, 1), "use fewer aliases, or split the file")]
    same = not problems and [one.value for one in again] == [one.value for one in documents]
    if not same or _texts(read(written)[1]) != _texts(comments):
        message = "it is written so that a new layout could say something else"
        hint = "this is a bug in stackspec: please report it with the file; until then lay it out by hand"
        return [Diagnostic("SS1501", message, source.span(0, 1), hint)]
    return written


def _texts(comments: Iterable[Comment]) -> Counter[str]:
    return Counter(one.text for one in comments)
