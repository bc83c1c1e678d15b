"""A plan of the files that changed, and of what that takes, is the plan of everything."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from stackspec.core.diagnostic import Diagnostic, StackspecError, has_errors
from stackspec.manifest.load import load
from stackspec.manifest.text import SourceText
from stackspec.plan.model import Action, Change, Plan
from stackspec.plan.planner import make_plan
from stackspec.plan.settled import as_part, facts_of, narrow
from stackspec.plan.situation import Situation
from stackspec.stack.declared import Declarations, declare
from stackspec.stack.model import DesiredState
from stackspec.stack.resolve import resolve
from stackspec.state.model import AppliedState
from tests.laws.blueprint import STACKS, Blueprint, Part
from tests.laws.checks import allowed
from tests.laws.edits import CHANGING, Edit, edited, edits, projects, suspend
from tests.laws.fake_flavors import REGISTRY
from tests.laws.lab import Lab, spec_of

Files = Mapping[str, str]


def in_files(project: Blueprint, together: int) -> Files:
    """The manifests of a project, some of them together in one file."""
    texts: dict[str, list[str]] = {}
    for document in project.documents():
        name = document["metadata"]["name"]
        number = sum(map(ord, document["kind"] + name))
        file = "stackspec.yaml" if document["kind"] == "Project" else f"stacks/{number % together:02}.yaml"
        texts.setdefault(file, []).append(json.dumps(document))
    return {file: "\n---\n".join(texts[file]) for file in sorted(texts)}


def compiled(files: Files, skipped: Container[str] = ()) -> tuple[Declarations, DesiredState, list[Diagnostic]]:
    """What some of the files declare and want."""
    manifests, problems, _ = load(SourceText(file, text) for file, text in files.items() if file not in skipped)
    declarations, conflicts = declare(manifests)
    desired, more = resolve(declarations, REGISTRY, {}, "default")
    return declarations, desired, [*problems, *conflicts, *more]


def told(plan: Plan) -> tuple[list[Change], dict[str, int]]:
    """What people are told of a plan."""
    return [change for change in plan.changes if change.action is not Action.NO_OP or change.recorded], plan.summary


def planned_as_part(before: Files, files: Files, applied: AppliedState) -> Plan | None:
    """The plan of what changed since another one, and of what that takes; None where there is no planning so."""
    declared, desired, diagnostics = compiled(before)
    plan = make_plan(Situation(desired, applied, spec_of))
    facts = facts_of(plan, desired, declared, REGISTRY, diagnostics)
    if facts is None:
        return None
    changed = {file for file in before.keys() | files.keys() if before.get(file) != files.get(file)}
    narrowing = narrow(facts, changed)
    declared, desired, diagnostics = compiled(files, narrowing.skipped)
    if not narrowing.skipped or has_errors(diagnostics):
        return None
    read = {address: one for address, one in applied.components.items() if str(address) in narrowing.read}
    part = as_part(narrowing, declared, desired, AppliedState("default", "", 0, read), REGISTRY)
    if part is None:
        return None
    found = make_plan(Situation(part.desired, part.applied, spec_of))
    return Plan(found.environment, "", 0, found.changes, found.steps, untouched=part.untouched)


_BOTH = Blueprint(
    {"a": Part("pliant", stacks=frozenset({"red", "blue"})), "b": Part("pliant")}, suspended=frozenset({"red", "blue"})
)


@settings(max_examples=300)
@example(_BOTH, [], [Edit(suspend, "a", STACKS.index("red"))], 97)
@given(projects(), edits(CHANGING, most=3), edits(CHANGING, least=1, most=2), st.sampled_from((3, 7, 97)))
def test_a_part_is_planned_as_it_would_be_in_the_whole(
    project: Blueprint, unapplied: list[Edit], changes: list[Edit], together: int
) -> None:
    lab = Lab()
    lab.apply(allowed(lab, project))
    first = edited(project, unapplied)
    second = edited(first, changes)
    applied, files = lab.store.read(), in_files(second, together)
    try:
        part = planned_as_part(in_files(first, together), files, applied)
        _, desired, diagnostics = compiled(files)
        whole = make_plan(Situation(desired, applied, spec_of))
    except StackspecError:
        return  # everything is planned then, and that tells it
    event("narrowed" if part else "whole")
    if part is not None:
        assert not has_errors(diagnostics)
        assert told(part) == told(whole)
