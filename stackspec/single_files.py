"""Files judged each by itself, as hooks are given those of a commit: no state, no secret, and no file beside them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from stackspec.core.diagnostic import HIDING, Diagnostic, Severity, StackspecError, in_order
from stackspec.core.layout import PROJECT_FILE
from stackspec.flavors.registry import Registry
from stackspec.manifest.load import load
from stackspec.manifest.model import Manifest
from stackspec.manifest.source import STANDARD_INPUT, Reader, find_root
from stackspec.manifest.text import SourceText
from stackspec.sources import exposed_beside, manifest_folders
from stackspec.stack.alone import Alone


class SingleFiles:
    """Files that are named, inside a project or not.

    Of the project only its settings are read: which folders hold manifests, and whether there are flavors of its own.

    Args:
        names: Files and folders, relative to the working directory; `-` is standard input.
        untrusted: Whether a stranger wrote them.
    """

    def __init__(self, names: Sequence[str], *, untrusted: bool = False) -> None:
        self._names = names
        self._untrusted = untrusted
        self._owners: dict[str, Path | None] = {}
        self.texts: dict[str, SourceText] = {}
        """File, as places name it, to its text, of those that were judged."""

    @cached_property
    def root(self) -> Path:
        """The project's root, or the working directory outside of any."""
        try:
            return find_root(Path("."))
        except StackspecError as error:
            if any(one.code != "SS0112" for one in error.diagnostics):
                raise
            return Path.cwd()

    def validate(self) -> list[Diagnostic]:
        """Every problem that a file has whatever is in others."""
        found: list[Diagnostic] = []
        reader, alone = Reader(self.root), self._alone
        for source in reader.files(self._names):
            manifests, problems, texts = load([source])
            self.texts |= texts
            found += problems
            if not isinstance(source, SourceText):
                continue
            own = [*problems, *alone.problems(manifests), *_of_policies(manifests)]
            found += own[len(problems) :]
            if all(one.code in HIDING for one in problems):
                found += exposed_beside(source, own)
            found += self._not_read(source, manifests)
        return in_order(found)

    @cached_property
    def _settings(self) -> Manifest | None:
        manifests, _, _ = load(Reader(self.root).project_file())
        return next((one for one in manifests if one.kind == "Project"), None)

    @cached_property
    def _alone(self) -> Alone:
        registry = Registry(foreign=not self._untrusted)
        # The project's own flavors are imported by nobody here, and so may be any.
        own = self._settings is not None and bool(self._settings.spec.get("plugins"))
        return Alone(registry, all_flavors=not own and not self._untrusted)

    @cached_property
    def _folders(self) -> list[str]:
        return [os.path.normpath(folder) for folder, _ in manifest_folders(self._settings)]

    def _not_read(self, source: SourceText, manifests: Iterable[Manifest]) -> Iterator[Diagnostic]:
        """A warning of manifests in a file that the project does not read."""
        file, first = source.file, next(iter(manifests), None)
        if first is None or file in (STANDARD_INPUT, PROJECT_FILE) or not self._folders:
            return
        inside = any(folder in (".", file) or file.startswith(f"{folder}/") for folder in self._folders)
        if not inside and self._is_ours(os.path.dirname(os.path.join(self.root, file))):
            message = f"the project does not read manifests from '{file[:80]}'"
            hint = f"move it to {' or '.join(self._folders)}, or name its folder under spec.manifests of {PROJECT_FILE}"
            yield Diagnostic("SS0113", message, first.place, hint, Severity.WARNING)

    def _is_ours(self, folder: str) -> bool:
        """Whether a folder belongs to the project, and not to one inside or beside it, or to none."""
        if folder not in self._owners:
            try:
                self._owners[folder] = find_root(Path(folder))
            except StackspecError:
                self._owners[folder] = None
        return self._owners[folder] == self.root


def _of_policies(manifests: Iterable[Manifest]) -> Iterator[Diagnostic]:
    for manifest in manifests:
        if manifest.kind == "Policy":
            from stackspec.policy.policies import form_problems

            yield from form_problems(manifest)
