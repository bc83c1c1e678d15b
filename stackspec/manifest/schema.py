"""JSON Schema to diagnostics: a compiled validator accepts, jsonschema explains what it refuses.

What the compiled gate accepts is accepted. What it refuses is decided and explained by jsonschema, so a gate that is
too strict costs time and never correctness. Messages are our own: jsonschema's contain the value at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stackspec.core.address import FieldPath, format_path
from stackspec.core.diagnostic import did_you_mean, nearest
from stackspec.core.fields import Fields, Schema, json_schema
from stackspec.core.frozen import dataclass
from stackspec.core.values import Value, canonical
from stackspec.manifest.model import API_VERSION, KINDS, Metadata
from stackspec.manifest.state_settings import backends_with

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

    from stackspec.flavors.contract import FlavorSpec


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a value, by its path; the owner of the file adds the place."""

    code: str
    message: str
    path: FieldPath
    key: bool = False
    """Whether the key is at fault rather than the value."""
    hint: str | None = None


class Checker:
    """One schema, compiled when it is first used."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    @cached_property
    def _gate(self) -> Callable[[Value], bool]:
        import jsonschema_rs

        return jsonschema_rs.Draft202012Validator(self.schema).is_valid

    @cached_property
    def _explainer(self) -> Any:
        return _explainer(self.schema)

    def check(self, value: Value) -> list[Problem]:
        """Every problem of a value, none if it satisfies the schema."""
        return [] if self._passes(value) else list(dict.fromkeys(self._explain(value)))

    def accepts(self, value: Value) -> bool:
        """Whether a value satisfies the schema."""
        return self._passes(value) or bool(self._explainer.is_valid(value))

    def _passes(self, value: Value) -> bool:
        try:
            return self._gate(value)
        except ValueError:
            return False  # what the gate cannot take, such as an integer past 64 bits: jsonschema decides

    def _explain(self, value: Value) -> Iterator[Problem]:
        for error in sorted(
            self._explainer.iter_errors(value), key=lambda one: [str(step) for step in one.absolute_path]
        ):
            yield from _problems(error)


class ConfigCheckers:
    """The checkers of flavors' configs, each made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Checker] = {}

    def of(self, spec: FlavorSpec) -> Checker:
        """The checker of a flavor's config."""
        key = (spec.type, spec.flavor)
        if key not in self._made:
            self._made[key] = Checker(spec.schema)
        return self._made[key]


def envelope(kind: str) -> Schema:
    """The schema of a whole manifest of a kind, configs and a stack's components left open."""
    spec = json_schema(KINDS[kind])
    required = ["apiVersion", "kind"]
    if kind != "Project":
        required.append("metadata")
    if "required" in spec:
        required.append("spec")
    return {
        "type": "object",
        "properties": {
            "apiVersion": {"const": API_VERSION, "description": "The version of the manifest language."},
            "kind": {"const": kind, "description": "What the manifest declares."},
            "metadata": json_schema(Metadata),
            "spec": spec,
        },
        "required": required,
        "additionalProperties": False,
        "description": spec["description"],
    }


def checker_of(record: type[Fields]) -> Checker:
    """The checker of a record's schema."""
    return Checker(json_schema(record))


def _explainer(schema: Schema) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry

    def pattern(_validator: Any, wanted: str, instance: Any, _schema: Schema) -> Iterator[ValidationError]:
        from jsonschema.exceptions import ValidationError

        if isinstance(instance, str) and not _matches(wanted, instance):
            yield ValidationError("pattern")

    # An empty registry: jsonschema would otherwise fetch references from the network and the disk.
    build: Any = extend
    return build(Draft202012Validator, {"pattern": pattern})(schema, registry=Registry())


def _matches(pattern: str, text: str) -> bool:
    """Whether a pattern is in a text, by the gate's engine: its '$' is a schema's, and no pattern takes it for ever."""
    import jsonschema_rs

    try:
        return jsonschema_rs.Draft202012Validator({"pattern": pattern}).is_valid(text)
    except ValueError:
        return False  # a lone surrogate, which is in no text that a pattern is for


_TYPE_NAMES = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


