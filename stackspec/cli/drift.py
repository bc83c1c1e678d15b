"""`stackspec drift`."""

from __future__ import annotations

from stackspec.cli.options import Comment, EnvironmentName, OutputFile, ReportFormat, ReportOutput


def drift(
    environment: EnvironmentName = None,
    output: ReportOutput = ReportFormat.TEXT,
    output_file: OutputFile = None,
    comment: Comment = None,
) -> int:
    """Compare what is really there with what was applied; exit with 2 where they differ, or an apply is unfinished."""
    from stackspec.cli.report import declared, refuse_comment, reporting
    from stackspec.cli.session import Session
    from stackspec.render.drift import drift_json, drift_text

    reports = reporting("drift", environment, output, comment)
    with Session(output, reporting=reports, file=output_file) as session:
        refuse_comment(comment, reports)
        applied, found, unseen = session.project.drift(environment)
        if reports is not None:
            from stackspec.render.report import Drifted, owners, reviews_of_drift

            seen = Drifted(applied, tuple(found), tuple(unseen))
            desired = declared(session, applied.environment)
            reports.answer(
                session,
                unseen,
                environment=applied.environment,
                drift=seen,
                reviews=reviews_of_drift(seen, desired),
                owners=owners(desired, applied),
            )
        elif session.json:
            session.answer_json(drift_json(applied, found, unseen))
        else:
            session.report(unseen)
            session.answer(drift_text(applied, found, unseen, session.style))
    return 1 if unseen else 2 if found or applied.pending or applied.deposed else 0
