"""Words of a command line as values of manifests: `FIELD=VALUE` and `TYPE=COMPONENT`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stackspec.core.address import FieldPath, parse_path
from stackspec.core.diagnostic import StackspecError, did_you_mean, has_errors
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.plugins import PluginError
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.parse import parse
from stackspec.manifest.text import SourceText


def assignments(words: Iterable[str], what: str) -> list[tuple[str, str]]:
    """The two sides of each word.

    Raises:
        StackspecError: one has no `=`.
    """
    found = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise StackspecError.of(
                "SS0901", f"'{name[:80]}' is not {what}", hint="write it with a '=', without spaces"
            )
        found.append((name, value))
    return found


def component_type(word: str) -> str:
    """A component type, which may be written with dashes.

    Raises:
        StackspecError: there is none of that name.
    """
    name = word.replace("-", "_")
    if name not in COMPONENT_TYPES:
        hint = did_you_mean(name, COMPONENT_TYPES)
        raise StackspecError.of("SS0207", f"unknown component type '{word[:80]}'", hint=hint)
    return name


def flavor_spec(registry: Registry, component_type: str, flavor: object) -> FlavorSpec:
    """The spec of a flavor.

    Raises:
        StackspecError: there is none of this name, or it cannot be used.
    """
    try:
        return registry.spec(component_type, str(flavor))
    except KeyError:
        hint = did_you_mean(str(flavor), registry.flavors_of(component_type))
        raise StackspecError.of("SS0208", f"{component_type} has no flavor '{flavor}'", hint=hint) from None
    except PluginError as error:
        raise StackspecError.of("SS0211", error.message, hint=error.hint) from error


def settings(words: Iterable[str], spec: FlavorSpec) -> list[tuple[FieldPath, Any]]:
    """Field paths of a config and their values, read as YAML; text where the field takes nothing else.

    Raises:
        StackspecError: a word is no such pair, names no field, or would tell a secret.
    """
    found = []
    for name, text in assignments(words, "FIELD=VALUE"):
        path = field_path(name, spec)
        if path[0] in spec.sensitive and "{{" not in text:
            message = f"'{name}' is a secret, and others can read command lines"
            hint = "keep it in a secret store, and write '{{ secrets.NAME.KEY }}' here"
            raise StackspecError.of("SS0808", message, hint=hint)
        schema = spec.schema["properties"][path[0]] if len(path) == 1 else {}
        found.append((path, _value(text, schema)))
    return found


def field_path(name: str, spec: FlavorSpec) -> FieldPath:
    """A path into a config.

    Raises:
        StackspecError: it is none, or its first step is no field of the flavor.
    """
    fields = spec.schema["properties"]
    try:
        path = parse_path(name)
    except ValueError:
        path = ("",)
    if path[0] not in fields:
        hint = did_you_mean(name, fields)
        raise StackspecError.of("SS0203", f"{spec.type} {spec.flavor} has no field '{name[:80]}'", hint=hint)
    return path


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    documents, problems = parse(SourceText("", text))
    value = text if has_errors(problems) or len(documents) != 1 else documents[0].value
    kinds = schema.get("type", ())
    takes_text = "string" in ([kinds] if isinstance(kinds, str) else kinds)
    if takes_text and not isinstance(value, str) and not (value is None and "null" in kinds):
        return text
    return value
