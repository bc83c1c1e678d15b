"""The order of keys: a manifest's own, its fields as the records of `manifest/model.py`, a config's as its flavor's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from stackspec.core.fields import Fields, Schema, json_schema
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.format.tree import Collection, Entry, Node, Scalar
from stackspec.manifest.model import API_VERSION, KINDS, ComponentReference, InlineComponent, Metadata

ConfigSchema = Callable[[str, str], Schema | None]
"""Component type and flavor to the schema of its config; None where the flavor is not known."""

_ENVELOPE = ("apiVersion", "kind", "metadata", "spec")


def put_in_order(root: Node, config_schema: ConfigSchema) -> None:
    """Sort the keys of a manifest, of any other document none; keys that are not known stay, behind the rest."""
    kind = _text(root, "kind")
    if kind not in KINDS or not isinstance(root, Collection) or _text(root, "apiVersion") != API_VERSION:
        return
    assert kind is not None
    _sort(root, _ENVELOPE)
    _by_schema(root.get("metadata"), _schema(Metadata))
    spec = root.get("spec")
    if kind == "Component":
        _component(spec, _text(spec, "type"), _schema(KINDS[kind]), config_schema)
        return
    _by_schema(spec, _schema(KINDS[kind]))
    components = spec.get("components") if kind == "Stack" and isinstance(spec, Collection) else None
    if isinstance(components, Collection) and components.mapping:
        _sort(components, tuple(COMPONENT_TYPES))
        for slot in components.entries:
            of_type = slot.key.value if slot.key is not None else None
            for one in _each(slot.value):
                record = ComponentReference if isinstance(one, Collection) and one.get("ref") else InlineComponent
                _component(one, of_type, _schema(record), config_schema)


def _component(node: Node | None, of_type: str | None, schema: Schema, config_schema: ConfigSchema) -> None:
    _by_schema(node, schema)
    flavor = _text(node, "flavor")
    if isinstance(node, Collection) and of_type is not None and flavor is not None:
        _by_schema(node.get("config"), config_schema(of_type, flavor) or {})


def _schema(record: type[Fields]) -> Schema:
    """A record's schema, its own fields before those that it shares with others: what it is before how."""
    if record not in _SCHEMAS:
        _SCHEMAS[record] = _own_first(record)
    return _SCHEMAS[record]


_SCHEMAS: dict[type[Fields], Schema] = {}


def _own_first(record: type[Fields]) -> Schema:
    schema = json_schema(record)
    own = [name for name in schema["properties"] if name in vars(record).get("__annotations__", {})]
    names = [*own, *(name for name in schema["properties"] if name not in own)]
    return {**schema, "properties": {name: schema["properties"][name] for name in names}}


def _by_schema(node: Node | None, schema: Mapping[str, Any]) -> None:
    """Sort a mapping's keys as a schema lists them, and those of what is in it."""
    for one in _each(node):
        if not isinstance(one, Collection) or not one.mapping:
            continue
        properties = _properties(schema)
        _sort(one, tuple(properties))
        for entry in one.entries:
            if entry.key is not None and isinstance(entry.value, Collection):
                _by_schema(entry.value, properties.get(entry.key.value, schema.get("additionalProperties")) or {})


def _properties(schema: Any) -> Mapping[str, Any]:
    """The fields that a schema knows: its own, its items', else the first that one of its alternatives has."""
    if not isinstance(schema, Mapping):
        return {}
    if "properties" in schema:
        found: Mapping[str, Any] = schema["properties"]
        return found
    if "items" in schema:
        return _properties(schema["items"])
    alternatives = (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ()))
    return next(filter(None, map(_properties, alternatives)), {})


def _sort(mapping: Collection, names: Sequence[str]) -> None:
    places = {name: place for place, name in enumerate(names)}

    def place(entry: Entry) -> int:
        return places.get(entry.key.value, len(places)) if entry.key is not None else 0

    mapping.entries.sort(key=place)


def _each(node: Node | None) -> Iterable[Node]:
    """A value, or the items of a list."""
    if isinstance(node, Collection) and not node.mapping:
        return [entry.value for entry in node.entries]
    return [node] if node is not None else []


def _text(node: Node | None, name: str) -> str | None:
    value = node.get(name) if isinstance(node, Collection) and node.mapping else None
    return value.value if isinstance(value, Scalar) else None
