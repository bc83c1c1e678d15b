"""`stackspec plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from stackspec.cli.options import (
    AllowEmpty,
    Comment,
    EnvironmentName,
    Files,
    Option,
    OutputFile,
    Refresh,
    Replacements,
    ReportFormat,
    ReportOutput,
    ShowAll,
    Stacks,
    Targets,
    Untrusted,
)

if TYPE_CHECKING:
    from stackspec.cli.session import Session
    from stackspec.plan.request import Request


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
    changed_since: Annotated[
        str | None,
        Option(
            ("--changed-since",),
            "Plan only what can differ from where this branch left REV, a branch, tag or commit.",
            "REV",
        ),
    ] = None,
    show_all: ShowAll = False,
    allow_empty: AllowEmpty = False,
    out: Annotated[
        str | None, Option(("--out",), "Save the plan in this file too, for 'stackspec apply PLANFILE'.", "PLANFILE")
    ] = None,
    files: Files = None,
    untrusted: Untrusted = False,
    output: ReportOutput = ReportFormat.TEXT,
    output_file: OutputFile = None,
    comment: Comment = None,
) -> int:
    """Show what an apply would change, and change nothing."""
    from os.path import realpath
    from time import time_ns

    from stackspec.cli.remember import PlanOfFiles
    from stackspec.cli.report import refuse_comment, reporting
    from stackspec.cli.selection import selection
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError
    from stackspec.plan.request import Request
    from stackspec.render.plan import plan_json, plan_text

    asked_at, reports = time_ns(), reporting("plan", environment, output, comment)
    with Session(output, files, untrusted=untrusted, reporting=reports, file=output_file) as session:
        refuse_comment(comment, reports)
        chosen = selection(stack, target, replace, destroy=destroy)
        request = Request(chosen, allow_empty, refresh, rollback)
        _refuse_what_contradicts(session, request, changed_since, saved=out is not None)
        named = [realpath(one) for one in (out, output_file, comment) if one is not None]
        if len(set(named)) < len(named):
            message = "of --out, --output-file and --comment two name the same file"
            raise StackspecError.of("SS0901", message, hint="name one for each")
        if out is not None:
            session.project.secrets.keep_key()
        of_files = PlanOfFiles(session, environment, request, asked_at)
        if changed_since is not None:
            planned = session.project.plan_since(changed_since, environment, request)
        elif reports is None and out is None and not show_all and (part := of_files.of_what_changed()) is not None:
            planned = part
        else:
            planned = session.project.plan(environment, request)
        saved = ""
        if out is not None and not planned.is_forbidden:
            from stackspec.cli.saved_plan import save

            saved = save(session, planned, out)
        if reports is not None:
            from stackspec.render.report import owners, reviews_of_plan

            reports.answer(
                session,
                planned.diagnostics,
                environment=planned.plan.environment.name,
                plan=planned.plan,
                reviews=reviews_of_plan(planned.plan, planned.desired),
                owners=owners(planned.desired, planned.applied),
                show_all=show_all,
            )
        elif session.json:
            document = plan_json(planned.plan, planned.diagnostics, show_all=show_all, untrusted=session.untrusted)
            session.answer_json(document)
        else:
            text = plan_text(planned.plan, session.style, show_all=show_all, untrusted=session.untrusted)
            session.answer(text + saved)
            session.report(planned.diagnostics)
    code = 1 if planned.is_forbidden else 2 if detailed_exitcode and planned.plan.has_changes else 0
    if out is None and reports is None and output_file is None:
        of_files.remember(planned, code)
    return code


def _refuse_what_contradicts(session: Session, request: Request, changed_since: str | None, *, saved: bool) -> None:
    """Go no further where options cannot be had together.

    Raises:
        StackspecError: they cannot.
    """
    from stackspec.core.diagnostic import StackspecError

    destroy, back = request.selection.destroy, request.serial is not None
    if session.untrusted and (request.refresh or destroy or back or saved):
        message = "an untrusted plan is made against nothing"
        hint = "--refresh, --destroy, --rollback and --out need a state"
        raise StackspecError.of("SS0901", message, hint=hint)
    if changed_since is None:
        return
    if session.untrusted:
        message = "--changed-since asks git, and in untrusted mode no program is run"
        raise StackspecError.of("SS0901", message, hint="leave it out: everything is planned")
    if request.selection.is_limited or destroy or back:
        hint = "leave --stack, --target, --destroy and --rollback out"
        raise StackspecError.of("SS0901", "--changed-since says itself what is planned", hint=hint)
