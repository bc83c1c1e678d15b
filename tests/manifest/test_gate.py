"""The compiled gate and jsonschema have one meaning: random mutants of valid values, judged by both."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from stackspec.core.fields import json_schema
from stackspec.flavors.registry import Registry
from stackspec.manifest.model import KINDS, InlineComponent
from stackspec.manifest.schema import Checker, envelope

MUTANTS = 400
JUNK: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    1.0,
    0.5,
    2**63,
    -(2**64),
    10**18,
    1e300,
    "",
    " ",
    "a",
    "A b",
    "x" * 300,
    "é",
    "{{ x }}",
]
JUNK += [
    "dev\n",
    "5m",
    "5m\n",
    "0s",
    "a/b",
    "/",
    "../x",
    "a?b",
    "local",
    "running",
    "ghcr.io/acme",
    [],
    {},
    [None],
    [[]],
    ["a"],
]
JUNK += [{"a": 1}, {"": ""}, "\U0001f600" * 64, "config.x", "_A", "٣m"]
KEYS = ["", "name", "flavor", "path", "config", "x", "1a", "secrets", "é", "ref", "type", "spec"]

SCHEMAS = {
    **{kind: envelope(kind) for kind in KINDS},
    "slot": json_schema(InlineComponent),
    **{f"{spec.type}/{spec.flavor}": spec.schema for spec in Registry().all_specs()},
}


def _anchored(schema: Any) -> Any:
    """The schema for Python's `re`, whose `$` also matches before a final newline."""
    if isinstance(schema, dict):
        return {
            key: re.sub(r"\$(?=\)*\Z)", r"\\Z", item) if key == "pattern" and isinstance(item, str) else _anchored(item)
            for key, item in schema.items()
        }
    return [_anchored(item) for item in schema] if isinstance(schema, list) else schema


def _example(schema: dict[str, Any], random_: random.Random) -> Any:
    """A value that the schema was probably meant for."""
    for key in ("const", "default"):
        if key in schema and random_.random() < 0.8:
            return schema[key]
    if "enum" in schema:
        return random_.choice(schema["enum"])
    if schema.get("examples"):
        return random_.choice(schema["examples"])
    kinds = schema.get("type", "string")
    kind = random_.choice(kinds) if isinstance(kinds, list) else kinds
    if kind == "object":
        properties = schema.get("properties", {})
        wanted = [name for name in properties if name in schema.get("required", ()) or random_.random() < 0.5]
        # A mapping whose keys are anybody's is not empty where it must not be.
        more = {"key": _example(schema["additionalProperties"], random_)} if schema.get("minProperties") else {}
        return {name: _example(properties[name], random_) for name in wanted} | more
    if kind == "array":
        return [_example(schema.get("items", {}), random_) for _ in range(random_.randrange(3))]
    texts = ["dev", "5m", "artifact_store/dev", "config.path", "A_B", "/srv", "0123456789abcdef01234567"]
    return {"integer": random_.randrange(100), "number": 1.5, "boolean": True, "null": None}.get(
        kind, random_.choice(texts)
    )


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(item)


def _junk(random_: random.Random) -> Any:
    return copy.deepcopy(random_.choice(JUNK))


def _mutant(value: Any, random_: random.Random) -> Any:
    value = json.loads(json.dumps(value))
    for _ in range(random_.randrange(3)):
        places = list(_places(value))
        if not places or random_.random() < 0.05:
            return _junk(random_)
        parent, key = random_.choice(places)
        match random_.randrange(4):
            case 0 if isinstance(parent, dict):
                del parent[key]
            case 1 if isinstance(parent, dict):
                parent[random_.choice(KEYS)] = _junk(random_)
            case 2 if isinstance(parent[key], list):
                parent[key].append(_junk(random_))
            case _:
                parent[key] = _junk(random_)
    return value


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_the_checker_accepts_is_what_jsonschema_accepts(name: str) -> None:
    schema, random_ = SCHEMAS[name], random.Random(name)
    checker, reference = Checker(schema), Draft202012Validator(_anchored(schema))
    accepted = 0
    for _ in range(MUTANTS):
        value = _mutant(_example(schema, random_), random_)
        expected = reference.is_valid(value)
        assert (checker.check(value) == []) is expected, json.dumps(value)
        accepted += expected
    assert 0.01 < accepted / MUTANTS < 0.95


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid_and_keep_to_keywords_that_both_read_alike(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    text = json.dumps(SCHEMAS[name])
    assert "multipleOf" not in text
    assert "\\\\d" not in text
    assert "prefixItems" not in text
    assert "$ref" not in text


def test_problems_never_hold_the_value() -> None:
    problems = Checker(SCHEMAS["slot"]).check({"flavor": ["hunter2"], "config": "hunter2", "name": "hunter2!"})
    assert len(problems) == 3
    assert "hunter2" not in repr([(one.message, one.hint) for one in problems])


def test_patterns_end_where_the_text_ends() -> None:
    (problem,) = Checker(SCHEMAS["slot"]).check({"flavor": "local", "name": "dev\n"})
    assert (problem.code, problem.path) == ("SS0206", ("name",))
