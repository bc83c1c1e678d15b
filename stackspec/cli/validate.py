"""`stackspec validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from stackspec.cli.options import (
    Argument,
    EnvironmentName,
    FailIfSecretsMissing,
    Files,
    Option,
    OutputFile,
    ReportFormat,
    ReportOutput,
    Untrusted,
)

if TYPE_CHECKING:
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import Diagnostic

    Judged = tuple[list[Diagnostic], tuple[str, ...], str]
    """What was found, in which files, and what they are where nothing was."""


def validate(
    names: Annotated[
        list[str] | None, Argument("Report only these files' problems; default: all.", "[FILES]...")
    ] = None,
    environment: EnvironmentName = None,
    files: Files = None,
    fail_if_secrets_missing: FailIfSecretsMissing = False,
    untrusted: Untrusted = False,
    alone: Annotated[
        bool,
        Option(
            ("--alone",), "Judge each of these files by itself: form, schema, expressions; nothing that it refers to."
        ),
    ] = False,
    output: ReportOutput = ReportFormat.TEXT,
    output_file: OutputFile = None,
) -> int:
    """Check the manifests: form, references, expressions, rules."""
    from time import time_ns

    from stackspec.cli.report import reporting
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError, has_errors
    from stackspec.render.diagnostics import diagnostics_json

    asked_at = time_ns()
    reports, said = reporting("validate", environment, output), {"valid": False}
    with Session(
        output, files, failure=said, named=names, untrusted=untrusted, reporting=reports, file=output_file
    ) as session:
        if alone:
            if not names or files or environment or fail_if_secrets_missing:
                message = "--alone takes files, and neither -f, -e nor --fail-if-secrets-missing"
                raise StackspecError.of("SS0901", message, hint="like: stackspec validate --alone stacks/dev.yaml")
            found, judged, described = _each_alone(session, names)
        else:
            found, judged, described = _together(session, names, environment, fail_if_secrets_missing)
        valid = not has_errors(found)
        if reports is not None:
            reports.answer(session, found, judged=judged, described=described)
        elif session.json:
            session.answer_json({"valid": valid, "diagnostics": diagnostics_json(found)})
        elif not valid and output_file is not None:
            raise StackspecError(found)
        else:
            session.report(found)
            if valid:
                session.answer(f"{described}\n")
    code = 0 if valid else 1
    if reports is None and output_file is None and not names and not fail_if_secrets_missing:
        from stackspec.cli.remember import remember_validation

        remember_validation(session, code, asked_at)
    return code


def _together(session: Session, names: list[str] | None, environment: str | None, ask: bool) -> Judged:
    from stackspec.core.diagnostic import StackspecError, has_errors

    if session.untrusted and ask:
        raise StackspecError.of("SS0901", "--fail-if-secrets-missing asks stores, which --untrusted does not do")
    project = session.project
    found = project.validate(environment)
    if not session.untrusted and not has_errors(found):
        found += project.secrets.without_value(environment, fail=ask)
    return (
        found,
        tuple(sorted(project.loaded.named if names else project.loaded.texts)),
        f"{project.described()}: valid",
    )


def _each_alone(session: Session, names: list[str]) -> Judged:
    from stackspec.single_files import SingleFiles

    files = SingleFiles(names, untrusted=session.untrusted)
    session.guard(files.root)
    found = files.validate()
    session.speak_of(files.texts)
    count = len(files.texts)
    return found, tuple(sorted(files.texts)), f"{count} file{'' if count == 1 else 's'}: valid, each by itself"
