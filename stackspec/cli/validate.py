"""`stackspec validate`."""

from __future__ import annotations

from typing import Annotated

from stackspec.cli.options import Argument, EnvironmentName, Files, Output, OutputFormat


def validate(
    names: Annotated[
        list[str] | None, Argument("Report only these files' problems; default: all.", "[FILES]...")
    ] = None,
    environment: EnvironmentName = None,
    files: Files = None,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Check the manifests: form, references, expressions, rules."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import has_errors
    from stackspec.render.diagnostics import diagnostics_json

    with Session(output, files, failure={"valid": False}, named=names) as session:
        found = session.project.validate(environment)
        valid = not has_errors(found)
        if session.json:
            session.answer_json({"valid": valid, "diagnostics": diagnostics_json(found)})
        else:
            session.report(found)
            if valid:
                session.answer(f"{session.project.described()}: valid\n")
    return 0 if valid else 1
