"""The JSON Schemas as published: for editors, so every value may also be an expression, and flavors choose configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackspec.core.fields import Schema, json_schema
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.registry import Registry, of_any_type
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.model import KINDS, ComponentReference, InlineComponent
from stackspec.manifest.schema import envelope

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_WHOLE: Schema = {
    "type": "string",
    "pattern": "^\\{\\{(?!.*\\{\\{).*\\}\\}$",
    "description": "An expression: {{ … }}.",
}
"""A text that is one expression, and so may come to any value."""
_PARTLY: Schema = {"type": "string", "pattern": "\\{\\{", "description": "A text with an expression: {{ … }}."}
"""A text with expressions in it, which comes to a text at least."""


def published_schemas(registry: Registry) -> dict[str, Schema]:
    """File name without `.schema.json` to the schema: `manifest`, each kind, and `flavors/TYPE/FLAVOR`."""
    schemas: dict[str, Schema] = {}
    every = [registry.spec(kind, flavor) for kind in COMPONENT_TYPES for flavor in registry.flavors_of(kind)]
    configs = {"$defs": {_name(spec): tolerant(spec.schema) for spec in every}}
    for kind in KINDS:
        definitions = configs if kind in ("Stack", "Component") else {}
        schemas[kind.lower()] = {"$schema": DRAFT, "title": kind, **_kind(kind, registry), **definitions}
    schemas["manifest"] = {
        "$schema": DRAFT,
        "title": "A stackspec manifest",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {"kind": {"enum": list(KINDS), "description": "What the manifest declares."}},
        "allOf": [
            {"if": {"required": ["kind"], "properties": {"kind": {"const": kind}}}, "then": _kind(kind, registry)}
            for kind in KINDS
        ],
        **configs,
    }
    for spec in registry.all_specs():
        title = f"{spec.type} {spec.flavor}"
        schemas[f"flavors/{spec.type}/{spec.flavor}"] = {"$schema": DRAFT, "title": title, **tolerant(spec.schema)}
    return schemas


def _kind(kind: str, registry: Registry) -> Schema:
    document = envelope(kind)
    spec = dict(document["properties"]["spec"])
    if kind == "Stack":
        components = {name: _slot(name, registry) for name in COMPONENT_TYPES}
        described = {"description": spec["properties"]["components"]["description"]}
        spec["properties"] = {
            **spec["properties"],
            "components": {"type": "object", "properties": components, "additionalProperties": False, **described},
        }
    elif kind == "Component":
        of_type = {"enum": list(COMPONENT_TYPES), "description": "The component type."}
        spec["properties"] = {**spec["properties"], "type": of_type}
        spec["allOf"] = [
            {"if": {"required": ["type"], "properties": {"type": {"const": name}}}, "then": _flavored(name, registry)}
            for name in COMPONENT_TYPES
        ]
    return {**document, "properties": {**document["properties"], "spec": spec}}


def _slot(component_type: str, registry: Registry) -> Schema:
    inline = {**json_schema(InlineComponent), **_flavored(component_type, registry)}
    inline["properties"] = {
        **json_schema(InlineComponent)["properties"],
        **_flavored(component_type, registry)["properties"],
    }
    # Not `anyOf`: so what is wrong with a component is told at its place, and not that no alternative fits.
    name = {"type": "string", "description": "The name of a shared Component."}
    one = _either({"type": "string"}, name, _either({"required": ["ref"]}, json_schema(ComponentReference), inline))
    kind = COMPONENT_TYPES[component_type]
    if kind.many:
        one = _either({"type": "array"}, {"type": "array", "items": one}, one)
    return {"description": kind.description, **one}


def _either(condition: Schema, then: Schema, otherwise: Schema) -> Schema:
    return {"if": condition, "then": then, "else": otherwise}


def _flavored(component_type: str, registry: Registry) -> Schema:
    """The flavor's name as a choice, and its config once the flavor is chosen."""
    specs = [registry.spec(component_type, flavor) for flavor in registry.flavors_of(component_type)]
    return {
        "properties": {
            "flavor": {
                "enum": [spec.flavor for spec in specs],
                "description": "Which implementation of the component type.",
            }
        },
        **({"allOf": [_chosen(spec) for spec in specs]} if specs else {}),
    }


def _name(spec: FlavorSpec) -> str:
    """What a flavor's config is called among definitions; a flavor of any type has one for all types."""
    return spec.flavor if spec.flavor in of_any_type() else f"{spec.type}.{spec.flavor}"


def _chosen(spec: FlavorSpec) -> Schema:
    then: Schema = {"properties": {"config": {"$ref": f"#/$defs/{_name(spec)}"}}}
    if spec.schema.get("required"):
        then["required"] = ["config"]
    return {"if": {"required": ["flavor"], "properties": {"flavor": {"const": spec.flavor}}}, "then": then}


def tolerant(schema: Schema) -> Schema:
    """The schema with an expression allowed in place of every value in it that is not any text already."""
    changed = dict(schema)
    if "properties" in schema:
        changed["properties"] = {name: _leaf(inner) for name, inner in schema["properties"].items()}
    for inside in ("items", "additionalProperties"):
        if isinstance(schema.get(inside), Mapping):
            changed[inside] = _leaf(schema[inside])
    return changed


def _leaf(schema: Mapping[str, Any]) -> Schema:
    constraints = set(schema) - {"type", "description", "default", "examples", "writeOnly"}
    kinds = schema.get("type")
    text = kinds == "string" or (isinstance(kinds, list) and "string" in kinds)
    if not constraints and (text or not kinds):
        return dict(schema)
    notes = {key: schema[key] for key in ("description", "default", "examples", "writeOnly") if key in schema}
    bare = {key: value for key, value in schema.items() if key not in notes}
    return {**notes, "anyOf": [tolerant(bare), _PARTLY if text else _WHOLE]}
