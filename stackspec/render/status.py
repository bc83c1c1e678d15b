"""What is applied and what it really is, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackspec.apply.hooks import HookFailure
from stackspec.core.address import ComponentAddress
from stackspec.core.expression import Sealed
from stackspec.flavors.contract import Observation
from stackspec.render import FORMAT_VERSION
from stackspec.render.text import Style, headline, safe
from stackspec.state.model import AppliedComponent, AppliedState, PendingOperation

Seen = Mapping[ComponentAddress, Observation | HookFailure]


def status_text(applied: AppliedState, seen: Seen, style: Style) -> str:
    """One line a component, then what is in flight."""
    if applied.is_empty:
        return f"Nothing is applied in '{safe(applied.environment)}'.\n"
    rows = [("COMPONENT", "FLAVOR", "STATE", "URI", "DETAIL")]
    for address, component in sorted(applied.components.items()):
        rows.append(
            (
                str(address),
                safe(component.flavor),
                _word(component, seen[address]),
                safe(str(component.outputs.get("uri") or "-")),
                headline(_detail(seen[address])),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for index, row in enumerate(rows):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        if index == 0:
            lines.append(style("  ".join([*cells, row[4]]).rstrip(), "dim"))
        else:
            cells[2] = style(cells[2], _COLOURS.get(row[2], "yellow"))
            lines.append("  ".join([*cells, row[4]]).rstrip())
    for address, pending in applied.pending.items():
        if pending.failure is None and applied.writer:
            what = f"in {pending.operation} now, by {applied.writer}"
        else:
            what = f"{pending.operation} did not end well: {pending.failure or 'the apply died in it'}"
        lines.append(style(f"{address}: {headline(what)}", "magenta"))
    for identity, removal in applied.deposed.items():
        what = f"deposed {identity} is still to be removed: {_why_left(removal, applied)}"
        lines.append(style(f"{removal.component.address}: {headline(what)}", "magenta"))
    return "\n".join(lines) + "\n"


def _why_left(removal: PendingOperation, applied: AppliedState) -> str:
    if removal.failure is None:
        return f"in {removal.operation} now, by {applied.writer}" if applied.writer else "the apply died in it"
    return removal.failure


_COLOURS = {"running": "green", "provisioned": "green", "suspended": "cyan"}


def _word(component: AppliedComponent, seen: Observation | HookFailure) -> str:
    if isinstance(seen, HookFailure):
        return "unknown"
    if not seen.provisioned:
        return "missing"
    if seen.running is None:
        return "provisioned"
    if seen.running:
        return "running"
    return "suspended" if component.suspended else "not running"


def _detail(seen: Observation | HookFailure) -> str:
    return seen.message if isinstance(seen, HookFailure) else seen.detail


def status_json(applied: AppliedState, seen: Seen) -> dict[str, Any]:
    """The same as a document."""
    return {
        "format_version": FORMAT_VERSION,
        "environment": applied.environment,
        "serial": applied.serial,
        "lineage": applied.lineage,
        "components": [
            _component_json(component, seen[address]) for address, component in sorted(applied.components.items())
        ],
        "pending": [
            {"address": str(address), "operation": pending.operation.value, "failure": pending.failure}
            for address, pending in applied.pending.items()
        ],
        "deposed": [
            {"address": str(removal.component.address), "identity": identity, "failure": removal.failure}
            for identity, removal in applied.deposed.items()
        ],
    }


def _component_json(component: AppliedComponent, seen: Observation | HookFailure) -> dict[str, Any]:
    failed = isinstance(seen, HookFailure)
    return {
        "address": str(component.address),
        "flavor": component.flavor,
        "stacks": list(component.stacks),
        "state": _word(component, seen),
        "provisioned": None if isinstance(seen, HookFailure) else seen.provisioned,
        "running": None if isinstance(seen, HookFailure) else seen.running,
        "suspended": component.suspended,
        "outputs": {
            name: str(value) if isinstance(value, Sealed) else value for name, value in component.outputs.items()
        },
        "detail": _detail(seen),
        "error": failed,
    }
