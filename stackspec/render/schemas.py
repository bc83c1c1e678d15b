"""The JSON Schemas as published: for editors, so every value may also be an expression, and flavors choose configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackspec.core.fields import Schema, json_schema
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.model import KINDS, ComponentReference, InlineComponent
from stackspec.manifest.schema import envelope

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_EXPRESSION: Schema = {"type": "string", "pattern": "\\{\\{", "description": "An expression: {{ … }}."}


def published_schemas(registry: Registry) -> dict[str, Schema]:
    """File name without `.schema.json` to the schema: `manifest`, each kind, and `flavors/TYPE/FLAVOR`."""
    schemas: dict[str, Schema] = {}
    for kind in KINDS:
        schemas[kind.lower()] = {"$schema": DRAFT, "title": kind, **_kind(kind, registry)}
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
    name = {"type": "string", "description": "The name of a shared Component."}
    one = [name, json_schema(ComponentReference), inline]
    kind = COMPONENT_TYPES[component_type]
    if kind.many:
        return {"description": kind.description, "anyOf": [*one, {"type": "array", "items": {"anyOf": one}}]}
    return {"description": kind.description, "anyOf": one}


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


def _chosen(spec: FlavorSpec) -> Schema:
    then: Schema = {"properties": {"config": tolerant(spec.schema)}}
    if spec.schema.get("required"):
        then["required"] = ["config"]
    return {"if": {"required": ["flavor"], "properties": {"flavor": {"const": spec.flavor}}}, "then": then}


def tolerant(schema: Schema) -> Schema:
    """The schema with an expression allowed in place of every value that is not any text already."""
    if "properties" in schema:
        return {**schema, "properties": {name: _leaf(inner) for name, inner in schema["properties"].items()}}
    return schema


def _leaf(schema: Mapping[str, Any]) -> Schema:
    constraints = set(schema) - {"type", "description", "default", "examples", "writeOnly"}
    kinds = schema.get("type")
    if not constraints and (kinds == "string" or (isinstance(kinds, list) and "string" in kinds)):
        return dict(schema)
    notes = {key: schema[key] for key in ("description", "default", "examples", "writeOnly") if key in schema}
    bare = {key: value for key, value in schema.items() if key not in notes}
    return {**notes, "anyOf": [tolerant(bare), _EXPRESSION]}
