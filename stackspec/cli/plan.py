"""`stackspec plan`."""

from __future__ import annotations

from typing import Annotated

from stackspec.cli.options import (
    AllowEmpty,
    EnvironmentName,
    Files,
    Option,
    Output,
    OutputFormat,
    Refresh,
    Replacements,
    ShowAll,
    Stacks,
    Targets,
    Untrusted,
)


def plan(
    environment: EnvironmentName = None,
    stack: Stacks = None,
    target: Targets = None,
    replace: Replacements = None,
    destroy: Annotated[bool, Option(("--destroy",), "Plan to remove everything.")] = False,
    refresh: Refresh = False,
    rollback: Annotated[
        int | None, Option(("--rollback",), "Plan to bring back what was applied at this serial.", "SERIAL", least=0)
    ] = None,
    detailed_exitcode: Annotated[bool, Option(("--detailed-exitcode",), "Exit with 2 if there are changes.")] = False,
    show_all: ShowAll = False,
    allow_empty: AllowEmpty = False,
    out: Annotated[
        str | None, Option(("--out",), "Save the plan in this file too, for 'stackspec apply PLANFILE'.", "PLANFILE")
    ] = None,
    files: Files = None,
    untrusted: Untrusted = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Show what an apply would change, and change nothing."""
    from stackspec.cli.selection import selection
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError
    from stackspec.plan.request import Request
    from stackspec.render.plan import plan_json, plan_text

    with Session(output, files, untrusted=untrusted) as session:
        if session.untrusted and (refresh or destroy or rollback is not None or out is not None):
            message = "an untrusted plan is made against nothing"
            hint = "--refresh, --destroy, --rollback and --out need a state"
            raise StackspecError.of("SS0901", message, hint=hint)
        chosen = selection(stack, target, replace, destroy=destroy)
        if out is not None:
            session.project.secrets.keep_key()
        planned = session.project.plan(environment, Request(chosen, allow_empty, refresh, rollback))
        saved = ""
        if out is not None:
            from stackspec.cli.saved_plan import save

            saved = save(session, planned, out)
        if session.json:
            document = plan_json(planned.plan, planned.diagnostics, show_all=show_all, untrusted=session.untrusted)
            session.answer_json(document)
        else:
            session.report(planned.diagnostics)
            text = plan_text(planned.plan, session.style, show_all=show_all, untrusted=session.untrusted)
            session.answer(text + saved)
    return 2 if detailed_exitcode and planned.plan.has_changes else 0
