"""Policies as their authors and those who meet them know them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema_specifications import REGISTRY as SPECIFICATIONS

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
from stackspec.manifest.model import _ACTIONS, PolicySpec
from stackspec.manifest.schema import Checker
from stackspec.plan.model import Action
from stackspec.plan.request import Request
from stackspec.plan.selection import Selection
from stackspec.policy.possible import may_be_met
from stackspec.policy.requirement import REQUIREMENT, wrong
from stackspec.policy.subject import FIELDS
from stackspec.project import Project
from stackspec.saved_plans import save_plan


def _enum(values: list[Any]) -> Any:
    return {"enum": values}


def _keyword(keyword: str, value: Any) -> Any:
    return {keyword: value}


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _paths(value: Any, path: FieldPath = ()) -> Iterator[FieldPath]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield from _paths(inner, (*path, step))


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
    for refused in (lambda: one.apply(planned), lambda: save_plan(one, planned, tmp_path / "plan")):
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
    if not list(wrong(requirement, of_actions=True)):
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


@pytest.mark.parametrize(
    "requirement",
    [
        {"properties": {"change": False}},
        {"required": ["change"]},
        {"allOf": [{"properties": {"change": {"required": ["fields"]}}}]},
        {"not": {"required": ["change"]}},
    ],
)
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


BROKEN: dict[str, str] = {
    "a key that there is not": "{match: {type: orchestrator}, require: false, levl: error}",
    "a level that there is not": "{match: {type: orchestrator}, require: false, level: eror}",
    "a slip in the requirement": "{match: {type: orchestrator}, require: {propertys: {}}}",
    "no YAML": "{match: {type: orchestrator",
}


@pytest.mark.parametrize("spec", BROKEN.values(), ids=list(BROKEN))
def test_a_policy_that_cannot_be_read_is_not_left_out(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where manifests are given by name, nor where a plan is of what was applied."""
    whole = project(tmp_path)
    assert not whole.apply(whole.plan()).failed
    head = "apiVersion: stackspec.dev/v1\nkind: Policy\nmetadata: {name: p}\nspec: "
    (tmp_path / "stacks" / "policies.yaml").write_text(head + spec)
    monkeypatch.chdir(tmp_path)
    given = Project.open(tmp_path, ["stacks/dev.yaml"])
    for plan in (
        given.plan,
        partial(whole.reopened().plan, request=Request(serial=whole.store("default").read().serial)),
        partial(whole.reopened().plan, request=Request(run_state="suspended")),
    ):
        with pytest.raises(StackspecError) as refused:
            plan()
        assert {one.source.file for one in refused.value.diagnostics if one.source} == {"stacks/policies.yaml"}
    (told_of, *_) = given.validate()
    assert told_of.severity is Severity.ERROR
    assert told_of.code == "SS1102" or "a policy may be in it" in told_of.notes[-1].message
    assert any(one.severity is Severity.ERROR for one in whole.reopened().validate())


def test_what_is_wrong_with_other_manifests_of_the_project_is_no_matter_of_a_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, {"match": {"type": "orchestrator"}, "require": False, "level": "warning"})
    (tmp_path / "stacks" / "other.yaml").write_text(STACK.replace("spec:", "sepc: {}\nspec:"))
    monkeypatch.chdir(tmp_path)
    assert not Project.open(tmp_path, ["stacks/dev.yaml"]).plan().is_forbidden


@pytest.mark.parametrize(
    ("after", "match"),
    [
        ("log_store: {flavor: local}", {"type": "log_store", "flavor": "artifact"}),
        ("log_store: {flavor: local}", {"type": "log_store", "flavor": "local"}),
        ("log_store: {flavor: local}", {"type": "log_store", "labels": {"tier": "gold"}}),
    ],
)
def test_what_goes_is_asked_about_as_well_as_what_comes(after: str, match: dict[str, Any], tmp_path: Path) -> None:
    first = project(tmp_path)
    assert not first.apply(first.plan()).failed
    text = STACK[: STACK.index("log_store")].replace("tier: gold", "tier: tin") + after + "\n"
    never = {"match": {**match, "action": "replace"}, "require": False, "message": "never"}
    planned = project(tmp_path, never, stack=text).plan()
    assert told(list(planned.diagnostics)) == ["log_store/dev would be replaced: never"]


