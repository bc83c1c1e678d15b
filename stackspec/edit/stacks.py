"""Edits of stacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, StackspecError
from stackspec.core.expression import Expression, outputs_in, roots_in
from stackspec.edit.catalogue import Catalogue
from stackspec.edit.components import put
from stackspec.edit.edits import Edit, change, remove
from stackspec.edit.words import flavor_spec, settings
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.expressions import ValueResolver
from stackspec.manifest.model import Manifest


class Filling(NamedTuple):
    """What is to fill a slot: the name of a Component, or of a flavor with `FIELD=VALUE` words for its config."""

    name: str
    words: Sequence[str] = ()


Slots = Mapping[str, Sequence[Filling]]
"""Component type to what is to fill it, the default first."""


def register(
    catalogue: Catalogue, name: str, slots: Slots, description: str = "", file: str | None = None
) -> list[Edit]:
    """Declare a stack.

    Raises:
        StackspecError: there is one, or what is to fill it is neither a Component nor a flavor.
    """
    catalogue.free(f"the stack '{name}'", catalogue.declared.stacks.get(name))
    spec = {**({"description": description} if description else {}), "components": _filled(catalogue, name, slots)}
    return [catalogue.new("Stack", name, spec, name, file)]


def update(
    catalogue: Catalogue, name: str, slots: Slots, without: Sequence[str] = (), description: str | None = None
) -> list[Edit]:
    """Fill slots of a stack in another way, or empty them.

    Args:
        without: Component types.

    Raises:
        StackspecError: there is no such stack, it has no such component, or as `register`.
    """
    stack, filled = catalogue.stack(name), _filled(catalogue, name, slots)
    for kind in without:
        if kind not in stack.spec["components"]:
            place = stack.span(("spec", "components"), key=True)
            raise StackspecError([Diagnostic("SS0502", f"the stack '{name}' has no {kind}", place)])

    def how(manifest: Any) -> None:
        spec = manifest["spec"]
        if description is not None:
            spec["description"] = description
        for kind, slot in filled.items():
            spec["components"][kind] = slot
        for kind in {*without}:
            del spec["components"][kind]

    return [change(stack.document, how)]


def copy(
    catalogue: Catalogue,
    name: str,
    new: str,
    words: Mapping[str, Sequence[str]] | None = None,
    file: str | None = None,
) -> list[Edit]:
    """Declare a stack like another: with the same Components, and its own components once more under its name.

    Args:
        words: Component type to `FIELD=VALUE` for the config of the stack's own component of it, the first of several.

    Raises:
        StackspecError: there is none to copy, or one under the new name; it reads its own components by their
            addresses; or a field cannot be set.
    """
    stack = catalogue.stack(name)
    catalogue.free(f"the stack '{new}'", catalogue.declared.stacks.get(new))
    spec = deepcopy(dict(stack.document.value["spec"]))
    before = _own(spec, name)
    for output in (one for expression in _expressions(stack) for one in outputs_in(expression)):
        if output.component in before:
            message = f"the stack '{name}' reads {output}, and the copy would read that too"
            kind = output.component.partition("/")[0]
            hint = f"write components.{kind} there first, which is each stack's own"
            raise StackspecError([Diagnostic("SS0413", message, stack.place, hint)])
    for entry in _inline(spec):
        entry.pop("name", None)
        entry.pop("moved", None)
        entry.pop("import", None)
    for slot in spec["components"].values():
        _name_apart(slot, new)
    renamed = dict(zip(before, _own(spec, new), strict=True))
    for entry in _inline(spec):
        if "depends_on" in entry:
            entry["depends_on"] = [renamed.get(address, address) for address in entry["depends_on"]]
    for kind, given in (words or {}).items():
        entry = next(iter(_inline({"components": {kind: spec["components"].get(kind, [])}})), None)
        if entry is None:
            place = stack.span(("spec", "components"), key=True)
            raise StackspecError([Diagnostic("SS0502", f"the stack '{name}' has no {kind} of its own", place)])
        put(entry.setdefault("config", {}), settings(given, flavor_spec(catalogue.registry, kind, entry.get("flavor"))))
    return [catalogue.new("Stack", new, spec, new, file)]


def rename(catalogue: Catalogue, name: str, new: str) -> list[Edit]:
    """Call a stack something else; its components keep their names, so that nothing is made anew.

    Raises:
        StackspecError: there is no such stack, or one under the new name.
    """
    stack = catalogue.stack(name)
    catalogue.free(f"the stack '{new}'", catalogue.declared.stacks.get(new))
    if any(root == "stack" for one in _expressions(stack) for root in roots_in(one)):
        message = f"the stack '{name}' reads its own name by 'stack.name', and what that makes would be made anew"
        raise StackspecError([Diagnostic("SS0413", message, stack.place, "write the name out there first")])

    def how(manifest: Any) -> None:
        manifest["metadata"]["name"] = new
        for entry in _inline(manifest["spec"]):
            if not entry.get("name"):
                entry.insert(0, "name", name)

    return [change(stack.document, how)]


def delete(catalogue: Catalogue, name: str, components: Sequence[ComponentAddress] = ()) -> list[Edit]:
    """Declare a stack no more.

    Args:
        components: Components that go with it.

    Raises:
        StackspecError: there is no such stack.
    """
    shared = (catalogue.shared(*address) for address in components)
    return [remove(one.document) for one in (catalogue.stack(name), *shared) if one is not None]


def _filled(catalogue: Catalogue, stack: str, slots: Slots) -> dict[str, Any]:
    """Component type to what stands in a stack's slot."""
    filled: dict[str, Any] = {}
    for kind, fillings in slots.items():
        if len(fillings) > 1 and not COMPONENT_TYPES[kind].many:
            many = ", ".join(one for one, two in COMPONENT_TYPES.items() if two.many)
            raise StackspecError.of("SS0405", f"a stack has one {kind}", hint=f"several may be of: {many}")
        found = [_entry(catalogue, kind, *one) for one in fillings]
        _name_apart(found, stack)
        filled[kind] = found[0] if len(found) == 1 else found
    return filled


