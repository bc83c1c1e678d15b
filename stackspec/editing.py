"""Edits of a project's manifests: checked as a whole before any file is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError, has_errors, in_order
from stackspec.edit.catalogue import Catalogue
from stackspec.edit.edits import Edit, Files, applied
from stackspec.manifest.text import SourceText
from stackspec.rewriting import rewrite, unified
from stackspec.sources import Sources


class RefusedEditError(StackspecError):
    """The manifests would be wrong after an edit, and were not before; nothing was written.

    Attributes:
        texts: File to the text that its places speak of.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], texts: Mapping[str, SourceText]) -> None:
        super().__init__(list(diagnostics))
        self.texts = texts


class Editing:
    """The manifests of a project, to be changed in place."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    @cached_property
    def declared(self) -> Catalogue:
        """What is declared, as far as it can be read."""
        loaded = self._sources.loaded
        folders = loaded.declarations.project.manifests
        return Catalogue(loaded.declarations, self._sources.registry, loaded.texts, folders)

    @property
    def catalogue(self) -> Catalogue:
        """What is declared, to be changed.

        Raises:
            StackspecError: a file cannot be read as manifests, so that nobody knows what is.
        """
        loaded = self._sources.loaded
        # A folder that is not there is made when something is written to it.
        if wrong := [one for one in loaded.diagnostics if has_errors([one]) and one.code != "SS0111"]:
            raise StackspecError(in_order(wrong))
        return self.declared

    def only_used_by(self, stack: str) -> list[ComponentAddress]:
        """The Components that nothing but one stack needs, in whatever environment."""
        users: dict[ComponentAddress, set[str]] = {}
        for name in self._sources.loaded.declarations.environment_names:
            desired, _ = self._sources.compile(name)
            for address, component in desired.components.items():
                users.setdefault(address, set()).update(component.stacks)
        return [one for one, names in users.items() if names == {stack} and self.catalogue.shared(*one)]

    def check(self, edits: Iterable[Edit]) -> tuple[Files, list[Diagnostic]]:
        """What files become, and what there is to warn of then.

        Raises:
            RefusedEditError: the manifests would have errors that they do not have now.
        """
        before = self._sources
        files = applied(edits, before.loaded.texts)
        after = before.overlaid(files)
        known = Counter((one.code, one.message) for one in before.validate())
        new = []
        for one in after.validate():
            known[one.code, one.message] -= 1
            if known[one.code, one.message] < 0:
                new.append(one)
        if has_errors(new):
            raise RefusedEditError([one for one in new if one.severity is Severity.ERROR], after.loaded.texts)
        return files, new

    def write(self, files: Files) -> None:
        """Write what files become, each whole.

        Raises:
            StackspecError: one cannot be written; those before it were.
        """
        texts = self._sources.loaded.texts
        marked = {file for file in files if file in texts and texts[file].marked}
        after = {
            file: None if text is None else SourceText(file, text, file in marked).data for file, text in files.items()
        }
        rewrite(self._sources.root, texts, after)

    def texts(self, files: Files) -> dict[str, SourceText]:
        """File to its new text."""
        return {file: SourceText(file, text) for file, text in files.items() if text is not None}

    def diff(self, files: Files) -> str:
        """What changes in files, as a unified diff."""
        texts = self._sources.loaded.texts
        before = {file: texts[file].text if file in texts else None for file in files}
        return "".join(line for file, text in files.items() for line in unified(file, before[file], text))