def test_what_is_not_planned_is_judged_as_the_manifests_have_it(tmp_path: Path) -> None:
    first = project(tmp_path)
    assert not first.apply(first.plan()).failed
    asked = {"match": {"type": "artifact_store"}, "require": {"properties": {"config": {"required": ["path"]}}}}
    asked["require"]["properties"]["config"]["properties"] = {"path": {"const": "./b"}}  # type: ignore[index]
    after = project(tmp_path, asked, stack=STACK.replace("./a", "./b"))
    assert told(after.validate()) == []
    limited = Request(Selection(targets=(ComponentAddress("orchestrator", "dev"),)))
    assert not after.plan(request=limited).is_forbidden


@pytest.mark.parametrize(
    "requirement",
    [{"properties": ["a"]}, {"required": 5}, {"required": [[1]]}, {"required": [{"a": 1}]}, {"properties": 5}, [], 7],
    ids=str,
)
def test_a_requirement_of_any_form_has_a_diagnostic(requirement: Any, tmp_path: Path) -> None:
    found = project(tmp_path, {"require": requirement}).validate()
    assert found
    assert {one.code for one in found} <= {"SS1102", "SS0205"}


@pytest.mark.parametrize(
    ("match", "code", "severity"),
    [
        ({"flavor": "S3"}, "SS0208", Severity.WARNING),
        ({"type": "orchestrator", "flavor": ["local", "sqlite"]}, "SS0208", Severity.WARNING),
        ({"type": "artifact-*"}, "SS0207", Severity.ERROR),
        ({"type": ["artifact_store", "orchestratr"]}, "SS0207", Severity.ERROR),
    ],
    ids=str,
)
def test_a_match_that_nothing_can_fit_is_told(
    match: dict[str, Any], code: str, severity: Severity, tmp_path: Path
) -> None:
    one = project(tmp_path, {"match": match, "require": True})
    (found,) = one.validate()
    assert (found.code, found.severity) == (code, severity)
    if severity is Severity.WARNING:
        assert list(one.plan().diagnostics) == [found]


BESIDE_URI = {"prefix": "logs", "options": {}, "delete_data": False}
MAY_BE_MET: list[Any] = [
    {"anyOf": [{"properties": {"uri": {"pattern": "^s3://"}}}, {"required": ["bucket"]}]},
    {"not": {"properties": {"uri": {"type": "string", "minLength": 3}}}},
    {"oneOf": [{"properties": {"uri": {"pattern": "^s3://"}}}, {"required": ["bucket"]}]},
    {"enum": [{"uri": "s3://a"}, {"uri": "s3://b", **BESIDE_URI}]},
    {"const": {"uri": "s3://a", **BESIDE_URI}},
    {"if": {"properties": {"uri": {"pattern": "^s3:"}}}, "then": True, "else": False},
    {"if": {"properties": {"uri": {"pattern": "^s3:"}}}, "then": False},
    {"propertyNames": {"enum": ["uri", *BESIDE_URI]}, "minProperties": 1},
]
CANNOT_BE_MET: list[Any] = [
    {"properties": {"uri": {"not": {}}}},
    {"properties": {"uri": {"not": {"description": "anything"}}}},
    {"if": {"properties": {"uri": {"const": "a"}}}, "then": {"required": ["q"]}, "else": {"required": ["r"]}},
    {"anyOf": [{"properties": {"uri": False}}, {"required": ["bucket"]}]},
    {"not": {"required": ["uri"]}},
    {"enum": [{"bucket": "a"}]},
    {"const": {"uri": "a", "bucket": "b", **BESIDE_URI}},
    {"propertyNames": {"enum": ["uri"]}},
    {"maxProperties": 0},
]


@pytest.mark.parametrize("config", MAY_BE_MET, ids=str)
def test_what_may_be_met_once_more_is_known_is_not_refused(config: Any, tmp_path: Path) -> None:
    asked = {"match": {"flavor": "artifact"}, "require": {"properties": {"config": config}}}
    assert told(project(tmp_path, asked).validate()) == []


