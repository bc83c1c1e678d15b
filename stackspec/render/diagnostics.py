"""Diagnostics as people read them: headline, place, the line with a caret, notes, hint."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stackspec.core.diagnostic import HIDING, Diagnostic, Severity, Span
from stackspec.manifest.text import SourceText
from stackspec.render.text import Style, safe

LONGEST_LINE = 160
"""Characters of a source line that an excerpt shows."""


def diagnostics_text(diagnostics: Iterable[Diagnostic], texts: Mapping[str, SourceText], style: Style) -> str:
    """Every diagnostic with its excerpt, and last how many there are."""
    found = list(diagnostics)
    blocks = [_block(diagnostic, texts, style) for diagnostic in found]
    return "\n\n".join([*blocks, problems_text(found)]) + "\n" if found else ""


def problems_text(diagnostics: Collection[Diagnostic]) -> str:
    """How many errors and warnings there are; empty where there is none of either."""
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    counts = ((errors, "error"), (len(diagnostics) - errors, "warning"))
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count)


def _block(diagnostic: Diagnostic, texts: Mapping[str, SourceText], style: Style) -> str:
    colour = "red" if diagnostic.severity is Severity.ERROR else "yellow"
    headline = style(f"{diagnostic.severity.value}[{diagnostic.code}]", "bold", colour)
    # Further lines are what a program said. They are indented, so that none passes for a diagnostic.
    first, *more = map(safe, diagnostic.message.split("\n"))
    lines = [f"{headline}: {style(first, 'bold')}", *(f"    {line}" for line in more)]
    if diagnostic.source:
        lines += _excerpt(diagnostic.source, texts, style, colour, hides=diagnostic.code in HIDING)
    for note in diagnostic.notes:
        lines.append(f"  {style('note', 'bold')}: {safe(note.message)}")
        if note.source:
            lines += _excerpt(note.source, texts, style, "blue")
    if diagnostic.hint:
        lines.append(f"  {style('help', 'bold', 'cyan')}: {safe(diagnostic.hint)}")
    return "\n".join(lines)


def _excerpt(
    span: Span, texts: Mapping[str, SourceText], style: Style, colour: str, *, hides: bool = False
) -> list[str]:
    number = str(span.line)
    gutter = " " * len(number)
    lines = [f"{gutter}{style('-->', 'blue')} {safe(str(span))}"]
    source = texts.get(span.file)
    if source is None or (span.end_column == span.column and span.line == span.end_line and span.column == 1):
        return lines
    from stackspec.manifest.masked import MASK, masked  # its patterns take longer to compile than a plan to show

    text = source.line(span.line)
    start = span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(text)
    # Only what may be shown, and a little around it, for a line can be as long as its file.
    near = slice(max(0, start - LONGEST_LINE), start + LONGEST_LINE * 3)
    text = masked(source, span.line, near)
    if hides:
        text = text[:start] + MASK * (end - start) + text[end:]
    # A long line is shown around what is meant.
    offset = max(0, start - LONGEST_LINE // 2) if len(text) > LONGEST_LINE else 0
    window = text[offset : offset + LONGEST_LINE]
    width = max(1, min(end, offset + LONGEST_LINE) - start)
    pad = "".join("\t" if character == "\t" else " " for character in window[: start - offset])
    bar = style("|", "blue")
    return [
        *lines,
        f"{style(number, 'blue')} {bar} {safe(window)}",
        f"{gutter} {bar} {pad}{style('^' * width, colour)}",
    ]


def diagnostics_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """The diagnostics as SPEC's JSON objects."""
    return [diagnostic.to_json() for diagnostic in diagnostics]
