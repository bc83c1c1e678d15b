"""`stackspec render`."""

from __future__ import annotations

from typing import Annotated

from stackspec.cli.options import Argument, EnvironmentName, Files, Option, Output, OutputFormat, Untrusted
from stackspec.cli.render_form import RenderFormat


def render(
    environments: Annotated[
        list[str] | None, Argument("With --diff, the two environments to compare.", "[ENVIRONMENT]...")
    ] = None,
    diff: Annotated[bool, Option(("--diff",), "Show only what differs between two environments.")] = False,
    form: Annotated[
        RenderFormat | None,
        Option(
            ("--format",),
            "Render what components are in another tool's form, or the variables of what runs on a stack.",
            "kubernetes|compose|env",
        ),
    ] = None,
    stack: Annotated[
        list[str] | None, Option(("--stack",), "With --format, only what this stack uses.", "NAME")
    ] = None,
    environment: EnvironmentName = None,
    files: Files = None,
    untrusted: Untrusted = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Print the manifests as they are once resolved for an environment; outputs and secrets stay expressions."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError
    from stackspec.render import FORMAT_VERSION
    from stackspec.render.manifests import differences_json, differences_text, manifests, manifests_yaml

    with Session(output, files, untrusted=untrusted) as session:
        if len(environments or ()) != (2 if diff else 0):
            message = "--diff compares two environments" if diff else "an environment is selected by -e"
            raise StackspecError.of("SS0901", message, hint="like: stackspec render --diff dev prod")
        if (stack or form) and environments:
            raise StackspecError.of("SS0901", "--format and --stack do not go with --diff")
        if stack and form is None:
            raise StackspecError.of("SS0901", "--stack goes with --format", hint="like: --format compose --stack dev")
        if form is not None:
            from stackspec.cli.render_form import render_form

            render_form(session, form, environment, stack or [])
            return 0
        if environments:
            one, other = map(session.project.desired, environments)
            if session.json:
                session.answer_json(differences_json(one, other))
            else:
                session.answer(differences_text(one, other, session.style))
            return 0
        desired = session.project.desired(environment)
        if session.json:
            session.answer_json({"format_version": FORMAT_VERSION, "manifests": manifests(desired)})
        else:
            session.answer(manifests_yaml(desired))
    return 0
