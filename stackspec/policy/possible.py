"""Whether a value of which parts are not known yet may still meet a schema.

A part that is not known may be anything. So of a schema another one is made that is met by what may meet it, given a
mark in the place of each such part; and one that is met only by what is sure to, for what stands under `not`. The two
are made of each other, keyword by keyword, of the vocabulary that policies have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stackspec.core.address import FieldPath
from stackspec.core.fields import Schema
from stackspec.core.values import Value
from stackspec.manifest.schema import Checker

_MARK = "\0not known\0"
_IS_MARK: Schema = {"type": "string", "pattern": f"^{_MARK}"}
"""No text of a manifest has a NUL in it."""

_Make = Callable[[Any], Any]


def may_be_met(requirement: Schema | bool, document: Value, unknown: frozenset[FieldPath]) -> bool:
    """Whether a document may meet a requirement, whatever it has at some paths."""
    return Checker({"allOf": [_possible(requirement)]}).accepts(_marked(document, (), unknown))


def _marked(value: Value, path: FieldPath, unknown: frozenset[FieldPath]) -> Value:
    if path in unknown:
        return f"{_MARK}{len(path)} {path}"  # no two are the same: two values that are not known need not be
    if isinstance(value, Mapping):
        return {key: _marked(item, (*path, key), unknown) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item, (*path, index), unknown) for index, item in enumerate(value)]
    return value


def _possible(schema: Any) -> Any:
    """A schema that is met by what may meet another one."""
    return schema if isinstance(schema, bool) else {"anyOf": [_IS_MARK, _inside(schema, sure=False)]}


def _sure(schema: Any) -> Any:
    """A schema that is met by what meets another one whatever is not known."""
    return schema if isinstance(schema, bool) else {"not": _IS_MARK, "allOf": [_inside(schema, sure=True)]}


def _inside(schema: Mapping[str, Any], *, sure: bool) -> Schema:
    """A schema of a value that is known itself, though what is in it may not be."""
    so, other = (_sure, _possible) if sure else (_possible, _sure)
    made: Schema = {}
    also: list[Any] = []
    for keyword, value in schema.items():
        match keyword:
            case "additionalProperties" | "items":
                made[keyword] = so(value)
            case "allOf":
                also += map(so, value)
            case "anyOf" | "prefixItems":
                made[keyword] = [*map(so, value)]
            case "properties":
                made[keyword] = {name: so(one) for name, one in value.items()}
            case "const":
                also.append(_equal(value, sure=sure))
            case "enum":
                also.append({"anyOf": [_equal(one, sure=sure) for one in value]})
            case "not":
                also.append({"not": other(value)})
            case "oneOf":
                also.append({"anyOf": [_alone(index, value, so, other) for index in range(len(value))]})
            case "contains":
                also.append({"contains": so(value), "minContains": schema.get("minContains", 1)})
                if "maxContains" in schema:
                    also.append({"contains": other(value), "minContains": 0, "maxContains": schema["maxContains"]})
            case "if":
                also.append({"anyOf": [{"not": other(value)}, so(schema.get("then", True))]})
                also.append({"anyOf": [so(value), so(schema.get("else", True))]})
            case "then" | "else" | "minContains" | "maxContains":
                pass  # with what they belong to
            case "uniqueItems" if value and sure:
                made[keyword] = value
                also.append({"not": {"type": "array", "contains": _IS_MARK}})
            case _:
                made[keyword] = value
    return {**made, "allOf": also} if also else made


def _alone(index: int, among: Sequence[Any], so: _Make, other: _Make) -> Schema:
    """A schema of what meets one of several and none of the rest."""
    rest = [one for number, one in enumerate(among) if number != index]
    return {"allOf": [so(among[index]), *({"not": other(one)} for one in rest)]}


def _equal(value: Value, *, sure: bool) -> Schema:
    """A schema of what is equal to a value, part by part."""
    made: Schema
    if isinstance(value, Mapping):
        parts = {name: _equal(one, sure=sure) for name, one in value.items()}
        made = {"type": "object", "properties": parts, "required": [*parts], "additionalProperties": False}
    elif isinstance(value, list):
        items = [_equal(one, sure=sure) for one in value]
        made = {"type": "array", "minItems": len(value), "maxItems": len(value)}
        made |= {"prefixItems": items} if items else {}
    else:
        made = {"const": value}
    return made if sure else {"anyOf": [_IS_MARK, made]}
