"""A user's mistake as a value: what is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

from stackspec.core.codes import CODES
from stackspec.core.frozen import dataclass

IN_PLAIN_TEXT = "SS0808"
"""The code of the warning of a secret that stands in a manifest as plain text."""
PASSWORD_OF_STATE = "SS0210"  # noqa: S105 - a code
"""The code of the error where it is a password of the state's own store."""
HIDING = frozenset((IN_PLAIN_TEXT, PASSWORD_OF_STATE))
"""The codes of what is said of a place that holds a secret, which is not shown."""


class Severity(StrEnum):
    """How bad a diagnostic is; only an error stops a command."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file: path relative to the project, lines and columns counted from 1.

    The end is exclusive in its column, as in the Language Server Protocol. Columns count Unicode characters.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def to_json(self) -> dict[str, str | int]:
        """The `source` object of SPEC's JSON output."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
        }


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: a headline without a value in it that could be secret, a place, notes and a hint.

    `code` is a key of `stackspec.core.codes.CODES`. `notes` are further facts, each with an optional place
    (the other definition of a name, the edges of a cycle).
    """

    code: str
    message: str
    source: Span | None = None
    hint: str | None = None
    severity: Severity = Severity.ERROR
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise KeyError(f"{self.code} is not in the table of codes")

    def to_json(self) -> dict[str, object]:
        """The diagnostic object of SPEC's JSON output."""
        document: dict[str, object] = {
            "severity": self.severity.value,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "source": self.source.to_json() if self.source else None,
        }
        if self.notes:
            document["notes"] = [
                {"message": note.message, "source": note.source.to_json() if note.source else None}
                for note in self.notes
            ]
        return document


@dataclass(frozen=True, slots=True)
class Note:
    """A fact beside a diagnostic's headline, with the place it speaks of."""

    message: str
    source: Span | None = None


Warn = Callable[[Diagnostic], None]
"""Who is told of a warning, by work that goes on all the same."""


class StackspecError(Exception):
    """Work that cannot go on, as the diagnostics to show; crosses the boundaries of the product, never a bug."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("; ".join(diagnostic.message for diagnostic in diagnostics))
        self.diagnostics = tuple(diagnostics)

    @classmethod
    def of(cls, code: str, message: str, *, source: Span | None = None, hint: str | None = None) -> StackspecError:
        """An error with one diagnostic."""
        return cls([Diagnostic(code, message, source=source, hint=hint)])


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error rather than a warning."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each diagnostic once, by place, those without one first; of what cannot be read nothing else is said."""
    unique: Mapping[Diagnostic, None] = dict.fromkeys(diagnostics)
    nowhere = Span("", 0, 0, 0, 0)
    unread = {one.source for one in unique if one.source and one.code.startswith(_READING)}
    kept = [one for one in unique if one.source not in unread or one.code.startswith(_READING)]
    return sorted(kept, key=lambda one: (one.source or nowhere, one.code, one.message))


_READING = "SS01"
"""What the codes of the first step begin with."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be, if one is close."""
    from difflib import get_close_matches

    candidates = list(known)
    lowered = {candidate.lower(): candidate for candidate in candidates}
    wanted = name.lower().replace("-", "_")
    if wanted in lowered:
        return lowered[wanted]
    matches = get_close_matches(wanted[:100], list(lowered), n=1, cutoff=0.6)
    return lowered[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint naming the nearest known name, else listing the known ones, else nothing."""
    candidates = sorted(known)
    match = nearest(name, candidates)
    if match is not None:
        return f"did you mean '{match}'?"
    if candidates:
        shown = ", ".join(candidates[:12]) + (", …" if len(candidates) > 12 else "")
        return f"known: {shown}"
    return None
