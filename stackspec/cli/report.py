"""How reports are made and where they go: the form that was asked for, a file, the summary of a job on GitHub."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackspec.cli.options import ReportFormat
from stackspec.core.diagnostic import Diagnostic, StackspecError, has_errors
from stackspec.core.layout import LOCAL_FOLDER
from stackspec.manifest.decode import MOST_BYTES
from stackspec.manifest.model import API_VERSION

if TYPE_CHECKING:
    from stackspec.cli.session import Session
    from stackspec.render.checkout_place import CheckoutPlace
    from stackspec.render.report import Report
    from stackspec.stack.model import DesiredState

SUMMARY = "GITHUB_STEP_SUMMARY"
"""The process variable that names the file of a step's summary."""


def reporting(
    command: str, environment: str | None, output: ReportFormat, comment: str | None = None
) -> Reporting | None:
    """How a command reports; None where it answers as text or JSON."""
    is_report = output not in (ReportFormat.TEXT, ReportFormat.JSON)
    return Reporting(command, environment, output, comment) if is_report else None


def refuse_comment(comment: str | None, reports: Reporting | None) -> None:
    """Go no further where there is to be a comment and no report.

    Raises:
        StackspecError: so it is.
    """
    if comment is not None and reports is None:
        raise StackspecError.of("SS0901", "--comment goes beside a report", hint="add -o github, or -o markdown alone")


class Reporting:
    """One report of a command, made from what it found.

    A stranger's checkout is worked on without a file being written, so the summary is opened before that begins.

    Args:
        comment: The file that gets the Markdown of a comment as well.
    """

    def __init__(self, command: str, environment: str | None, form: ReportFormat, comment: str | None = None) -> None:
        self._command, self._environment, self._form = command, environment, form
        self._comment = comment
        self._unopened: Diagnostic | None = None
        self._summary: int | None = None
        if form is ReportFormat.GITHUB and (path := os.environ.get(SUMMARY)):
            try:
                self._summary = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            except OSError as error:
                self._unopened = _unwritten(path, error)

    def answer(self, session: Session, diagnostics: Sequence[Diagnostic], **found: Any) -> None:
        """Write a report.

        Args:
            found: What stands in the `Report` beside the diagnostics.

        Raises:
            StackspecError: the summary or the file cannot be written.
        """
        from stackspec import __version__
        from stackspec.render.report import Report

        found = {"environment": self._selected(session), **found}
        said = tuple(dict.fromkeys((*diagnostics, *session.warnings)))
        report = Report(
            self._command,
            asked=self._environment,
            diagnostics=said,
            texts=session.texts,
            place=self._place(session),
            untrusted=session.untrusted,
            version=__version__,
            **found,
        )
        if self._unopened is not None:
            unopened, self._unopened = self._unopened, None
            raise StackspecError([unopened])
        self._summarise(report)
        if self._comment is not None:
            from stackspec.render.markdown import markdown

            comment, self._comment = self._comment, None
            write_file(session, comment, markdown(report), "--comment")
        session.answer(_renderer(self._form)(report))

    def fail(self, session: Session, diagnostics: Sequence[Diagnostic]) -> None:
        """Write why there is nothing else to report. Raises as `answer`."""
        self.answer(session, diagnostics)

    def _summarise(self, report: Report) -> None:
        if self._summary is None:
            return
        from stackspec.render.markdown import LONGEST_SUMMARY, markdown

        summary, self._summary = self._summary, None
        try:
            room = LONGEST_SUMMARY - os.fstat(summary).st_size
            rest = markdown(report, room).encode("utf-8", "replace") if room > _LEAST_SUMMARY else b""
            while rest:
                rest = rest[os.write(summary, rest) :]
        except OSError as error:
            raise StackspecError([_unwritten(os.environ.get(SUMMARY, ""), error)]) from error

    def _selected(self, session: Session) -> str | None:
        """The environment that was, or would have been, worked on, as far as that is known."""
        if self._environment is not None or self._command == "validate" or not session.is_open:
            return self._environment
        loaded = session.project.loaded
        if has_errors(loaded.diagnostics):
            return None  # what cannot be read may be an Environment, or say which is the default
        selected = loaded.declarations.select(None)
        return selected if isinstance(selected, str) else None

    def _place(self, session: Session) -> CheckoutPlace:
        from stackspec.render.checkout_place import HERE

        if session.is_open:
            return checkout_place(session.project.root, os.environ)
        try:
            return checkout_place(Path.cwd(), os.environ)
        except FileNotFoundError:  # the working directory is gone
            return HERE


