"""Policies as their authors and those who meet them know them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema_specifications import REGISTRY as SPECIFICATIONS

from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
from stackspec.manifest.model import _ACTIONS, PolicySpec
from stackspec.plan.model import Action
from stackspec.policy.requirement import REQUIREMENT, wrong
from stackspec.policy.subject import FIELDS
from stackspec.project import Project

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev, labels: {owner: fraud, tier: gold}}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./a}, environment: {LEVEL: debug}, timeouts: {provision: 5m}}
    log_store: {flavor: artifact, config: {uri: "{{ components.artifact_store.outputs.uri }}/logs"}}
"""


def project(root: Path, *policies: dict[str, Any], stack: str = STACK) -> Project:
    (root / "stacks").mkdir(exist_ok=True)
    (root / "stacks" / "dev.yaml").write_text(stack)
    documents = [
        {"apiVersion": "stackspec.dev/v1", "kind": "Policy", "metadata": {"name": f"p{index}"}, "spec": spec}
        for index, spec in enumerate(policies)
    ]
    (root / "stacks" / "policies.yaml").write_text(yaml.safe_dump_all(documents))
    return Project.open(root)


def told(found: list[Diagnostic]) -> list[str]:
    return [one.message for one in found if one.code == "SS1101"]


@pytest.mark.parametrize(
    ("match", "addresses"),
    [
        ({}, ["orchestrator/dev", "artifact_store/dev", "log_store/dev"]),
        ({"type": "artifact_store"}, ["artifact_store/dev"]),
        ({"type": ["*_store"]}, ["artifact_store/dev", "log_store/dev"]),
        ({"type": "*_store", "flavor": "local"}, ["artifact_store/dev"]),
        ({"flavor": ["a*", "s3"]}, ["log_store/dev"]),
        ({"environment": "default"}, ["orchestrator/dev", "artifact_store/dev", "log_store/dev"]),
        ({"environment": "prod*"}, []),
        ({"labels": {"tier": ["silver", "go??"]}, "type": "orchestrator"}, ["orchestrator/dev"]),
        ({"labels": {"tier": "*", "cost": "*"}}, []),
    ],
    ids=str,
)
def test_what_a_policy_is_about(match: dict[str, Any], addresses: list[str], tmp_path: Path) -> None:
    found = project(tmp_path, {"match": match, "require": False, "message": "never"}).validate()
    assert sorted(one.split()[0].removesuffix(":") for one in told(found)) == sorted(addresses)


@pytest.mark.parametrize(
    "properties",
    [
        {"type": {"const": "artifact_store"}, "name": {"const": "dev"}, "flavor": {"const": "local"}},
        {"environment": {"const": {"name": "default", "protected": False}}},
        {"labels": {"const": {"owner": "fraud", "tier": "gold"}}, "stacks": {"const": ["dev"]}},
        {"config": {"const": {"path": "./a", "delete_data": False}}, "variables": {"const": {"LEVEL": "debug"}}},
        {"timeouts": {"const": {"provision": 300}}, "lifecycle": {"properties": {"prevent_destroy": {"const": False}}}},
        {"depends_on": {"maxItems": 0}, "secrets": {"maxItems": 0}},
    ],
    ids=lambda one: " ".join(one),
)
def test_what_a_policy_sees(properties: dict[str, Any], tmp_path: Path) -> None:
    met = {"match": {"type": "artifact_store"}, "require": {"properties": properties, "required": [*properties]}}
    unmet = {"match": {"type": "artifact_store"}, "require": {"not": met["require"]}}
    found = project(tmp_path, met, unmet).validate()
    assert [one.notes[-1].message for one in found if one.code == "SS1101"] == ["the policy 'p1'"]


def test_a_warning_is_told_and_stops_nothing(tmp_path: Path) -> None:
    one = project(tmp_path, {"require": False, "level": "warning", "match": {"type": "orchestrator"}})
    assert [found.severity for found in one.validate()] == [Severity.WARNING]
    planned = one.plan()
    assert told(list(planned.diagnostics)) == ["orchestrator/dev: a policy forbids it"]
    assert not one.apply(planned).failed


def test_what_is_forbidden_is_planned_and_neither_applied_nor_saved(tmp_path: Path) -> None:
    one = project(tmp_path, {"require": False, "match": {"type": "orchestrator"}})
    planned = one.plan()
    assert planned.is_forbidden
    assert planned.plan.summary["create"] == 3
    for refused in (lambda: one.apply(planned), lambda: one.save_plan(planned, tmp_path / "plan")):
        with pytest.raises(StackspecError, match="a policy forbids it"):
            refused()
    assert not (tmp_path / "plan").exists()
    assert one.store("default").read().is_empty


def test_an_output_is_judged_once_it_is_known(tmp_path: Path) -> None:
    asked = {"match": {"flavor": "artifact"}, "require": {"properties": {"config": {"properties": {"uri": False}}}}}
    known = {"properties": {"config": {"properties": {"uri": {"pattern": "^s3://"}}}}}
    first = project(tmp_path, {**asked, "require": known})
    assert told(first.validate()) == []
    assert not first.apply(first.plan()).failed
    again = first.reopened()
    assert told(again.validate()) == []
    assert told(list(again.plan().diagnostics)) == ["log_store/dev: it is not as a policy requires"]


