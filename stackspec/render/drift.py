"""Drift for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stackspec.core.address import format_path
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.layout import in_environment
from stackspec.plan.drift import Drift
from stackspec.plan.model import FieldChange
from stackspec.render import FORMAT_VERSION
from stackspec.render.diagnostics import diagnostics_json
from stackspec.render.text import Style, headline, safe, shown
from stackspec.state.model import AppliedState, PendingOperation


def drift_text(applied: AppliedState, found: Sequence[Drift], unseen: Sequence[Diagnostic], style: Style) -> str:
    """What differs, one block each, and a line that counts."""
    blocks = [_block(drift, style) for drift in found]
    counts = drift_counts(applied, found, unseen)
    name = safe(applied.environment)
    blocks += [_unfinished_block(applied, one, style) for one in _unfinished(applied)]
    if applied.is_empty:
        blocks.append(f"Nothing is applied in '{name}'.")
    elif not found and not unseen and not _unfinished(applied):
        blocks.append(f"No drift: {_components(counts['as-applied'])} as applied in '{name}'.")
    else:
        told = drift_counts_text(applied, found, unseen)
        blocks.append(f"{style('Drift', 'bold')} in '{name}': {told}.")
    if found:
        again = in_environment("stackspec apply --refresh", applied.environment)
        blocks[-1] += f"\nTo have it as declared again: {again}"
    elif _unfinished(applied):
        blocks[-1] += f"\nTo have it finished: {in_environment('stackspec apply', applied.environment)}"
    return "\n\n".join(blocks) + "\n"


def drift_json(applied: AppliedState, found: Sequence[Drift], unseen: Sequence[Diagnostic]) -> dict[str, Any]:
    """The same as a document."""
    return {
        "format_version": FORMAT_VERSION,
        "environment": applied.environment,
        "serial": applied.serial,
        "lineage": applied.lineage,
        "summary": drift_counts(applied, found, unseen),
        "drift": [_drift_json(drift) for drift in found],
        "unfinished": [
            {"address": str(one.component.address), "operation": one.operation.value, "failure": one.failure}
            for one in _unfinished(applied)
        ],
        "diagnostics": diagnostics_json(unseen),
    }


def drift_counts(applied: AppliedState, found: Sequence[Drift], unseen: Sequence[Diagnostic]) -> dict[str, int]:
    """How many components are missing, different and so on, all of these words in it."""
    missing = sum(drift.missing for drift in found)
    unfinished = _unfinished(applied)
    settled = applied.components.keys() - {one.component.address for one in unfinished}
    return {
        "missing": missing,
        "different": len(found) - missing,
        "unknown": len(unseen),
        "unfinished": len(unfinished),
        "as-applied": len(settled - {drift.address for drift in found}) - len(unseen),
    }


def drift_counts_text(applied: AppliedState, found: Sequence[Drift], unseen: Sequence[Diagnostic]) -> str:
    """The same in words, those left out of which there are none."""
    counts = drift_counts(applied, found, unseen)
    return ", ".join(f"{count} {word.replace('-', ' ')}" for word, count in counts.items() if count)


def _unfinished(applied: AppliedState) -> list[PendingOperation]:
    return [*applied.pending.values(), *applied.deposed.values()]


def _unfinished_block(applied: AppliedState, operation: PendingOperation, style: Style) -> str:
    component = operation.component
    failure = operation.failure
    why = applied.in_flight(operation) if failure is None else f"{operation.operation} is not done: {failure}"
    sign = style("  !", "bold", "magenta")
    return f"{sign} {style(str(component.address), 'bold')} ({safe(component.flavor)})\n      {headline(why)}"


def _components(count: int) -> str:
    return f"{count} component{'' if count == 1 else 's'}"


def _block(drift: Drift, style: Style) -> str:
    colour = "red" if drift.missing else "yellow"
    sign = style("  -" if drift.missing else "  ~", "bold", colour)
    lines = [f"{sign} {style(str(drift.address), 'bold')} ({safe(drift.component.flavor)})"]
    if drift.missing or drift.running is not None:
        lines.append(f"      {headline(drift.reason)}")
    width = max((len(format_path(field.path)) for field in drift.fields), default=0)
    for field in drift.fields:
        was, is_now = (shown(value, sensitive=field.sensitive) for value in (field.before, field.after))
        lines.append(f"      {safe(format_path(field.path)):<{width}}  {was} → {style(is_now, colour)}")
    return "\n".join(lines)


def _drift_json(drift: Drift) -> dict[str, Any]:
    component = drift.component
    return {
        "address": str(drift.address),
        "flavor": component.flavor,
        "stacks": list(component.stacks),
        "missing": drift.missing,
        "running": drift.running,
        "suspended": component.suspended,
        "fields": [_field_json(field) for field in drift.fields],
        "detail": drift.detail,
    }


def _field_json(field: FieldChange) -> dict[str, Any]:
    return {
        "path": format_path(field.path),
        "applied": None if field.sensitive else field.before,
        "real": None if field.sensitive else field.after,
        "sensitive": field.sensitive,
    }
