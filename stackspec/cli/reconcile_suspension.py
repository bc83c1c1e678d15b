"""`stackspec reconcile suspend`, `resume` and `status`: what people say to all agents of a state, and ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from stackspec.cli.options import Environments, Option, Output, OutputFormat

if TYPE_CHECKING:
    from stackspec.project import Project
    from stackspec.state.store import Chapter

_MOST_REASON = 500
"""Characters of a reason."""


def suspend(
    reason: Annotated[str | None, Option(("--reason",), "Why, for whoever comes upon it; needed.", "TEXT")] = None,
    environment: Environments = None,
) -> int:
    """Have agents leave environments alone until 'reconcile resume'; people can still apply."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import Diagnostic, StackspecError
    from stackspec.state.run import Run
    from stackspec.state.suspension import Suspension

    with Session() as session:
        names = _names(session.project, environment)
        if reason is None or not reason.strip() or len(reason) > _MOST_REASON:
            message = f"--reason TEXT is needed, of at most {_MOST_REASON} characters"
            raise StackspecError.of("SS0901", message, hint="who finds it suspended wants to know why")
        suspension = Suspension(reason, Run.of_this_process("reconcile suspend"))
        session.project.prepare()
        problems = []
        for name in names:
            suspensions = session.project.suspensions(name)
            if suspensions.suspend(suspension):
                session.answer(f"Reconciling of '{name}' is suspended.\n")
            else:
                message = f"reconciling of '{name}' is {suspensions.read() or 'suspended already'}"
                problems.append(Diagnostic("SS1306", message, hint="that stays as it is; to end it: reconcile resume"))
        if problems:
            raise StackspecError(problems)
    return 0


def resume(environment: Environments = None) -> int:
    """Have agents take environments up again."""
    from stackspec.cli.session import Session
    from stackspec.render.text import safe

    with Session() as session:
        for name in _names(session.project, environment):
            suspensions = session.project.suspensions(name)
            before = suspensions.read()
            suspensions.resume()
            was = f"resumed; it was {safe(str(before))}" if before else "not suspended"
            session.answer(f"Reconciling of '{name}' is {was}\n" if before else f"Reconciling of '{name}' is {was}.\n")
    return 0


def status(environment: Environments = None, output: Output = OutputFormat.TEXT) -> int:
    """Show whether environments are reconciled: who suspended them, who is at work, and what was done last."""
    from stackspec.cli.session import Session
    from stackspec.render.text import safe

    with Session(output) as session:
        found = {name: _status(session.project, name) for name in _names(session.project, environment)}
        if session.json:
            session.answer_json({"format_version": "1.0", "environments": [one for one, _ in found.values()]})
        else:
            lines = [f"{name}: {text}" for name, (_, texts) in found.items() for text in texts]
            session.answer("".join(f"{safe(line)}\n" for line in lines))
    return 0


def _names(project: Project, chosen: list[str] | None) -> list[str]:
    """The environments that are meant, each once.

    Raises:
        StackspecError: one of them is not declared, and has no state.
    """
    wanted = chosen or list(project.loaded.declarations.environment_names)
    return list(dict.fromkeys(project.environment(name, applied=True) for name in wanted))


def _status(project: Project, name: str) -> tuple[dict[str, Any], list[str]]:
    """What is known of an environment, as a document and as lines."""
    store = project.store(name)
    applied, suspension, writer = store.read(), project.suspensions(name).read(), store.writer()
    last = next(iter(store.history()), None)
    unfinished = len(applied.pending) + len(applied.deposed)
    document = {
        "environment": name,
        "suspended": suspension and suspension.as_json(),
        "protected": applied.protected,
        "serial": applied.serial,
        "unfinished": unfinished,
        "writer": writer and writer.as_json(),
        "last_run": last and last.run.as_json(),
    }
    lines = [str(suspension) if suspension else "not suspended"]
    if writer:
        lines.append(f"being changed by {writer}")
    if unfinished:
        lines.append(f"{unfinished} operation{'' if unfinished == 1 else 's'} not finished")
    lines.append(_past(last) if last else "nothing was applied yet")
    return document, lines


def _past(last: Chapter) -> str:
    run = last.run
    at = f" at {run.commit[:12]}" if run.commit else ""
    return f"last changed by {run.user}@{run.host} ({run.purpose}{at}), since {run.since}, to serial {last.last}"
