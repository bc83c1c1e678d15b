"""Who uses what: the slots of stacks linked to the components that fill them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import cache, cached_property
from typing import Any

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.diagnostic import Diagnostic, Note, Span
from stackspec.core.frozen import dataclass
from stackspec.core.hints import Hints
from stackspec.core.values import ValueMap
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.load import located, readable
from stackspec.manifest.model import ComponentReference, InlineComponent, Manifest
from stackspec.manifest.schema import Checker, checker_of, type_name
from stackspec.stack.declared import Declarations, unknown_type
from stackspec.stack.model import Origin

Members = Mapping[str, list[ComponentAddress]]
"""Component type to the components that a stack names, the default first."""


@dataclass(frozen=True, slots=True)
class DeclaredComponent:
    """A component declaration that an environment may use.

    Attributes:
        body: What `spec` of a Component, or a stack's slot, says.
        stack: The stack that it is declared in; None for a shared one.
        manifest: The manifest that it is declared in.
    """

    address: ComponentAddress
    body: ValueMap
    origin: Origin
    stack: Manifest | None
    manifest: Manifest

    @property
    def name_place(self) -> Span:
        """Where its name stands, or the slot that gives it the stack's."""
        if self.stack is None:
            return self.manifest.place
        return self.origin.span(("name",)) if self.body.get("name") else self.origin.span(key=True)


@dataclass(slots=True)
class Links:
    """The components declared, and the members of each stack by its name."""

    components: dict[ComponentAddress, DeclaredComponent] = field(default_factory=dict)
    members: dict[str, Members] = field(default_factory=dict)
    unlinked: set[tuple[str, str]] = field(default_factory=set)
    """Stack and component type of slots whose mistakes were reported."""


def link(
    declared: Declarations, stacks: Iterable[Manifest], registry: Registry, hints: Hints, diagnostics: list[Diagnostic]
) -> Links:
    """Link the stacks of an environment; what is wrong with them is added to `diagnostics`."""
    return _Linker(declared, registry, hints, diagnostics).link(stacks)


Slot = tuple[str, list[tuple[FieldPath, Any]]]
"""A component type, and what a stack has in its slot, each with its path from the document's root."""


def slots(stack: Manifest, diagnostics: list[Diagnostic]) -> Iterator[Slot]:
    """The slots of a stack; what is wrong with their form is added to `diagnostics`."""
    declared = stack.spec.get("components")
    for kind, slot in declared.items() if isinstance(declared, Mapping) else ():
        path: FieldPath = ("spec", "components", kind)
        if kind not in COMPONENT_TYPES:
            diagnostics.append(unknown_type(kind, stack.span(path, key=True)))
            continue
        if not isinstance(slot, list):
            yield kind, [(path, slot)]
            continue
        if not COMPONENT_TYPES[kind].many:
            many = ", ".join(name for name, one in COMPONENT_TYPES.items() if one.many)
            message, hint = f"a stack has one {kind}", f"lists are for {many}"
            diagnostics.append(Diagnostic("SS0405", message, stack.span(path), hint))
        yield kind, [((*path, index), entry) for index, entry in enumerate(slot)]


def filling(
    stack: Manifest, kind: str, path: FieldPath, entry: Any, diagnostics: list[Diagnostic]
) -> DeclaredComponent | tuple[str, FieldPath] | None:
    """What fills a slot: a component, or the name of one with its path; None where it is neither, which is reported."""
    if isinstance(entry, str):
        return _name(stack, path, entry, diagnostics)
    if not isinstance(entry, Mapping):
        message = f"a component is a mapping or the name of a Component, not {type_name(entry)}"
        diagnostics.append(Diagnostic("SS0205", message, stack.span(path), "write {flavor: …, config: {…}}"))
        return None
    reference = "ref" in entry
    problems = _slot_checker(ComponentReference if reference else InlineComponent).check(entry)
    diagnostics += [located(problem, stack.document, path) for problem in problems]
    if reference:
        return None if problems else _name(stack, (*path, "ref"), entry["ref"], diagnostics)
    if any(problem.path == ("name",) for problem in problems):
        return None
    address = ComponentAddress(kind, entry.get("name") or stack.name)
    body = readable(entry, [problem for problem in problems if problem.path])
    return DeclaredComponent(address, body, Origin(stack.document, path), stack, stack)


