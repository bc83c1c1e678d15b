"""What is declared in a project, whichever environment it is for: what edits change and lists show."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from functools import cached_property

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.diagnostic import Diagnostic, StackspecError, did_you_mean
from stackspec.core.hints import Hints
from stackspec.core.layout import MANIFEST_FOLDER
from stackspec.edit.edits import Edit, add
from stackspec.flavors.registry import Registry
from stackspec.manifest.model import Manifest
from stackspec.manifest.text import SourceText
from stackspec.stack.declared import Declarations
from stackspec.stack.link import DeclaredComponent, Links, link


class Catalogue:
    """The stacks and components of a project, and where each is declared.

    Args:
        texts: File to its text.
        folders: Where manifests are, from the project's root; new files go to the first.
    """

    def __init__(
        self, declared: Declarations, registry: Registry, texts: Mapping[str, SourceText], folders: Sequence[str]
    ) -> None:
        self.declared = declared
        self.registry = registry
        self.texts = texts
        self._folders = folders or (MANIFEST_FOLDER,)
        self._folder = self._folders[0]

    @cached_property
    def _links(self) -> Links:
        """Who uses what; what is wrong with it is for `validate` to tell."""
        return link(self.declared, self.declared.stacks.values(), self.registry, Hints(), [])

    @property
    def components(self) -> Mapping[ComponentAddress, DeclaredComponent]:
        """Every component that is declared, by itself or in a stack."""
        return dict(sorted(self._links.components.items()))

    def members(self, stack: str) -> Mapping[str, Sequence[ComponentAddress]]:
        """Component type to the stack's components of it, the default first."""
        return self._links.members[stack]

    def users(self, address: ComponentAddress) -> list[str]:
        """The names of the stacks that name a component."""
        return [name for name, members in self._links.members.items() if address in members.get(address.type, ())]

    def stack(self, name: str) -> Manifest:
        """A stack's manifest.

        Raises:
            StackspecError: there is none of this name.
        """
        if found := self.declared.stacks.get(name):
            return found
        hint = did_you_mean(name, self.declared.stacks) or "see: stackspec stack list"
        raise StackspecError.of("SS0502", f"there is no stack '{name[:80]}'", hint=hint)

    def component(self, component_type: str, name: str) -> DeclaredComponent:
        """A component, declared by itself or in a stack.

        Raises:
            StackspecError: there is none of this type and name.
        """
        if found := self.components.get(ComponentAddress(component_type, name)):
            return found
        known = [one.name for one in self.components if one.type == component_type]
        hint = did_you_mean(name, known) or f"see: stackspec {component_type.replace('_', '-')} list"
        raise StackspecError.of("SS0502", f"there is no {component_type} '{name[:80]}'", hint=hint)

    def shared(self, component_type: str, name: str) -> Manifest | None:
        """The manifest of a component that is declared by itself, if there is one."""
        return self.declared.components.get((component_type, name))

    def new(self, kind: str, name: str, spec: Mapping[str, object], called: str, file: str | None) -> Edit:
        """The edit that declares something.

        Args:
            called: The name of its file, without a suffix, where none is given.
            file: The file to add it to, from the project's root.
        """
        return add(self._placed(file or f"{self._folder}/{called}.yaml"), kind, name, spec, self.texts)

    def _placed(self, file: str) -> str:
        """A file as the project's other files are called.

        Raises:
            StackspecError: the project would not read it there.
        """
        normal = posixpath.normpath(file)
        folders = [posixpath.normpath(one) for one in self._folders]
        inside = any(one == "." or normal == one or normal.startswith(f"{one}/") for one in folders)
        hidden = any(part.startswith(".") for part in normal.split("/"))
        if posixpath.isabs(normal) or not inside or hidden or not normal.endswith((".yaml", ".yml")):
            hint = f"name a file with .yaml at its end under {' or '.join(folders)}, from the project's root"
            raise StackspecError.of("SS0901", f"the project does not read manifests from '{file[:80]}'", hint=hint)
        return normal

    def free(self, what: str, taken: Manifest | DeclaredComponent | None) -> None:
        """Check that a name is not taken.

        Raises:
            StackspecError: something is declared under it.
        """
        if taken is not None:
            place = taken.place if isinstance(taken, Manifest) else taken.name_place
            message, hint = f"{what} is declared already", "choose another name, or change what is there by 'update'"
            raise StackspecError([Diagnostic("SS0401", message, place, hint)])


def body_of(value: object, path: FieldPath) -> object:
    """What is at a path of a document's value."""
    for step in path:
        value = value[step]  # type: ignore[index]  # the path comes from the document itself
    return value
