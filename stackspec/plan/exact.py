"""The steps of a plan as one value: two plans have equal ones where an apply would do exactly the same."""

from __future__ import annotations

from stackspec.core.values import Value
from stackspec.plan.model import Plan, Step, StepKey
from stackspec.stack.meaning import component_meaning
from stackspec.state.codec import component_to_json


def exact_steps(plan: Plan) -> Value:
    """Every step with its operations, what it waits for, and the component before and after, as JSON-like values.

    Steps stand in the order of phase and address: which of two that do not wait for each other is first says nothing.
    """
    return [_exact(plan.steps[key]) for key in sorted(plan.steps)]


def _exact(step: Step) -> Value:
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
