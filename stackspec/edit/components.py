"""Edits of components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from stackspec.core.address import FieldPath, format_path
from stackspec.core.diagnostic import Diagnostic, Note, StackspecError
from stackspec.edit.catalogue import Catalogue, body_of
from stackspec.edit.edits import Edit, change, remove

Settings = Sequence[tuple[FieldPath, Any]]
"""Paths into a config, and their values."""


def register(
    catalogue: Catalogue, component_type: str, name: str, flavor: str, settings: Settings, file: str | None = None
) -> list[Edit]:
    """Declare a Component, for stacks to name.

    Raises:
        StackspecError: there is a component of this type and name, or a value cannot be set.
    """
    _free(catalogue, component_type, name)
    config: dict[str, Any] = {}
    put(config, settings)
    spec = {"type": component_type, "flavor": flavor, **({"config": config} if config else {})}
    return [catalogue.new("Component", name, spec, _file_of(component_type, name), file)]


def update(
    catalogue: Catalogue, component_type: str, name: str, settings: Settings, without: Sequence[FieldPath] = ()
) -> list[Edit]:
    """Change fields of a component's config, wherever it is declared.

    Args:
        without: Fields to leave to their defaults.

    Raises:
        StackspecError: there is no such component or no such field, or a value cannot be set.
    """
    component = catalogue.component(component_type, name)
    config = component.body.get("config") or {}
    for path in without:
        _present(config, path, name)

    def how(manifest: Any) -> None:
        body: Any = body_of(manifest, component.origin.path)
        if body.get("config") is None:
            body["config"] = {}
        put(body["config"], settings)
        for path in sorted({*without}, key=_from_the_end, reverse=True):
            del body_of(body["config"], path[:-1])[path[-1]]  # type: ignore[attr-defined]  # a container, by `_present`
        if not body["config"]:
            del body["config"]

    return [change(component.origin.document, how)]


def copy(catalogue: Catalogue, component_type: str, name: str, new: str, file: str | None = None) -> list[Edit]:
    """Declare a Component like another component.

    Raises:
        StackspecError: there is none to copy, or one under the new name.
    """
    component = catalogue.component(component_type, name)
    _free(catalogue, component_type, new)
    body = deepcopy(dict(component.body))
    for own in ("name", "moved", "import"):
        body.pop(own, None)
    spec = {"type": component_type, **body}
    return [catalogue.new("Component", new, spec, _file_of(component_type, new), file)]


def delete(catalogue: Catalogue, component_type: str, name: str) -> list[Edit]:
    """Declare a Component no more.

    Raises:
        StackspecError: there is none, or a stack declares it itself or names it.
    """
    component = catalogue.component(component_type, name)
    if component.stack is not None:
        message = f"{component.address} is declared in the stack '{component.stack.name}' itself"
        hint = f"take it out: stackspec stack update {component.stack.name} --remove {component_type}"
        raise StackspecError([Diagnostic("SS0412", message, component.name_place, hint)])
    uses = tuple(
        Note(f"the stack '{stack}' names it", catalogue.stack(stack).span(("spec", "components", component_type)))
        for stack in catalogue.users(component.address)
    )
    if uses:
        message, hint = f"{component.address} is in use", "take it out there first"
        raise StackspecError([Diagnostic("SS0412", message, component.name_place, hint, notes=uses)])
    return [remove(component.origin.document)]


def _free(catalogue: Catalogue, component_type: str, name: str) -> None:
    taken = [one for address, one in catalogue.components.items() if address == (component_type, name)]
    catalogue.free(f"the component {component_type}/{name}", taken[0] if taken else None)


def _file_of(component_type: str, name: str) -> str:
    return f"{component_type.replace('_', '-')}-{name}"


def put(config: Any, settings: Settings) -> None:
    """Set fields of a config, in place.

    Raises:
        StackspecError: a path leads through something that is not there.
    """
    for path, value in settings:
        at = config
        for step in path[:-1]:
            if isinstance(at, dict) and at.get(step) is None:
                at[step] = {}
            at = _step(at, step, path)
        if not isinstance(at, dict):
            _step(at, path[-1], path)
        at[path[-1]] = value


def _from_the_end(path: FieldPath) -> list[tuple[bool, str | int]]:
    """What a path is sorted by: of items of one list the last is removed first, for the others keep their numbers."""
    return [(isinstance(step, int), step) for step in path]


def _step(at: Any, step: str | int, path: FieldPath) -> Any:
    if (found := _in(at, step)) is _NOTHING:
        message = f"there is nothing at '{format_path(('config', *path))}' to change"
        raise StackspecError.of("SS0203", message, hint="set the field above it as a whole")
    return found


_NOTHING = object()


def _in(at: Any, step: str | int) -> Any:
    """What a mapping has under a key or a list at an index, if anything."""
    if isinstance(at, Mapping):
        return at.get(step, _NOTHING)
    return at[step] if isinstance(at, list) and isinstance(step, int) and step < len(at) else _NOTHING


def _present(config: Mapping[str, Any], path: FieldPath, name: str) -> None:
    at: Any = config
    for step in path:
        at = _in(at, step)
    if at is _NOTHING:
        message = f"'{name}' does not set '{format_path(('config', *path))}'"
        raise StackspecError.of("SS0203", message)
