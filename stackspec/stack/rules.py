"""Rules over a whole desired state: what no single manifest can see of itself."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, Note, Span
from stackspec.core.layout import LOCAL_FOLDER, PROJECT_FILE
from stackspec.flavors.registry import Registry
from stackspec.manifest.model import ProjectSpec
from stackspec.stack.model import DesiredComponent, DesiredState


class ManagedPath(NamedTuple):
    """A path that a component's config names, as written and without detours."""

    component: DesiredComponent
    field: str
    text: str

    @property
    def normal(self) -> str:
        """The path without `.`, `..` and doubled slashes; relative to the project's root unless absolute."""
        return posixpath.normpath(self.text)

    @property
    def place(self) -> Span | None:
        """Where the manifest says it."""
        return self.component.place(("config", self.field))


def managed_paths(state: DesiredState, registry: Registry) -> Iterator[ManagedPath]:
    """Every path that is known before an apply."""
    for component in state.components.values():
        for field in sorted(registry.spec(component.address.type, component.flavor).paths):
            value = component.config.get(field)
            if isinstance(value, str) and value:
                yield ManagedPath(component, field, value)


def check_rules(state: DesiredState, registry: Registry, project: ProjectSpec) -> list[Diagnostic]:
    """Every rule's findings."""
    diagnostics: list[Diagnostic] = []
    managed: dict[str, ManagedPath] = {}
    reserved = [LOCAL_FOLDER, ".git", PROJECT_FILE, *map(posixpath.normpath, project.manifests)]
    for path in managed_paths(state, registry):
        normal = path.normal
        if normal.startswith("~") or "://" in path.text:
            diagnostics.append(_no_path(path))
        elif not _allowed(normal, project.allowed_paths):
            diagnostics.append(leads_out(path))
        elif taken := next((own for own in reserved if _overlap(normal, own)), None):
            diagnostics.append(_reserved(path, taken))
        elif normal in managed:
            diagnostics.append(_same_path(path, managed[normal]))
        else:
            managed[normal] = path
    diagnostics += [_same_path(path, other) for path, other in _nested(managed)]
    return [*diagnostics, *_check_moved(state)]


def _check_moved(state: DesiredState) -> Iterator[Diagnostic]:
    """What is wrong with the addresses that components say they had before."""
    takers: dict[ComponentAddress, DesiredComponent] = {}
    for component in state.components.values():
        for index, old in enumerate(component.moved):
            place = component.place(("moved", index))
            if old.type != component.address.type:
                hint = f"only what is of the same type can be taken over, like {component.address.type}/{old.name}"
                yield Diagnostic("SS0410", f"{old} cannot become {component.address}", place, hint)
            elif old in state.components:
                what = "itself" if old == component.address else f"{old}, which is still declared"
                yield Diagnostic("SS0410", f"{component.address} says that it was {what}", place, "remove this entry")
            elif old in takers:
                message = f"both {takers[old].address} and {component.address} say that they were {old}"
                yield Diagnostic("SS0410", message, place, "leave it at one of them")
            else:
                takers[old] = component


def leads_out(path: ManagedPath) -> Diagnostic:
    """What is wrong with a path that leaves the project and is under no allowed path."""
    hint = f"use a path inside the project, or add its folder to spec.allowed_paths of {PROJECT_FILE}"
    return Diagnostic("SS0406", f"'config.{path.field}' leads out of the project", path.place, hint)


def _no_path(path: ManagedPath) -> Diagnostic:
    message = f"'config.{path.field}' is a path, in which '~' and URLs mean nothing"
    return Diagnostic("SS0206", message, path.place, "write a path relative to the project, or an absolute one")


def _reserved(path: ManagedPath, taken: str) -> Diagnostic:
    message = f"'config.{path.field}' and the project's own '{taken}' overlap"
    return Diagnostic("SS0409", message, path.place, "use a path that the component has for itself")


def _same_path(path: ManagedPath, other: ManagedPath) -> Diagnostic:
    addresses = f"{path.component.address} and {other.component.address}"
    same = path.normal == other.normal
    message = f"{addresses} manage the same path" if same else f"{addresses} manage paths one inside the other"
    note = Note("the other one", other.place)
    return Diagnostic(
        "SS0409", message, path.place, "give each a path of its own, or share one Component", notes=(note,)
    )


def _nested(managed: Mapping[str, ManagedPath]) -> Iterator[tuple[ManagedPath, ManagedPath]]:
    """Each path that lies inside another component's, with the innermost such other."""
    for normal, path in managed.items():
        folder = posixpath.dirname(normal)
        while folder and folder not in managed and folder != posixpath.dirname(folder):
            folder = posixpath.dirname(folder)
        if folder in managed and managed[folder].component is not path.component:
            yield path, managed[folder]


def _overlap(path: str, other: str) -> bool:
    return path in (".", other) or path.startswith(other + "/") or other.startswith(path + "/")


def _allowed(normal: str, allowed: Sequence[str]) -> bool:
    if posixpath.isabs(normal):
        return any(
            normal == home or normal.startswith(home.rstrip("/") + "/") for home in map(posixpath.normpath, allowed)
        )
    return normal != ".." and not normal.startswith("../")