def type_name(value: Value) -> str:
    """What a value is, in words: `text`, `a list` and so on."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a number"
    return "a mapping" if isinstance(value, Mapping) else "a list"


def _problems(error: ValidationError) -> Iterator[Problem]:
    path: FieldPath = tuple(error.absolute_path)
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    value: Any = error.instance
    wanted: Any = error.validator_value
    if "propertyNames" in error.absolute_schema_path:
        hint = _form(wanted, {})[1] if error.validator == "pattern" else None
        yield Problem(
            "SS0206", f"'{str(value)[:80]}' is not a key that {_field(path)} may have", (*path, value), True, hint
        )
        return
    match error.validator:
        case "additionalProperties":
            known = list(schema.get("properties", {}))
            for name in value:
                if name not in known:
                    yield _unknown_key(name, path, known, value)
        case "required":
            for name in wanted:
                if name not in value and not _misspelt(name, value, schema):
                    where = f" in '{format_path(path)}'" if path else ""
                    hint = _addition(name, schema.get("properties", {}).get(name, {}))
                    yield Problem("SS0204", f"missing key '{name}'{where}", path, True, hint)
        case "anyOf" if of_its_type := _of_its_type(error):
            for inner in of_its_type:
                yield from _problems(inner)
        case "not" if isinstance(wanted, Mapping) and wanted.keys() & {"enum", "const"}:
            yield Problem("SS0206", f"{_field(path)} is one of the values that it may not have", path)
        case "anyOf" if _expected(schema) == _OF_NO_TYPE:
            yield Problem("SS0206", f"{_field(path)} meets none of the alternatives", path)
        case "type" | "anyOf":
            names = _expected(schema)
            if isinstance(value, str) and "{{" in value:
                yield _expression_here(path)
            else:
                message = f"{_field(path)} must be {names}, not {type_name(value)}"
                yield Problem("SS0205", message, path, False, _retyped(value, schema))
        case _ if (
            error.parent is None
            and isinstance(value, str)
            and "{{" in value
            and error.validator in ("pattern", "enum", "const")
        ):
            yield _expression_here(path)
        case "enum":
            hint = did_you_mean(str(value), [str(choice) for choice in wanted])
            yield Problem("SS0206", f"{_field(path)} is not one of the values it may have", path, False, hint)
        case "const" if path == ("apiVersion",):
            yield Problem("SS0202", f"unknown apiVersion '{str(value)[:80]}'", path, False, f"write {wanted}")
        case "const":
            text = f"'{wanted}'" if isinstance(wanted, str) else canonical(wanted)
            yield Problem("SS0206", f"{_field(path)} must be {text}", path)
        case "pattern":
            noun, hint = _form(wanted, schema)
            yield Problem("SS0206", f"{_field(path)} is not a valid {noun}", path, False, hint)
        case "minLength" if wanted == 1:
            yield Problem("SS0206", f"{_field(path)} must not be empty", path)
        case "minItems" | "minProperties" if wanted == 1:
            yield Problem("SS0206", f"{_field(path)} must not be empty", path, False, schema.get("description"))
        case ("minLength" | "minItems" | "minProperties" | "maxLength" | "maxItems" | "maxProperties") as limit:
            allowed = "must have at least" if limit.startswith("min") else "may have at most"
            yield Problem("SS0206", f"{_field(path)} {allowed} {wanted} {_COUNTED[limit[3:]]}", path)
        case "minimum" | "maximum":
            bound = "at least" if error.validator == "minimum" else "at most"
            yield Problem("SS0206", f"{_field(path)} must be {bound} {wanted}", path)
        case other:
            yield Problem("SS0206", f"{_field(path)} does not satisfy '{other}'", path)


def _of_its_type(error: ValidationError) -> list[ValidationError]:
    """What is wrong by the one alternative whose type the value has; nothing where there is no such one."""
    # An alternative that is `false` is of no type, and has no path.
    inner = [one for one in error.context or () if one.schema_path]
    of_another_type = {one.schema_path[0] for one in inner if one.validator == "type" and not one.path}
    left = [one for one in inner if one.schema_path[0] not in of_another_type]
    return left if len({one.schema_path[0] for one in left}) == 1 else []


_OF_NO_TYPE = "something else"
_COUNTED = {"Length": "characters", "Items": "items", "Properties": "keys"}


def _addition(name: str, schema: Mapping[str, Any]) -> str | None:
    """How a key that is missing is written, else what it means."""
    if "const" in schema:
        return f"add '{name}: {schema['const']}'"
    if "required" in schema:
        inside = ", ".join(f"{key}: …" for key in schema["required"])
        return f"add '{name}: {{{inside}}}'"
    return f"{name}: {schema['description']}" if "description" in schema else None


def _misspelt(name: str, value: Mapping[str, Value], schema: Mapping[str, Any]) -> bool:
    """Whether a key that is missing stands there in another spelling, which is reported as unknown."""
    known = schema.get("properties", {})
    return any(
        nearest(other, [one for one in known if one not in value]) == name for other in value if other not in known
    )


def _field(path: FieldPath) -> str:
    return f"'{format_path(path)}'" if path else "the document"


def _unknown_key(name: str, path: FieldPath, known: Sequence[str], siblings: Mapping[str, Value]) -> Problem:
    free = [candidate for candidate in known if candidate not in siblings] or known
    where = f" in '{format_path(path)}'" if path else ""
    hint = did_you_mean(name, free)
    if path == ("spec", "state") and (backends := backends_with(name)):
        hint = f"it is a setting of the backend{'' if len(backends) == 1 else 's'} {' and '.join(backends)}"
    return Problem("SS0203", f"unknown key '{name[:80]}'{where}", (*path, name), True, hint)


def _expression_here(path: FieldPath) -> Problem:
    return Problem("SS0305", f"{_field(path)} cannot be an expression", path, False, "write the value out")


def _expected(schema: Mapping[str, Any]) -> str:
    alternatives = [schema] if "type" in schema else schema.get("anyOf", [])
    names: list[str] = []
    for alternative in alternatives:
        kinds = alternative.get("type", []) if isinstance(alternative, Mapping) else []
        names += [_TYPE_NAMES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    names = [name for name in dict.fromkeys(names) if name != "null" or len(names) == 1] or [_OF_NO_TYPE]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def _retyped(value: Value, schema: Mapping[str, Any]) -> str | None:
    """How a value of the wrong type is written in the right one, where that is plain."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "string" in kinds and isinstance(value, int | float):
        if _is_duration(schema):
            return f"write {value}s for seconds, or with ms, m or h"
        return "put it in quotes to make it text"
    if "boolean" in kinds and isinstance(value, str) and value.lower() in _WERE_BOOLEAN:
        return "write true or false; in YAML 1.2 other words are text"
    if {"integer", "number"} & set(kinds) and isinstance(value, str) and value.isdecimal():
        return "remove the quotes to make it a number"
    if "array" in kinds and isinstance(value, str | int | float):
        return "put it in brackets to make it a list: […]"
    return None


