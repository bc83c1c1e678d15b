"""What a policy may require: JSON Schema, without what could hide a mistake, reach elsewhere or never end.

A key that JSON Schema does not know means nothing there, and a misspelt requirement would be met by everything. So the
vocabulary is closed here. What is left out of draft 2020-12 (https://json-schema.org/draft/2020-12): references, which
could lead anywhere; `format`, which is a note; `patternProperties` and the `unevaluated…` ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from stackspec.core.fields import Schema
from stackspec.core.values import Value
from stackspec.manifest.model import LifecycleSpec, TimeoutsSpec
from stackspec.manifest.schema import Checker, Problem
from stackspec.policy.subject import FIELDS

_REFERENCES = ("$ref", "$dynamicRef")
_NO_REFERENCES = "write out what it refers to; an anchor of YAML saves writing it twice"
_ANY_SCHEMA: Schema = {"$ref": "#/$defs/schema"}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NAMES: Schema = {"type": "array", "items": {"type": "string"}}
_TYPES = ["string", "integer", "number", "boolean", "array", "object", "null"]
_KEYWORDS: Schema = {
    "title": {"type": "string"},
    "description": {"type": "string"},
    "$comment": {"type": "string"},
    "default": {},
    "examples": {"type": "array"},
    "type": {
        "anyOf": [{"type": "string", "enum": _TYPES}, {"type": "array", "items": {"enum": _TYPES}, "minItems": 1}]
    },
    "enum": {"type": "array", "minItems": 1},
    "const": {},
    "minimum": _NUMBER,
    "maximum": _NUMBER,
    "exclusiveMinimum": _NUMBER,
    "exclusiveMaximum": _NUMBER,
    "multipleOf": {"type": "integer", "minimum": 1},
    "minLength": _COUNT,
    "maxLength": _COUNT,
    "pattern": {"type": "string"},
    "items": _ANY_SCHEMA,
    "prefixItems": {"type": "array", "items": _ANY_SCHEMA, "minItems": 1},
    "contains": _ANY_SCHEMA,
    "minContains": _COUNT,
    "maxContains": _COUNT,
    "minItems": _COUNT,
    "maxItems": _COUNT,
    "uniqueItems": {"type": "boolean"},
    "properties": {"type": "object", "additionalProperties": _ANY_SCHEMA},
    "required": _NAMES,
    "additionalProperties": _ANY_SCHEMA,
    "propertyNames": _ANY_SCHEMA,
    "minProperties": _COUNT,
    "maxProperties": _COUNT,
    "dependentRequired": {"type": "object", "additionalProperties": _NAMES},
}


def _combined(of: Schema) -> Schema:
    """The keywords that combine schemas of the same value."""
    several: Schema = {"type": "array", "items": of, "minItems": 1}
    return {"allOf": several, "anyOf": several, "oneOf": several, "not": of, "if": of, "then": of, "else": of}


def _schema(keywords: Schema, of: Schema) -> Schema:
    return {"type": ["object", "boolean"], "properties": {**keywords, **_combined(of)}, "additionalProperties": False}


def _of(names: Iterable[str]) -> Schema:
    """The schema of a schema of a mapping with these keys and no others."""
    known: Schema = {"type": "object", "properties": dict.fromkeys(names, _ANY_SCHEMA), "additionalProperties": False}
    some = {"type": "array", "items": {"type": "string", "enum": list(names)}}
    return _schema({**_KEYWORDS, "properties": known, "required": some}, _ANY_SCHEMA)


_PARTS: Schema = {
    "environment": _of(["name", "protected"]),
    "lifecycle": _of(LifecycleSpec.__settings__),
    "timeouts": _of(TimeoutsSpec.__settings__),
    "change": _of(["action", "reason", "fields"]),
}
"""The fields that are mappings whose keys are known."""


def _requirement(fields: Iterable[str]) -> Schema:
    """The schema of what may be required of a component that has these fields."""
    known = {name: {**_PARTS.get(name, _ANY_SCHEMA), "description": FIELDS[name]} for name in fields}
    of_component: Schema = {
        "properties": {"type": "object", "properties": known, "additionalProperties": False},
        "required": {"type": "array", "items": {"type": "string", "enum": list(known)}},
    }
    return {
        "$ref": "#/$defs/component",
        "$defs": {
            "component": _schema({**_KEYWORDS, **of_component}, {"$ref": "#/$defs/component"}),
            "schema": _schema(_KEYWORDS, _ANY_SCHEMA),
        },
    }


REQUIREMENT = _requirement(FIELDS)
"""The schema of what a policy may require."""
_CHANGE = "change"
_NO_CHANGE = "say under 'match' by 'action' which plans it is about: there is a change only where a plan makes one"


@cache
def _checker(of_actions: bool) -> Checker:
    return Checker(REQUIREMENT if of_actions else _requirement(name for name in FIELDS if name != _CHANGE))


def wrong(requirement: Value, *, of_actions: bool) -> Iterator[Problem]:
    """What is wrong with what a policy requires.

    Args:
        of_actions: Whether it is about what plans do.
    """
    import jsonschema_rs

    problems = _checker(of_actions).check(requirement)
    for one in problems:
        yield replace(one, hint=_hint(one, requirement, of_actions=of_actions))
    if problems:
        return
    try:
        # Only expressions that take time in proportion to their text: whoever writes one is not always trusted.
        jsonschema_rs.Draft202012Validator(requirement, pattern_options=jsonschema_rs.RegexOptions())
    except (jsonschema_rs.ValidationError, ValueError) as error:
        path = tuple(getattr(error, "instance_path", ()))
        hint = "close what it opens, and write it without references back and without looking ahead or behind"
        yield Problem("SS0206", "it is no regular expression that can be used here", path, hint=hint)


def _hint(problem: Problem, requirement: Value, *, of_actions: bool) -> str | None:
    if problem.path and problem.path[-1] in _REFERENCES:
        return _NO_REFERENCES
    # That the other vocabulary has no fault there tells that it is what was meant.
    elsewhere = [] if of_actions else _checker(True).check(requirement)
    meant = not of_actions and all(one.path != problem.path for one in elsewhere)
    return _NO_CHANGE if meant else problem.hint
