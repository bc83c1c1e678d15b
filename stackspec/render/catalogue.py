"""What a project declares, and edits of it, for people and programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stackspec.core.address import ComponentAddress, format_path
from stackspec.core.diagnostic import Diagnostic
from stackspec.edit.catalogue import Catalogue
from stackspec.edit.edits import Files
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.plugins import PluginError
from stackspec.manifest.model import Manifest
from stackspec.render import FORMAT_VERSION
from stackspec.render.diagnostics import diagnostics_json
from stackspec.render.text import Style, aligned, safe, shown
from stackspec.stack.link import DeclaredComponent


def stacks_text(catalogue: Catalogue, active: str | None, style: Style) -> str:
    """A line for each stack."""
    rows = [("", "STACK", "ENVIRONMENTS", "COMPONENTS", "DECLARED AT")]
    for name, stack in catalogue.declared.stacks.items():
        held = ", ".join(kind for kind, found in catalogue.members(name).items() if found)
        mark = "*" if name == active else ""
        rows.append((mark, safe(name), ", ".join(_environments(stack)) or "all", held, str(stack.place)))
    return _table(rows, style) if len(rows) > 1 else "No stack is declared.\n"


def stacks_json(catalogue: Catalogue, active: str | None) -> dict[str, Any]:
    """The same for programs."""
    found = [
        {**_stack(catalogue, stack), "active": name == active} for name, stack in catalogue.declared.stacks.items()
    ]
    return {"format_version": FORMAT_VERSION, "stacks": found}


def stack_text(catalogue: Catalogue, stack: Manifest, style: Style) -> str:
    """All that a stack is."""
    facts = [
        ("description", safe(str(stack.spec.get("description") or "-"))),
        ("environments", ", ".join(_environments(stack)) or "all"),
        ("run state", str(stack.spec.get("run_state") or "running")),
        ("declared at", str(stack.place)),
    ]
    rows = [("COMPONENT", "FLAVOR", "ALSO IN", "DECLARED AT")]
    for address in (one for found in catalogue.members(stack.name).values() for one in found):
        component = catalogue.components[address]
        others = [name for name in catalogue.users(address) if name != stack.name]
        rows.append((str(address), _flavor(component), ", ".join(others) or "-", str(component.name_place)))
    return f"{style(f'stack {safe(stack.name)}', 'bold')}\n{_facts(facts)}\n{_table(rows, style)}"


def stack_json(catalogue: Catalogue, stack: Manifest) -> dict[str, Any]:
    """The same for programs."""
    return {"format_version": FORMAT_VERSION, **_stack(catalogue, stack)}


def components_text(catalogue: Catalogue, component_type: str, style: Style) -> str:
    """A line for each component of a type."""
    rows = [("COMPONENT", "FLAVOR", "STACKS", "DECLARED AT")]
    for one in _of_type(catalogue, component_type):
        users = ", ".join(catalogue.users(one.address)) or "-"
        rows.append((safe(one.address.name), _flavor(one), users, str(one.name_place)))
    return _table(rows, style) if len(rows) > 1 else f"No {component_type} is declared.\n"


def components_json(catalogue: Catalogue, component_type: str) -> dict[str, Any]:
    """The same for programs."""
    found = [_component(catalogue, one) for one in _of_type(catalogue, component_type)]
    return {"format_version": FORMAT_VERSION, "components": found}


def component_text(catalogue: Catalogue, component: DeclaredComponent, style: Style) -> str:
    """All that a component is, as it is declared."""
    facts = [
        ("flavor", _flavor(component)),
        ("stacks", ", ".join(catalogue.users(component.address)) or "-"),
        ("declared at", str(component.name_place)),
    ]
    rows = [("CONFIG", "VALUE", "")]
    for name, value, default, sensitive in _fields(catalogue, component):
        rows.append((safe(name), shown(value, sensitive=sensitive), "(default)" if default else ""))
    blocks = [f"{style(str(component.address), 'bold')}\n{_facts(facts)}"]
    return "\n".join([*blocks, *([_table(rows, style)] if len(rows) > 1 else [])])


def component_json(catalogue: Catalogue, component: DeclaredComponent) -> dict[str, Any]:
    """The same for programs; a secret in plain text is left out."""
    config = {
        name: None if sensitive else value
        for name, value, default, sensitive in _fields(catalogue, component)
        if not default
    }
    return {"format_version": FORMAT_VERSION, **_component(catalogue, component), "config": config}


def edit_json(files: Files, diff: str, warnings: Sequence[Diagnostic], *, written: bool) -> dict[str, Any]:
    """An edit of manifests, for programs."""
    return {
        "format_version": FORMAT_VERSION,
        "written": written,
        "files": {file: "removed" if text is None else "written" for file, text in files.items()},
        "diff": diff,
        "diagnostics": diagnostics_json(warnings),
    }


def _of_type(catalogue: Catalogue, component_type: str) -> Iterable[DeclaredComponent]:
    return (one for address, one in catalogue.components.items() if address.type == component_type)


def _stack(catalogue: Catalogue, stack: Manifest) -> dict[str, Any]:
    members: Mapping[str, Sequence[ComponentAddress]] = catalogue.members(stack.name)
    return {
        "name": stack.name,
        "description": stack.spec.get("description") or "",
        "environments": _environments(stack),
        "run_state": stack.spec.get("run_state") or "running",
        "components": {kind: list(map(str, found)) for kind, found in members.items()},
        "source": stack.place.to_json(),
    }


def _component(catalogue: Catalogue, component: DeclaredComponent) -> dict[str, Any]:
    return {
        "address": str(component.address),
        "flavor": component.body.get("flavor"),
        "stacks": catalogue.users(component.address),
        "shared": component.stack is None,
        "source": component.name_place.to_json(),
    }


def _fields(catalogue: Catalogue, component: DeclaredComponent) -> list[tuple[str, Any, bool, bool]]:
    """Each field's name and value, whether that is the default, and whether it is not to be shown."""
    written = component.body.get("config") or {}
    try:
        spec: FlavorSpec | None = catalogue.registry.spec(component.address.type, str(component.body.get("flavor")))
    except (KeyError, PluginError):
        spec = None
    complete = spec.complete(written) if spec else written
    return [
        (
            format_path((name,)),
            value,
            name not in written,
            spec is not None and name in spec.sensitive and isinstance(value, str) and "{{" not in value,
        )
        for name, value in complete.items()
    ]


def _environments(stack: Manifest) -> list[str]:
    return [str(one) for one in stack.spec.get("deploy_to") or ()]


def _flavor(component: DeclaredComponent) -> str:
    return safe(str(component.body.get("flavor")))


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return "".join(f"  {name:14}{text}\n" for name, text in facts)


def _table(rows: Sequence[tuple[str, ...]], style: Style) -> str:
    head, *lines = aligned(rows)
    return "\n".join([style(head, "dim"), *lines]) + "\n"