def _name(stack: Manifest, path: FieldPath, name: str, diagnostics: list[Diagnostic]) -> tuple[str, FieldPath] | None:
    if "{{" not in name:
        return name, path
    hint = "write the name out"
    diagnostics.append(Diagnostic("SS0305", "a reference cannot be an expression", stack.span(path), hint))
    return None


class _Linker:
    def __init__(self, declared: Declarations, registry: Registry, hints: Hints, diagnostics: list[Diagnostic]) -> None:
        self._declared = declared
        self._registry = registry
        self._hints = hints
        self._diagnostics = diagnostics
        self._links = Links()

    def link(self, stacks: Iterable[Manifest]) -> Links:
        for stack in stacks:
            self._links.members[stack.name] = self._members(stack)
            self._check_required(stack)
        for (kind, name), manifest in self._declared.components.items():
            address = ComponentAddress(kind, name)
            self._add(DeclaredComponent(address, manifest.spec, Origin(manifest.document, ("spec",)), None, manifest))
        return self._links

    def _members(self, stack: Manifest) -> Members:
        members: dict[str, list[ComponentAddress]] = {}
        for kind, entries in slots(stack, self._diagnostics):
            found = [self._member(stack, kind, path, entry) for path, entry in entries]
            members[kind] = [address for address in found if address is not None]
            if None in found:
                self._links.unlinked.add((stack.name, kind))
        return members

    def _member(self, stack: Manifest, kind: str, path: FieldPath, entry: Any) -> ComponentAddress | None:
        found = filling(stack, kind, path, entry, self._diagnostics)
        if isinstance(found, DeclaredComponent):
            self._add(found)
            return found.address
        return None if found is None else self._reference(stack, kind, found[1], found[0])

    def _reference(self, stack: Manifest, kind: str, path: FieldPath, name: str) -> ComponentAddress | None:
        if (kind, name) in self._declared.components:
            return ComponentAddress(kind, name)
        elsewhere = next((other for other, names in self._names.items() if name in names), None)
        if elsewhere is not None:
            hint: str | None = f"the Component '{name}' is of type {elsewhere}"
        elif name in self._registry.flavors_of(kind):
            hint = f"to use the flavor '{name}' write {{flavor: {name}}}"
        else:
            hint = self._hints.did_you_mean(name, self._names.get(kind, ()))
        self._error("SS0402", f"there is no Component '{name[:80]}' of type {kind}", stack.span(path), hint)
        return None

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        """Component type to the names of shared Components."""
        names: dict[str, set[str]] = {}
        for kind, name in self._declared.components:
            names.setdefault(kind, set()).add(name)
        return names

    def _add(self, component: DeclaredComponent) -> None:
        first = self._links.components.setdefault(component.address, component)
        if first is not component:
            hint = "give one another name; to share a component, declare it once as a Component and refer to it"
            message = f"the component {component.address} is declared twice"
            notes = (Note("first declared here", first.name_place),)
            self._diagnostics.append(Diagnostic("SS0401", message, component.name_place, hint, notes=notes))

    def _check_required(self, stack: Manifest) -> None:
        declared = stack.spec.get("components")
        for kind in self._declared.project.required_components:
            if kind not in COMPONENT_TYPES or not isinstance(declared, Mapping):
                continue  # reported
            # An empty list is none; of a type of which a stack has one, the list itself was reported.
            if kind not in declared or (declared[kind] == [] and COMPONENT_TYPES[kind].many):
                flavors = ", ".join(self._registry.flavors_of(kind))
                hint = f"add '{kind}: {{flavor: …}}'" + (f" with one of: {flavors}" if flavors else "")
                place = stack.span(("spec", "components", kind), key=True)
                self._error("SS0404", f"the stack '{stack.name}' has no {kind}", place, hint)

    def _error(self, code: str, message: str, place: Span, hint: str | None = None) -> None:
        self._diagnostics.append(Diagnostic(code, message, place, hint))


@cache
def _slot_checker(record: type) -> Checker:
    return checker_of(record)
