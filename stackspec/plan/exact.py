"""What a plan does as one value: two plans have equal ones where an apply would do exactly the same."""

from __future__ import annotations

from stackspec.core.values import Value
from stackspec.plan.model import Change, Plan, Step, StepKey
from stackspec.stack.meaning import component_meaning, unambiguous
from stackspec.state.codec import component_to_json


def exact(plan: Plan) -> Value:
    """Every change, and every step with what it waits for and the component before and after, as JSON-like values.

    Steps stand in the order of phase and address: which of two that do not wait for each other is first says nothing.
    Nor do the reasons, and places in files.
    """
    return {
        "changes": sorted(map(_change, plan.changes)),
        "moves": {str(old): str(new) for old, new in plan.moves.items()},
        "real": {str(address): component_to_json(one) for address, one in plan.real.items()},
        "steps": [_step(plan.steps[key]) for key in sorted(plan.steps)],
    }


def _change(change: Change) -> list[Value]:
    fields = [unambiguous((one.path, one.before, one.after)) for one in change.fields]
    return [str(change.address), change.action.value, fields, list(change.recorded)]


def _step(step: Step) -> Value:
    return {
        **_named(step.key),
        "operations": [operation.value for operation in step.operations],
        "before": component_to_json(step.before) if step.before else None,
        "desired": component_meaning(step.desired) if step.desired else None,
        "after": [_named(key) for key in sorted(step.after)],
        "identity": step.identity,
        "beside": step.beside,
    }


def _named(key: StepKey) -> dict[str, Value]:
    return {"phase": key.phase.name.lower(), "address": str(key.address), "deposed": key.deposed}
