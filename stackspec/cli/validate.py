"""`stackspec validate`."""

from __future__ import annotations

from typing import Annotated

from stackspec.cli.options import Argument, EnvironmentName, Files, Option, Output, OutputFormat, Untrusted


def validate(
    names: Annotated[
        list[str] | None, Argument("Report only these files' problems; default: all.", "[FILES]...")
    ] = None,
    environment: EnvironmentName = None,
    files: Files = None,
    fail_if_secrets_missing: Annotated[
        bool, Option(("--fail-if-secrets-missing",), "Ask every store, and take a secret without a value for an error.")
    ] = False,
    untrusted: Untrusted = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Check the manifests: form, references, expressions, rules."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError, has_errors
    from stackspec.render.diagnostics import diagnostics_json

    with Session(output, files, failure={"valid": False}, named=names, untrusted=untrusted) as session:
        if untrusted and fail_if_secrets_missing:
            raise StackspecError.of("SS0901", "--fail-if-secrets-missing asks stores, which --untrusted does not do")
        found = session.project.validate(environment)
        if not session.untrusted and not has_errors(found):
            found += session.project.secrets.without_value(environment, fail=fail_if_secrets_missing)
        valid = not has_errors(found)
        if session.json:
            session.answer_json({"valid": valid, "diagnostics": diagnostics_json(found)})
        else:
            session.report(found)
            if valid:
                session.answer(f"{session.project.described()}: valid\n")
    return 0 if valid else 1