def _is_duration(schema: Mapping[str, Any]) -> bool:
    from stackspec.manifest.model import DURATION_PATTERN

    return schema.get("pattern") == DURATION_PATTERN


_WERE_BOOLEAN = ("y", "yes", "n", "no", "on", "off", "true", "false")


def _form(pattern: str, schema: Mapping[str, Any]) -> tuple[str, str]:
    """What a pattern stands for, as a noun, and how such a value is written."""
    from stackspec.core.address import NAME_PATTERN
    from stackspec.manifest.model import (
        ADDRESS_PATTERN,
        CONFIG_PATH_PATTERN,
        DURATION_PATTERN,
        MODULE_PATTERN,
        VARIABLE_PATTERN,
    )

    known = {
        NAME_PATTERN: (
            "name",
            "a name has 1 to 63 of a-z, 0-9, '-' and '_', and begins and ends with a letter or digit",
        ),
        ADDRESS_PATTERN: ("address", "an address is type/name, like artifact_store/dev"),
        DURATION_PATTERN: ("duration", "a duration is a whole number with ms, s, m or h, like 90s"),
        VARIABLE_PATTERN: (
            "name of a variable",
            "a variable's name has letters, digits and '_', and does not begin with a digit",
        ),
        "^/": ("absolute path", "an absolute path begins with '/'"),
        MODULE_PATTERN: ("name of a Python module", "a module is named like acme_flavors or acme.flavors"),
        CONFIG_PATH_PATTERN: ("path inside config", "a path inside config is written like config.tags"),
    }
    if pattern in known:
        return known[pattern]
    if examples := schema.get("examples"):
        return "value", f"{schema.get('description', '')} Like: {', '.join(map(str, examples))}"
    return "value", f"it must match {pattern}"
