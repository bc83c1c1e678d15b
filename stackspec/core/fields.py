"""Typed fields that describe themselves: one declaration is the Python type, its JSON Schema and its documentation.

    class Config(Fields):
        \"\"\"A directory.\"\"\"
        path: str = setting("Where it is.", path=True, requires_replacement=True)
        delete_data: bool = setting("Whether …", default=False)

A field whose name Python keeps for itself is declared with a trailing underscore, which is no part of its name.

A subclass of `Fields` is frozen and takes its fields by keyword. It is no dataclass: making one compiles its methods,
which would be a fifth of the time a command takes to start.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from inspect import cleandoc
from typing import (
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Self,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

Schema = dict[str, Any]
"""A JSON Schema, draft 2020-12."""

_REQUIRED: Any = object()
"""The default of a field that has none."""


class Setting(NamedTuple):
    """What is known of a field beside its type; `keywords` are JSON Schema's, `schema` stands for the type's own."""

    description: str
    default: Any
    requires_replacement: bool
    sensitive: bool
    path: bool
    keywords: Mapping[str, Any]
    schema: Schema | None


def setting(
    description: str,
    *,
    default: Any = _REQUIRED,
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
    keywords = {
        "pattern": pattern,
        "minimum": minimum,
        "maximum": maximum,
        "minItems": min_items,
        "minLength": min_length,
        "maxLength": max_length,
        "examples": examples,
    }
    given = {name: value for name, value in keywords.items() if value is not None}
    return Setting(description, default, requires_replacement, sensitive, path, given, schema)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(setting,))
class Fields:
    """The parent of every self-describing record."""

    __settings__: ClassVar[Mapping[str, Setting]] = {}
    """Field to what was declared of it, the parents' fields first."""

    def __init_subclass__(cls) -> None:
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Setting)}
        for name in own:
            delattr(cls, name)
        inherited = (vars(one).get("__settings__", {}) for one in reversed(cls.__mro__))
        cls.__settings__ = {name: one for found in (*inherited, own) for name, one in found.items()}

    def __init__(self, **values: Any) -> None:
        for name, one in self.__settings__.items():
            if name not in values and one.default is _REQUIRED:
                raise TypeError(f"{type(self).__name__} needs '{name}'")
            vars(self)[name] = values.pop(name, one.default)
        if values:
            raise TypeError(f"{type(self).__name__} has no field '{next(iter(values))}'")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: '{name}' cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: '{name}' cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in vars(self).items() if not self.__settings__[name].sensitive)
        return f"{type(self).__name__}({', '.join(shown)})"

    def replaced(self, **values: Any) -> Self:
        """The record with other values in the fields named."""
        return type(self)(**{**vars(self), **values})

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
    return frozenset(name for name, one in cls.__settings__.items() if getattr(one, mark))


def defaults_of(cls: type[Fields]) -> dict[str, Any]:
    """Field to default, for the fields that have one; records become mappings."""
    return {name: plain(one.default) for name, one in cls.__settings__.items() if one.default is not _REQUIRED}


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
    for name, one in cls.__settings__.items():
        schema: Schema = {**(one.schema or _schema_of(hints[name])), **one.keywords, "description": one.description}
        name = name.rstrip("_")
        if one.default is _REQUIRED:
            required.append(name)
        else:
            schema["default"] = plain(one.default)
        if one.sensitive:
            schema["writeOnly"] = True
        properties[name] = schema
    document: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        document["required"] = required
    if cls.__doc__:
        document["description"] = cleandoc(cls.__doc__)
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
