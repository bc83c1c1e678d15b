"""`stackspec status`."""

from __future__ import annotations

from stackspec.cli.options import EnvironmentName, Output, OutputFormat


def status(environment: EnvironmentName = None, output: Output = OutputFormat.TEXT) -> int:
    """Show what is applied, and what it really is."""
    from stackspec.cli.session import Session
    from stackspec.render.status import status_json, status_text

    with Session(output) as session:
        name = session.project.environment(environment, applied=True)
        applied = session.project.store(name).read()
        seen = session.project.observe(applied)
        if session.json:
            session.answer_json(status_json(applied, seen))
        else:
            session.answer(status_text(applied, seen, session.style))
    return 0
