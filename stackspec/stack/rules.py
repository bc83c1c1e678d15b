"""Rules over a whole desired state: what no single manifest can see of itself."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from stackspec.core.diagnostic import Diagnostic, Note
from stackspec.flavors.registry import Registry
from stackspec.stack.model import DesiredComponent, DesiredState


def check_rules(state: DesiredState, registry: Registry, allowed_paths: Sequence[str]) -> list[Diagnostic]:
    """Every rule's findings."""
    diagnostics: list[Diagnostic] = []
    managed: dict[str, tuple[DesiredComponent, str]] = {}
    for component in state.components.values():
        for field, path in _paths(component, registry):
            normal = posixpath.normpath(path)
            if not _allowed(normal, allowed_paths):
                diagnostics.append(_leads_out(component, field))
            elif normal in managed:
                diagnostics.append(_same_path(component, field, *managed[normal]))
            else:
                managed[normal] = (component, field)
    return diagnostics


def _leads_out(component: DesiredComponent, field: str) -> Diagnostic:
    hint = "use a path inside the project, or add its folder to spec.allowed_paths of stackspec.yaml"
    place = component.origin.span(("config", field))
    return Diagnostic("SS0406", f"'config.{field}' leads out of the project", place, hint)


def _same_path(component: DesiredComponent, field: str, other: DesiredComponent, other_field: str) -> Diagnostic:
    message = f"{component.address} and {other.address} manage the same path"
    note = Note("the other one", other.origin.span(("config", other_field)))
    hint = "give each a path of its own, or share one Component"
    return Diagnostic("SS0409", message, component.origin.span(("config", field)), hint, notes=(note,))


def _paths(component: DesiredComponent, registry: Registry) -> Iterator[tuple[str, str]]:
    for field in sorted(registry.spec(component.address.type, component.flavor).paths):
        value = component.config.get(field)
        if isinstance(value, str):
            yield field, value


def _allowed(normal: str, allowed: Sequence[str]) -> bool:
    if posixpath.isabs(normal):
        return any(
            normal == home or normal.startswith(home.rstrip("/") + "/") for home in map(posixpath.normpath, allowed)
        )
    return normal != ".." and not normal.startswith("../")