@pytest.mark.parametrize("config", CANNOT_BE_MET, ids=str)
def test_what_cannot_be_met_whatever_is_not_known_is_refused(config: Any, tmp_path: Path) -> None:
    asked = {"match": {"flavor": "artifact"}, "require": {"properties": {"config": config}}}
    assert told(project(tmp_path, asked).validate()) == ["log_store/dev: it is not as a policy requires"]


@pytest.mark.parametrize(
    ("requirement", "document", "unknown", "may"),
    [
        ({"not": {"uniqueItems": True}}, [{"a": 0}, {"a": "x"}], (0, "a"), True),
        ({"uniqueItems": True}, ["x", "x", 0], (2,), False),
        ({"contains": {"const": 1}, "maxContains": 1}, [1, 1, 0], (2,), False),
        ({"contains": {"const": 1}, "minContains": 2}, [1, 2, 0], (2,), True),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 0, "b": 0}, ("a",), False),
        ({"not": {"items": {}}}, [0], (0,), False),
    ],
)
def test_what_is_not_known_counts_as_anything(requirement: Any, document: Any, unknown: FieldPath, may: bool) -> None:
    assert may_be_met(requirement, document, frozenset([unknown])) is may


def test_what_is_nested_deeply_is_judged_in_time_as_its_text_is_long() -> None:
    requirement: Any = {"properties": {"a": {"const": 1}}}
    for _ in range(40):
        requirement = {"oneOf": [requirement, requirement], "if": requirement, "then": requirement}
    assert may_be_met(requirement, {"a": 0}, frozenset([("a",)]))


LEAVES = st.sampled_from([0, 1, "a", "bb", True, None])
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner), max_leaves=6
)
ASSERTIONS: st.SearchStrategy[Any] = st.sampled_from(
    [
        *({"type": one} for one in ("string", "integer", "object", "array", "null", "boolean")),
        *({"minLength": 2}, {"maximum": 0}, {"pattern": "^a"}, {"maxItems": 1}, {"uniqueItems": True}),
        *({"required": ["a"]}, {"minProperties": 2}, True, False),
    ]
)
REQUIREMENTS = st.recursive(
    ASSERTIONS | DOCUMENTS.map(lambda one: {"const": one}) | st.lists(DOCUMENTS, min_size=1, max_size=2).map(_enum),
    lambda inner: st.one_of(
        *(st.lists(inner, min_size=1, max_size=3).map(partial(_keyword, one)) for one in ("allOf", "anyOf", "oneOf")),
        *(inner.map(partial(_keyword, one)) for one in ("not", "items", "contains", "additionalProperties")),
        st.dictionaries(st.sampled_from("ab"), inner).map(partial(_keyword, "properties")),
        st.lists(inner, min_size=1, max_size=2).map(partial(_keyword, "prefixItems")),
        st.fixed_dictionaries({"if": inner, "then": inner, "else": inner}),
        st.fixed_dictionaries({"contains": inner, "minContains": st.integers(0, 2), "maxContains": st.integers(0, 2)}),
        st.tuples(inner, inner).filter(lambda both: all(map(_is_mapping, both))).map(lambda both: both[0] | both[1]),
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(REQUIREMENTS, DOCUMENTS, st.data())
def test_what_a_document_meets_it_may_meet_with_any_part_unknown(requirement: Any, document: Any, data: Any) -> None:
    paths = data.draw(st.lists(st.sampled_from([*_paths(document)]), max_size=3))
    if Draft202012Validator(requirement).is_valid(document):
        assert may_be_met(requirement, document, frozenset(paths))


@settings(max_examples=300)
@given(REQUIREMENTS, DOCUMENTS)
def test_what_is_known_meets_a_requirement_or_not_and_that_can_be_told(requirement: Any, document: Any) -> None:
    is_met = Draft202012Validator(requirement).is_valid(document)
    assert may_be_met(requirement, document, frozenset()) == is_met
    assert bool(Checker({"allOf": [requirement]}).check(document)) is not is_met
