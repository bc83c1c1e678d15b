"""Typed fields that describe themselves: one declaration is the Python type, its JSON Schema and its documentation.

    class Config(Fields):
        \"\"\"A directory.\"\"\"
        path: str = setting("Where it is.", path=True, requires_replacement=True)
        delete_data: bool = setting("Whether …", default=False)

A subclass of `Fields` is a frozen dataclass with keyword-only fields.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal, Self, Union, dataclass_transform, get_args, get_origin, get_type_hints

Schema = dict[str, Any]
"""A JSON Schema, draft 2020-12."""

_KEYWORDS = {
    "pattern": "pattern",
    "minimum": "minimum",
    "maximum": "maximum",
    "min_items": "minItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "examples": "examples",
}


def setting(
    description: str,
    *,
    default: Any = MISSING,
    requires_replacement: bool = False,
    sensitive: bool = False,
    path: bool = False,
    pattern: str | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
    min_items: int | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    examples: Sequence[Any] | None = None,
    schema: Schema | None = None,
) -> Any:
    """Declare a field.

    Args:
        description: What the field means, for the schema and the documentation.
        default: Its value when absent; without one the field is required.
        requires_replacement: A change cannot be made in place.
        sensitive: The value is never shown.
        path: A file or folder: relative to the project's root, or absolute under one of its `allowed_paths`.
        pattern: A linear regular expression, anchored by the author.
        schema: The JSON Schema to use instead of the one of the field's type.
    """
    limits = {name: value for name, value in locals().items() if name in _KEYWORDS and value is not None}
    metadata = {
        "description": description,
        "requires_replacement": requires_replacement,
        "sensitive": sensitive,
        "path": path,
        "keywords": {_KEYWORDS[name]: value for name, value in limits.items()},
        "schema": schema,
    }
    if isinstance(default, dict | list):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(setting,))
class Fields:
    """The parent of every self-describing record."""

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True)(cls)

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> Self:
        """Build from a mapping that satisfies `json_schema(cls)`; absent fields take their defaults."""
        hints = _hints(cls)
        return cls(**{name: _convert(hints[name], item) for name, item in value.items()})


_HINTS: dict[type, dict[str, Any]] = {}


def _hints(cls: type) -> dict[str, Any]:
    if cls not in _HINTS:
        _HINTS[cls] = get_type_hints(cls)
    return _HINTS[cls]


def _convert(hint: Any, value: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, Fields) and isinstance(value, Mapping):
        return hint.from_value(value)
    origin = get_origin(hint)
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(get_args(hint)[0], item) for item in value)
    if origin in (Union, types.UnionType) and value is not None:
        alternatives = [alternative for alternative in get_args(hint) if alternative is not types.NoneType]
        return _convert(alternatives[0], value) if len(alternatives) == 1 else value
    if hint is float and isinstance(value, int):
        return float(value)
    return value


def settings_marked(cls: type[Fields], mark: Literal["requires_replacement", "sensitive", "path"]) -> frozenset[str]:
    """The names of the fields declared with a mark."""
    return frozenset(one.name for one in fields(cls) if one.metadata.get(mark))  # type: ignore[arg-type]


def defaults_of(cls: type[Fields]) -> dict[str, Any]:
    """Field to default, for the fields that have one; records become mappings."""
    found: dict[str, Any] = {}
    for one in fields(cls):  # type: ignore[arg-type]
        if one.default is not MISSING:
            found[one.name] = plain(one.default)
        elif one.default_factory is not MISSING:
            found[one.name] = plain(one.default_factory())
    return found


def plain(value: Any) -> Any:
    """A record, and the records inside it, as mappings and lists."""
    if isinstance(value, Fields):
        return {name: plain(item) for name, item in vars(value).items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def json_schema(cls: type[Fields]) -> Schema:
    """The strict JSON Schema of a record: closed, with descriptions and defaults."""
    hints, properties, required = _hints(cls), {}, []
    for one in fields(cls):  # type: ignore[arg-type]
        metadata = one.metadata
        schema: Schema = dict(metadata.get("schema") or _schema_of(hints[one.name]))
        schema.update(metadata.get("keywords", {}))
        schema["description"] = metadata.get("description", "")
        if one.name in (known := defaults_of(cls)):
            schema["default"] = known[one.name]
        else:
            required.append(one.name)
        if metadata.get("sensitive"):
            schema["writeOnly"] = True
        properties[one.name] = schema
    document: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        document["required"] = required
    if cls.__doc__:
        document["description"] = inspect.cleandoc(cls.__doc__)
    return document


_SCALARS: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}


def _schema_of(hint: Any) -> Schema:
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    if isinstance(hint, type) and issubclass(hint, Fields):
        return json_schema(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _schema_of(arguments[0])}
    if origin in (dict, Mapping) or hint in (dict, Mapping):
        return {"type": "object", "additionalProperties": _schema_of(arguments[1]) if arguments else True}
    if origin in (Union, types.UnionType):
        parts = [_schema_of(argument) for argument in arguments]
        if all(set(part) == {"type"} for part in parts):
            return {"type": [part["type"] for part in parts]}
        return {"anyOf": parts}
    if hint is Any:
        return {}
    raise TypeError(f"{hint!r} has no JSON Schema; give the field one by setting(schema=…)")
