"""One run of a command: where its words go, and how its errors end it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from stackspec.cli.options import OutputFormat, ReportFormat
from stackspec.cli.start import Verbosity
from stackspec.cli.streams import write_answer
from stackspec.cli.trust import VARIABLE, is_untrusted
from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
from stackspec.manifest.text import SourceText
from stackspec.render.diagnostics import diagnostics_json, diagnostics_text
from stackspec.render.text import Style, json_text

_TRUST = (
    f"it is a stranger's, as {VARIABLE} says or CI tells of a pull request: 'validate', 'plan', 'render' and 'graph' "
    f"do without trust; if you know the checkout and trust it, set {VARIABLE}=false"
)

if TYPE_CHECKING:
    from stackspec.cli.report import Reporting
    from stackspec.flavors.registry import Registry
    from stackspec.project import Project


def _colour(stream: IO[str]) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Session:
    """Standard output is the answer, standard error is progress and diagnostics.

    As a context it tells the project's warnings at the end, which a JSON answer holds; and it turns a `StackspecError`
    into its diagnostics and the process's exit code 1.

    Args:
        files: See `Project`.
        failure: What stands beside the diagnostics in a JSON answer that is an error; an event is one line.
        named: See `Project`.
        untrusted: Whether `--untrusted` was given; None for a command that has to trust the checkout, and is refused
            where that is a stranger's.
        reporting: How the answer is made where it is a report for pull requests or CI.
        file: Where the answer goes instead of to standard output.
    """

    def __init__(
        self,
        output: OutputFormat | ReportFormat = OutputFormat.TEXT,
        files: Sequence[str] | None = None,
        failure: Mapping[str, Any] | None = None,
        named: Sequence[str] | None = None,
        *,
        untrusted: bool | None = None,
        reporting: Reporting | None = None,
        file: str | None = None,
    ) -> None:
        self._failure = failure or {"format_version": "1.0"}
        self.json = output.value == OutputFormat.JSON.value
        self.reporting = reporting
        self._file = file
        self.style = Style(file is None and _colour(sys.stdout))
        self.error_style = Style(_colour(sys.stderr))
        self.files = files or ()
        self._named = named or ()
        self._can_be_untrusted = untrusted is not None
        self.untrusted = is_untrusted(bool(untrusted), os.environ)
        self._project: Project | None = None
        self.said: list[tuple[bool, str]] = []
        """What was written, each with whether to standard output."""
        self._shown: Mapping[str, SourceText] = {}

    @property
    def project(self) -> Project:
        """The project around the working directory.

        Raises:
            StackspecError: there is none; or it is a stranger's, and the command would have to trust it.
        """
        if self._project is None:
            from stackspec.project import Project

            if not self._can_be_untrusted:
                self.require_trust()
            self._project = Project.open(".", self.files, named=self._named, untrusted=self.untrusted)
            self.guard(self._project.root)
        return self._project

    def require_trust(self) -> None:
        """Go no further where the checkout is a stranger's.

        Raises:
            StackspecError: it is.
        """
        if self.untrusted:
            raise StackspecError.of("SS0809", "this command would have to trust the checkout", hint=_TRUST)

    def guard(self, root: Path) -> None:
        """Keep the process from doing harm from now on, where the checkout around a folder is a stranger's."""
        if self.untrusted:
            from stackspec.cli.untrusted import guard

            guard(root)

    def go_on_with(self, part: Project) -> None:
        """Have a part of the project stand for all of it."""
        self._project = part

    @property
    def is_open(self) -> bool:
        """Whether the project was found."""
        return self._project is not None

    @property
    def registry(self) -> Registry:
        """The flavors that the project has; outside of any, those of this installation."""
        from stackspec.manifest.source import find_root

        if self._project is not None or self.untrusted:
            return self.project.registry
        try:
            root = find_root(Path("."))
        except StackspecError as error:
            if any(one.code != "SS0112" for one in error.diagnostics):
                raise
            from stackspec.flavors.registry import Registry

            return Registry()
        # Which plugins there are stands in the project's settings; what plans and applies takes longer to import.
        from stackspec.sources import Sources

        return Sources(root).registry

    @property
    def warnings(self) -> Sequence[Diagnostic]:
        """What went wrong with the project beside what was asked for."""
        return self._project.warnings if self._project else ()

    def answer(self, text: str) -> None:
        """Write to standard output, or the file that takes its place, at once.

        Raises:
            UnwrittenError: it cannot be written.
            BrokenPipeError: nobody reads it any more.
            StackspecError: the file cannot be written.
        """
        if self._file is None:
            write_answer(text)
            self.said.append((True, text))
        else:
            from stackspec.cli.report import write_file

            file, self._file = self._file, None  # what is wrong with it is told on standard output
            write_file(self, file, text, "--output-file")

    def answer_in(self, file: str | None) -> None:
        """Have the answer go to a file from now on, if to any."""
        self._file = file

    def answer_json(self, document: Mapping[str, Any], *, indent: int | None = 2) -> None:
        """Write one JSON document to standard output; without `indent` it is one line. Raises as `answer`."""
        self.answer(json_text(document, indent=indent) + "\n")

    def tell(self, line: str) -> None:
        """Write a line of progress to standard error, unless quiet."""
        if not Verbosity.quiet:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    def report(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Show diagnostics on standard error; warnings not when quiet."""
        found = [one for one in diagnostics if one.severity is Severity.ERROR or not Verbosity.quiet]
        if found:
            text = diagnostics_text(found, self.texts, self.error_style)
            sys.stderr.write(text)
            sys.stderr.flush()
            self.said.append((False, text))

    def speak_of(self, texts: Mapping[str, SourceText]) -> None:
        """Take excerpts from other texts than the project's files: file to text."""
        self._shown = texts

    @property
    def texts(self) -> Mapping[str, SourceText]:
        """The texts that excerpts are taken from: file to text."""
        read = self._project.loaded.texts if self._project and "loaded" in vars(self._project) else {}
        return {**read, **self._shown}

    def fail(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Show why the command cannot go on, in the form that was asked for."""
        if self.reporting is not None:
            self.reporting.fail(self, diagnostics)
        elif self.json:
            document = {**self._failure, "diagnostics": diagnostics_json(diagnostics)}
            self.answer_json(document, indent=None if "event" in document else 2)
        else:
            if self._file is not None:  # what an earlier run wrote there is not the answer to this one
                self.answer(diagnostics_text(diagnostics, self.texts, Style(False)))
            self.report(diagnostics)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, StackspecError):
            try:
                self.fail([*error.diagnostics, *self.warnings])
            except StackspecError as unwritten:
                self.fail([*error.diagnostics, *unwritten.diagnostics, *self.warnings])
            raise SystemExit(1) from None
        if not self.json and self.reporting is None:
            self.report(self.warnings)
