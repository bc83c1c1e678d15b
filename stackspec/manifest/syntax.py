"""What libyaml says of a text that is not YAML, as a diagnostic that a person can act on."""

from __future__ import annotations

import yaml

from stackspec.core.diagnostic import Diagnostic, Note
from stackspec.manifest.text import SourceText


def syntax_diagnostic(error: yaml.YAMLError, source: SourceText) -> Diagnostic:
    """The diagnostic of an error that the parser raised, at the place where a person has to look."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or "the text is not YAML"
    context = getattr(error, "context", None)
    notes: tuple[Note, ...] = ()
    begun = getattr(error, "context_mark", None)
    if mark and not source.text[mark.index :].strip():  # libyaml points behind the end
        if problem.startswith(_IN_BRACKETS) and begun is not None:
            return _not_closed(source, begun.index)
        if context == "while parsing a flow node":
            return _value_missing(source)
    if begun is not None and any(words in problem for words in _UNFINISHED):
        mark = begun  # where the end of the text was found tells nobody anything
    elif begun is not None and problem.startswith(_IN_BRACKETS):
        notes = (Note("the bracket is opened here", source.span(begun.index, begun.index + 1)),)
        problem, context = problem.removeprefix("did not find "), None
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


def _value_missing(source: SourceText) -> Diagnostic:
    last = max(0, len(source.text.rstrip()) - 1)
    message = "not YAML: the text ends inside brackets, where a value is expected"
    return Diagnostic("SS0107", message, source.span(last, last + 1), "write the value, and close the brackets")


def _not_closed(source: SourceText, opened: int) -> Diagnostic:
    bracket = source.text[opened]
    hint = f"close it with '{_CLOSING[bracket]}'"
    return Diagnostic("SS0107", f"not YAML: '{bracket}' is not closed", source.span(opened, opened + 1), hint)


_CLOSING = {"[": "]", "{": "}"}
_IN_BRACKETS = "did not find expected ',' or"
"""What libyaml says of a text that ends inside brackets, or goes on there as it may not."""
_UNFINISHED = ("could not find expected ':'", "unexpected end of stream")
"""What libyaml says of something that never ends, at the end of the text."""
