"""`stackspec drift`."""

from __future__ import annotations

from stackspec.cli.options import EnvironmentName, Output, OutputFormat


def drift(environment: EnvironmentName = None, output: Output = OutputFormat.TEXT) -> int:
    """Compare what is really there with what was applied; exit with 2 where they differ, or an apply is unfinished."""
    from stackspec.cli.session import Session
    from stackspec.render.drift import drift_json, drift_text

    with Session(output) as session:
        applied, found, unseen = session.project.drift(environment)
        if session.json:
            session.answer_json(drift_json(applied, found, unseen))
        else:
            session.report(unseen)
            session.answer(drift_text(applied, found, unseen, session.style))
    return 1 if unseen else 2 if found or applied.pending or applied.deposed else 0
