"""Flavors for people and programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from stackspec.flavors.contract import Flavor, FlavorSpec, described
from stackspec.flavors.plugins import PluginError
from stackspec.flavors.registry import Registry
from stackspec.flavors.stack_rules import StackRule
from stackspec.render import FORMAT_VERSION
from stackspec.render.text import Style, aligned, safe

_KINDS = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "`true` or `false`",
    "array": "list",
    "object": "mapping",
    "null": "`null`",
}


def flavors_text(registry: Registry, names: Iterable[tuple[str, str]], style: Style) -> str:
    """One line a flavor."""
    rows = [("TYPE", "FLAVOR", "NEEDS", "DESCRIPTION")]
    for kind, flavor in names:
        cls = _class(registry, kind, flavor)
        if isinstance(cls, PluginError):
            rows.append((kind, safe(flavor), "-", f"(broken) {safe(cls.message)}"))
        else:
            rows.append((kind, safe(flavor), _needs(cls) or "-", safe(described(cls))))
    return _table(rows, style) if len(rows) > 1 else "There are no flavors of this type.\n"


def flavors_json(registry: Registry, names: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The same for programs."""
    found = []
    for kind, flavor in names:
        cls = _class(registry, kind, flavor)
        if isinstance(cls, PluginError):
            said = {"needs": None, "description": None, "problem": cls.message}
        else:
            said = {"needs": _needs(cls), "description": described(cls), "problem": None}
        found.append({"type": kind, "flavor": flavor, **said})
    return {"format_version": FORMAT_VERSION, "flavors": found}


def flavor_text(spec: FlavorSpec, style: Style) -> str:
    """All that is to be known of a flavor for using it."""
    facts = [
        ("needs", f"pip install 'stackspec[{spec.extra}]'" if spec.extra else "nothing more than stackspec"),
        ("updates in place", "yes" if spec.can_update else "no, every change replaces"),
        ("suspends", "yes" if spec.can_suspend else "no"),
        ("is on", where_is(spec)),
        *((name, ", ".join(map(safe, found))) for name, found in _for_runs(spec).items() if found),
    ]
    blocks = [f"{style(f'{spec.type} {safe(spec.flavor)}', 'bold')}\n{safe(spec.description)}\n"]
    blocks.append("".join(f"  {name:18}{text}\n" for name, text in facts))
    fields = [("CONFIG", "VALUE", "DEFAULT", "", "")]
    for field in _fields(spec):
        marks = [name for name in ("sensitive", "path", "replaces") if field[name]]
        default = "(required)" if field["required"] else json.dumps(field["default"], ensure_ascii=False)
        fields.append((safe(field["name"]), field["kind"], safe(default), ", ".join(marks), safe(field["description"])))
    blocks.append(_table(fields, style) if len(fields) > 1 else "  it has no settings\n")
    outputs = [("OUTPUT", "", "")]
    for name, description in spec.outputs.items():
        outputs.append((safe(name), "sensitive" if name in spec.sensitive_outputs else "", safe(description)))
    blocks.append(_table(outputs, style))
    if spec.stack_rules:
        rules = [("ASKS OF A STACK", ""), *((one.type, safe(asks(one))) for one in spec.stack_rules)]
        blocks.append(_table(rules, style))
    return "\n".join(blocks)


def flavor_json(spec: FlavorSpec) -> dict[str, Any]:
    """The same for programs."""
    return {
        "format_version": FORMAT_VERSION,
        "type": spec.type,
        "flavor": spec.flavor,
        "description": spec.description,
        "needs": _needs(spec),
        "can_update": spec.can_update,
        "can_suspend": spec.can_suspend,
        "config": [{name: value for name, value in field.items() if name != "kind"} for field in _fields(spec)],
        "schema": spec.schema,
        "outputs": [
            {"name": name, "description": description, "sensitive": name in spec.sensitive_outputs}
            for name, description in spec.outputs.items()
        ],
        "is_remote": spec.remote_by_default,
        "located_by": spec.located_by,
        "runs_in_image": spec.runs_in_image,
        "requirements": list(spec.requirements),
        "apt_packages": list(spec.apt_packages),
        "environment": dict(spec.environment),
        "stack_rules": [asdict(one) for one in spec.stack_rules],
    }


def where_is(spec: FlavorSpec) -> str:
    """On which machine a component of a flavor is, in words."""
    place = "other machines" if spec.remote_by_default else "this machine"
    return f"{place}, unless {spec.located_by} says otherwise" if spec.located_by else place


def asks(rule: StackRule) -> str:
    """What a rule asks, in words, after the component type that it is about."""
    fit = [f"of the flavor {' or '.join(rule.flavors)}"] if rule.flavors else []
    fit += ["that other machines reach"] if rule.remote else []
    what = f"{'if there is one, ' if rule.optional else ''}{'one ' if fit else 'one'}{' and '.join(fit)}"
    return f"{what}; {'where this is on other machines, it' if rule.if_remote else 'it'} {rule.why}"


def _class(registry: Registry, kind: str, flavor: str) -> type[Flavor] | PluginError:
    """A flavor's class, which says what a line of a list needs; its schema takes longer to make."""
    try:
        return registry.flavor(kind, flavor)
    except PluginError as error:
        return error


def _needs(flavor: FlavorSpec | type[Flavor]) -> str | None:
    return f"stackspec[{flavor.extra}]" if flavor.extra else None


def _for_runs(spec: FlavorSpec) -> dict[str, list[str]]:
    """What is for that which runs on a stack with such a component."""
    variables = [f"{name} (from {output})" for name, output in spec.environment.items()]
    return {"runs get": variables, "runs need": [*spec.requirements, *spec.apt_packages]}


def _fields(spec: FlavorSpec) -> list[dict[str, Any]]:
    required = spec.schema.get("required", ())
    return [
        {
            "name": name,
            "kind": kind_of(schema),
            "description": schema["description"],
            "required": name in required,
            "default": schema.get("default"),
            "sensitive": name in spec.sensitive,
            "path": name in spec.paths,
            "replaces": name in spec.replacing or not spec.can_update,
        }
        for name, schema in spec.schema["properties"].items()
    ]


def kind_of(schema: Mapping[str, Any], quote: str = "") -> str:
    """What a value is, in words.

    Args:
        quote: What stands around each value that is written as it is.
    """
    if "enum" in schema:
        return " or ".join(f"{quote}{choice}{quote}" for choice in schema["enum"])
    kinds = schema.get("type", ())
    words = " or ".join(_KINDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))
    if "items" in schema and (inner := kind_of(schema["items"], quote)):
        words = words.replace("list", f"list of {inner}", 1)
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping) and (inner := kind_of(others, quote)):
        words += f" of {inner}"
    if "minimum" in schema:
        words += f", {schema['minimum']} or more" if "maximum" not in schema else ""
    if "maximum" in schema:
        words += f", {schema.get('minimum', '…')} to {schema['maximum']}"
    return words.replace("`", quote) or "any"


def _table(rows: Sequence[tuple[str, ...]], style: Style) -> str:
    head, *lines = aligned(rows)
    return "\n".join([style(head, "dim"), *lines]) + "\n"
