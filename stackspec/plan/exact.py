"""What a plan does as one value: two plans have equal ones where an apply would do exactly the same."""

from __future__ import annotations

from stackspec.core.values import Value
from stackspec.plan.model import Change, Plan, Step
from stackspec.stack.meaning import component_meaning, record, unambiguous


def exact(plan: Plan) -> Value:
    """Every change, and every step with what it waits for and the component before and after, as JSON-like values.

    Steps stand in the order of their keys: which of two that do not wait for each other is first says nothing. Nor do
    reasons, and places in files.
    """
    return {
        "changes": [_change(one) for one in sorted(plan.changes, key=lambda one: (one.address, one.deposed))],
        "moves": unambiguous(plan.moves),
        "protection": plan.protection,
        "real": unambiguous(plan.real),
        "steps": [_step(plan.steps[key]) for key in sorted(plan.steps)],
    }


def _change(change: Change) -> Value:
    return record(change, without=("source", "reason"))


def _step(step: Step) -> Value:
    return {
        **record(step, without=("desired", "after")),
        "desired": component_meaning(step.desired) if step.desired else None,
        "after": unambiguous(sorted(step.after)),
    }