def _name_apart(slot: Any, stack: str) -> None:
    """Give the second and further components of one type that a stack declares names other than the stack's."""
    own = [entry for entry in slot if isinstance(entry, dict) and "ref" not in entry] if isinstance(slot, list) else []
    for number, entry in enumerate(own[1:], 2):
        rest = dict(entry)
        entry.clear()
        entry |= {"name": f"{stack}-{number}", **rest}


def _entry(catalogue: Catalogue, kind: str, name: str, words: Sequence[str]) -> Any:
    if shared := catalogue.shared(kind, name):
        if words:
            message = f"the Component {kind}/{name} is not configured in a stack"
            hint = f"change it: stackspec {kind.replace('_', '-')} update {name} {words[0]}"
            raise StackspecError([Diagnostic("SS0412", message, shared.place, hint)])
        return name
    if catalogue.registry.knows(kind, name):
        config: dict[str, Any] = {}
        put(config, settings(words, flavor_spec(catalogue.registry, kind, name)))
        return {"flavor": name, **({"config": config} if config else {})}
    flavors = ", ".join(catalogue.registry.flavors_of(kind))
    names = ", ".join(other for one, other in catalogue.declared.components if one == kind) or "none"
    hint = f"Components of the type: {names}; flavors: {flavors}"
    raise StackspecError.of("SS0402", f"'{name[:80]}' is neither a Component nor a flavor of {kind}", hint=hint)


def _expressions(stack: Manifest) -> Iterator[Expression]:
    """Every expression in a stack's manifest."""
    return (deferred.expression for _, deferred in ValueResolver().read(stack.spec).deferred)


def _own(spec: Any, stack: str) -> list[str]:
    """The addresses of the components that a stack declares itself, in order."""
    return [
        f"{kind}/{entry.get('name') or stack}"
        for kind, slot in spec["components"].items()
        for entry in _inline({"components": {kind: slot}})
    ]


def _inline(spec: Any) -> Iterator[Any]:
    """The components that a stack declares itself, as mappings."""
    for slot in spec["components"].values():
        for entry in slot if isinstance(slot, list) else [slot]:
            if isinstance(entry, dict) and "ref" not in entry:
                yield entry