_LEAST_SUMMARY = 4096
"""Bytes of a summary that say something; where there is less room left, none is written."""


def _renderer(form: ReportFormat) -> Callable[[Report], str]:
    if form is ReportFormat.MARKDOWN:
        from stackspec.render.markdown import markdown

        return markdown
    if form is ReportFormat.GITHUB:
        from stackspec.render.github import github

        return github
    if form is ReportFormat.SARIF:
        from stackspec.render.sarif import sarif

        return sarif
    if form is ReportFormat.JUNIT:
        from stackspec.render.junit import junit

        return junit
    from stackspec.render.gitlab import gitlab

    return gitlab


def declared(session: Session, environment: str) -> DesiredState:
    """What an environment's manifests declare, as far as they can be read: for the places in them."""
    from stackspec.manifest.model import EnvironmentSpec
    from stackspec.stack.model import DesiredState, Environment

    project = session.project
    if environment not in project.loaded.declarations.environment_names:
        return DesiredState(Environment(environment, EnvironmentSpec()), {}, {})
    return project.compile(environment)[0]


def checkout_place(root: Path, environ: Mapping[str, str]) -> CheckoutPlace:
    """Where a project is in the repository around it, and in which one, as CI tells.

    The repository is the nearest folder with a `.git`, else what CI calls the checkout.
    """
    from stackspec.render.checkout_place import CheckoutPlace

    real = Path(os.path.realpath(root))
    told = (environ.get(name) for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"))
    found = [
        *(one for one in (real, *real.parents) if os.path.lexists(one / ".git")),
        *(Path(os.path.realpath(one)) for one in told if one),
    ]
    top = next((one for one in found if real.is_relative_to(one)), real)
    folder = real.relative_to(top).as_posix()
    return CheckoutPlace("" if folder == "." else folder, _pages(environ))


def _pages(environ: Mapping[str, str]) -> str:
    server, repository, commit = (environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "SHA"))
    if server and repository and commit:
        return _address(server, f"/{repository}/blob/{commit}")
    project, commit = environ.get("CI_PROJECT_URL"), environ.get("CI_COMMIT_SHA")
    return _address(project, f"/-/blob/{commit}") if project and commit else ""


def _address(server: str, path: str) -> str:
    """An address on a server, empty where that is none; nothing in it ends a link of Markdown."""
    from urllib.parse import quote, urlsplit

    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    return f"{parts.scheme}://{quote(parts.netloc, safe=':')}{quote(parts.path.rstrip('/') + path)}"


def write_file(session: Session, file: str, text: str, option: str) -> None:
    """Write an answer to a file, whole or not at all.

    Args:
        option: By which the file was named.

    Raises:
        StackspecError: it cannot be written.
    """
    from stackspec.core.whole_file import write_whole

    hint = f"leave {option} away, and send standard output there"
    if session.untrusted:
        raise StackspecError.of("SS0901", f"{option} is not written in untrusted mode", hint=hint)
    path = Path(os.path.realpath(file))
    if os.path.lexists(path) and not path.is_file():
        raise StackspecError.of("SS0902", f"cannot write '{file}': it is no regular file", hint=hint)
    if _is_kept(path) or path in _read_by(session):
        raise StackspecError.of("SS0902", f"cannot write '{file}': it is no report", hint="choose another place")
    try:
        write_whole(path, text.encode("utf-8", "backslashreplace"), 0o666)
    except (OSError, ValueError) as error:
        raise StackspecError([_unwritten(file, error)]) from error


def _is_kept(path: Path) -> bool:
    """Whether a file is a manifest, a saved plan, or one of stackspec's own."""
    from stackspec.saved_plan.codec import OPENING

    if LOCAL_FOLDER in path.parts:
        return True
    is_yaml = path.suffix in (".yaml", ".yml")
    try:
        with open(path, "rb") as file:
            there = file.read(MOST_BYTES if is_yaml else len(OPENING))
    except OSError:
        return False
    return there.startswith(OPENING) or (is_yaml and API_VERSION.encode() in there)


def _read_by(session: Session) -> set[Path]:
    """The files that a command has read, whatever they are called."""
    root = session.project.root if session.is_open else Path()
    return {Path(os.path.realpath(root / file)) for file in session.texts}


def _unwritten(file: str, error: OSError | ValueError) -> Diagnostic:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return Diagnostic("SS0902", f"cannot write '{file}': {why}", hint="choose another place")