ACTIONS: dict[str, tuple[str, list[str]]] = {
    "create": ("", ["artifact_store/dev", "log_store/dev"]),
    "replace": (STACK.replace("./a", "./b"), ["artifact_store/dev", "log_store/dev"]),
    "delete": (STACK[: STACK.index("    log_store")], ["log_store/dev"]),
    "update": (STACK.replace("./a}", "./a, delete_data: true}"), ["artifact_store/dev"]),
    "suspend": (STACK + "  run_state: suspended\n", []),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_what_a_plan_does(action: str, tmp_path: Path) -> None:
    after, addresses = ACTIONS[action]
    if after:
        before = project(tmp_path)
        assert not before.apply(before.plan()).failed
    policy = {"match": {"type": "*_store", "action": ["resume", action]}, "require": False, "message": "no"}
    planned = project(tmp_path, policy, stack=after or STACK).plan()
    expected = [f"{one} would be {action.removesuffix('e')}ed: no" for one in addresses]
    assert sorted(told(list(planned.diagnostics))) == expected
    others = project(tmp_path, {**policy, "match": {"action": "forget"}}, stack=after or STACK).plan()
    assert told(list(others.diagnostics)) == []


def test_a_destroy_is_judged_by_what_it_does_alone(tmp_path: Path) -> None:
    from stackspec.plan.request import Request
    from stackspec.plan.selection import Selection

    before = project(tmp_path)
    assert not before.apply(before.plan()).failed
    of_components = {"match": {"type": "orchestrator"}, "require": False}
    of_actions = {"match": {"type": "log_store", "action": "delete"}, "require": False}
    planned = project(tmp_path, of_components, of_actions).plan(None, Request(Selection(destroy=True)))
    assert told(list(planned.diagnostics)) == ["log_store/dev would be deleted: a policy forbids it"]


def test_the_names_of_actions_are_those_of_plans() -> None:
    assert set(_ACTIONS) == {action.value for action in Action if action is not Action.NO_OP}


def test_the_vocabulary_is_that_of_json_schema() -> None:
    Draft202012Validator.check_schema(REQUIREMENT)
    vocabularies = (
        SPECIFICATIONS[f"https://json-schema.org/draft/2020-12/meta/{name}"].contents["properties"]
        for name in ("applicator", "validation", "meta-data", "core")
    )
    known = {keyword for found in vocabularies for keyword in found}
    for part in REQUIREMENT["$defs"].values():
        assert part["properties"].keys() <= known


TEXT = st.sampled_from([*FIELDS, "owner", "x"])
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.fixed_dictionaries({}, optional={"const": TEXT, "enum": st.lists(TEXT, min_size=1)}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from([*FIELDS]), inner, max_size=3),
            "required": st.lists(st.sampled_from([*FIELDS]), max_size=3),
            "allOf": st.lists(inner, min_size=1, max_size=3),
            "not": inner,
            "if": inner,
            "items": inner,
        },
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_what_is_taken_is_a_schema(requirement: Any) -> None:
    if not list(wrong(requirement)):
        Draft202012Validator.check_schema(requirement)
        PolicySpec.from_value({"require": requirement})


def test_no_expression_takes_for_ever(tmp_path: Path) -> None:
    patterns = {"properties": {"name": {"pattern": "^(a+)+$"}}}
    stack = STACK.replace("name: dev", f"name: {'a' * 60}b")
    assert told(project(tmp_path, {"require": patterns}, stack=stack).validate())


SLIPS = {
    "environment": "protectd",
    "lifecycle": "prevent_destory",
    "timeouts": "provison",
    "change": "actin",
}


@pytest.mark.parametrize("field", SLIPS)
def test_a_slip_in_a_part_whose_keys_are_known_is_an_error(field: str, tmp_path: Path) -> None:
    match = {"action": "create"} if field == "change" else {}
    for part in ({"properties": {SLIPS[field]: {"const": 1}}}, {"required": [SLIPS[field]]}):
        found = project(tmp_path, {"match": match, "require": {"properties": {field: part}}}).validate()
        assert [one.code for one in found] == ["SS1102"]


@pytest.mark.parametrize("requirement", [{"properties": {"change": False}}, {"required": ["change"]}])
def test_there_is_a_change_only_where_a_plan_makes_one(requirement: dict[str, Any], tmp_path: Path) -> None:
    (found,) = project(tmp_path, {"require": requirement}).validate()
    assert (found.code, "action" in (found.hint or "")) == ("SS1102", True)


def test_the_projects_policies_count_where_manifests_are_given_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, {"match": {"type": "orchestrator"}, "require": False})
    monkeypatch.chdir(tmp_path)
    given = Project.open(tmp_path, ["stacks/dev.yaml"])
    assert told(given.validate()) == ["orchestrator/dev: a policy forbids it"]
    planned = given.plan()
    assert planned.is_forbidden
    with pytest.raises(StackspecError, match="a policy forbids it"):
        given.apply(planned)
