"""A plan for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stackspec.core.address import format_path
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.values import Unknown
from stackspec.plan.model import DONE, NOT_APPLIED, Action, Change, FieldChange, Plan, Since
from stackspec.render import FORMAT_VERSION
from stackspec.render.diagnostics import diagnostics_json
from stackspec.render.text import Style, headline, safe, shown

_COLOURS = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.DELETE: "red",
    Action.SUSPEND: "cyan",
    Action.RESUME: "cyan",
    Action.ADOPT: "green",
    Action.FORGET: "red",
    Action.RECOVER: "magenta",
}


_UNTOUCHED = {"no-op": "unchanged", "not-selected": "not selected"}
"""What a summary counts of components to which nothing happens, in words."""

_EDITED = ("config", "lifecycle", "timeouts", "environment", "labels")

PROTECTION = {
    True: "is protected from this apply on",
    False: "was protected when it was last applied, and is no more from this apply on",
}

_MOST_RECORDED = 10
"""How many components are named of which only the record changes."""


UNTRUSTED = "Untrusted: made against nothing applied, no secret and no variable read."


def plan_text(
    plan: Plan, style: Style, *, show_all: bool = False, approved: bool = False, untrusted: bool = False
) -> str:
    """The changes, one block each, and a line that counts them.

    Args:
        approved: Whether a protected environment's name was given already.
        untrusted: Whether a stranger wrote the manifests, so that nothing but them was looked at.
    """
    shown_changes = [change for change in plan.changes if show_all or change.action is not Action.NO_OP]
    blocks = [_block(change, style) for change in shown_changes]
    if plan.moves:
        told = ", ".join(f"{old} is now {new}" for old, new in plan.moves.items())
        blocks.append(f"State takes over, without a hook: {told}.")
    if recorded := recorded_text(plan):
        blocks.append(recorded)
    if plan.protection is not None:
        blocks.append(f"'{plan.environment.name}' {PROTECTION[plan.protection]}.")
    if not plan.has_changes:
        unchanged = plan.summary["no-op"]
        what = f"{unchanged} component{'' if unchanged == 1 else 's'}" if unchanged else "no components"
        left = f"; {plan.summary['not-selected']} not selected" if "not-selected" in plan.summary else ""
        if plan.since and not unchanged:
            blocks.append(f"No changes: nothing of '{plan.environment.name}' is planned.")
        else:
            blocks.append(f"No changes: {what}, as applied in '{plan.environment.name}'{left}.")
    else:
        name = plan.environment.name
        told = f"{style('Plan', 'bold')} for '{name}': {counts_text(plan.summary)}."
        if plan.protected and not approved:
            told += f"\n'{name}' is protected: apply a saved plan (plan --out FILE), or add --approve {name}."
        blocks.append(told)
    if plan.since:
        blocks.append(since_text(plan.since))
    if untrusted:
        blocks.append(UNTRUSTED)
    return "\n\n".join(blocks) + "\n"


def since_text(since: Since) -> str:
    """What limits a plan, and what that leaves out."""
    told = f"Only what differs since {safe(since.revision)} ({since.commit[:12]}) is planned"
    left, stacks = len(since.left_out), len(since.untouched_stacks)
    if not left:
        return f"{told}, which may be everything."
    of_stacks = f", and all of {stacks} stack{'' if stacks == 1 else 's'}" if stacks else ""
    return f"{told}; left out: {left} component{'' if left == 1 else 's'}{of_stacks}."


def counts_text(summary: dict[str, int], *, done: bool = False) -> str:
    """`2 to create, 1 to update, 3 unchanged`, or with `done` `2 created, …`."""
    parts = [
        f"{count} {DONE[Action(action)] if done else 'to ' + action}"
        for action, count in summary.items()
        if count and action not in _UNTOUCHED
    ]
    parts += [f"{summary[action]} {word}" for action, word in _UNTOUCHED.items() if summary.get(action)]
    return ", ".join(parts) or "nothing to do"


def recorded_text(plan: Plan) -> str | None:
    """What was edited of components that no hook is called for; what only follows from other edits is not told."""
    told = {change.address: [name for name in change.recorded if name in _EDITED] for change in plan.changes}
    parts = [f"{address} ({', '.join(names)})" for address, names in told.items() if names]
    if not parts:
        return None
    more = f" and {len(parts) - _MOST_RECORDED} more" if len(parts) > _MOST_RECORDED else ""
    return f"State takes over, without a hook: {', '.join(parts[:_MOST_RECORDED])}{more}."


def _block(change: Change, style: Style) -> str:
    colour = _COLOURS.get(change.action, "dim")
    place = f"  {style(safe(str(change.source)), 'dim')}" if change.source else ""
    sign = style(f"{change.sign:>3}", "bold", colour)
    deposed = f" deposed {safe(change.deposed)}" if change.deposed else ""
    lines = [f"{sign} {style(str(change.address), 'bold')}{deposed} ({safe(change.flavor)}){place}"]
    if change.action is not Action.NO_OP and change.reason != NOT_APPLIED:
        lines.append(f"      {headline(change.reason)}")
    if len(change.stacks) > 1 and change.action is not Action.NO_OP:
        lines.append(f"      touches the stacks {', '.join(map(safe, change.stacks))}")
    width = max((len(format_path(field.path)) for field in change.fields), default=0)
    lines += [f"      {_field(field, change.action, width, style)}" for field in change.fields]
    return "\n".join(lines)


def _field(field: FieldChange, action: Action, width: int, style: Style) -> str:
    name = f"{safe(format_path(field.path)):<{width}}"
    made_of = f"  {style(safe(', '.join(field.secrets)), 'dim')}" if field.secrets else ""
    after = style(shown(field.after, sensitive=field.sensitive), "green") + made_of
    if action is Action.CREATE:
        return f"{name}  {after}"
    if field.sensitive and field.before is not None and field.after is not None:
        after = style("(sensitive, changed)", "yellow") + made_of
        forces = style("  (forces replacement)", "magenta") if field.requires_replacement else ""
        return f"{name}  {after}{forces}"
    before = style(shown(field.before, sensitive=field.sensitive), "red")
    forces = style("  (forces replacement)", "magenta") if field.requires_replacement else ""
    return f"{name}  {before} → {after}{forces}"


def plan_json(
    plan: Plan, diagnostics: Iterable[Diagnostic] = (), *, show_all: bool = False, untrusted: bool = False
) -> dict[str, Any]:
    """The plan as SPEC's JSON document.

    Args:
        untrusted: See `plan_text`.
    """
    return {
        "format_version": FORMAT_VERSION,
        "environment": plan.environment.name,
        "untrusted": untrusted,
        "protected": plan.protected,
        "protection": plan.protection,
        "serial": plan.serial,
        "lineage": plan.lineage,
        "summary": plan.summary,
        "since": _since_json(plan.since) if plan.since else None,
        "moves": [{"from": str(old), "to": str(new)} for old, new in plan.moves.items()],
        "changes": [change_json(change) for change in plan.changes if show_all or change.action is not Action.NO_OP],
        "diagnostics": diagnostics_json(diagnostics),
    }


def _since_json(since: Since) -> dict[str, Any]:
    left = {"components": [str(one) for one in since.left_out], "stacks": list(since.untouched_stacks)}
    return {"revision": since.revision, "commit": since.commit, "left_out": left}


def change_json(change: Change) -> dict[str, Any]:
    """One change of SPEC's JSON document."""
    return {
        "address": str(change.address),
        "action": change.action.value,
        "flavor": change.flavor,
        "stacks": list(change.stacks),
        "source": change.source.to_json() if change.source else None,
        "reason": change.reason,
        "fields": [_field_json(field) for field in change.fields],
        "recorded": list(change.recorded),
        "create_before_destroy": change.beside,
        "deposed": change.deposed or None,
    }


def _field_json(field: FieldChange) -> dict[str, Any]:
    document = {
        "path": format_path(field.path),
        "before": None if field.sensitive else field.before,
        "after": None if field.sensitive or isinstance(field.after, Unknown) else field.after,
        "sensitive": field.sensitive,
        "requires_replacement": field.requires_replacement,
        "secrets": list(field.secrets),
    }
    if isinstance(field.after, Unknown):
        document["known_after_apply"] = True
    return document
