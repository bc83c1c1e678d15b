"""`stackspec secret`."""

from __future__ import annotations

from stackspec.cli.options import EnvironmentName, Files, Output, OutputFormat


def list_(environment: EnvironmentName = None, files: Files = None, output: Output = OutputFormat.TEXT) -> int:
    """List the secrets of an environment and where their values are kept; no value is read."""
    return _secrets(environment, files, output, read=False)


def check(environment: EnvironmentName = None, files: Files = None, output: Output = OutputFormat.TEXT) -> int:
    """Check that every secret of an environment has a value here; no value is shown."""
    return _secrets(environment, files, output, read=True)


def _secrets(environment: str | None, files: list[str] | None, output: OutputFormat, *, read: bool) -> int:
    from stackspec.cli.session import Session
    from stackspec.render.secrets import secrets_json, secrets_text

    with Session(output, files) as session:
        desired = session.project.desired(environment)
        missing = session.project.secrets.missing(desired) if read else None
        if session.json:
            session.answer_json(secrets_json(desired, missing))
        else:
            session.answer(secrets_text(desired, missing, session.style))
    return 1 if missing else 0
