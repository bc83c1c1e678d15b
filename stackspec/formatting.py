"""Manifests on disk in their one layout: which there are, what they become, and writing that."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from stackspec.core.diagnostic import Diagnostic, StackspecError
from stackspec.core.fields import Schema
from stackspec.core.frozen import dataclass
from stackspec.flavors.registry import Registry
from stackspec.format.formatted import formatted
from stackspec.manifest.load import load
from stackspec.manifest.model import API_VERSION, KINDS
from stackspec.manifest.parse import parse
from stackspec.manifest.source import Reader, find_root
from stackspec.manifest.text import SourceText
from stackspec.rewriting import rewrite, unified
from stackspec.sources import manifest_folders


@dataclass(frozen=True, slots=True)
class Formatted:
    """A file as it is, and its text as it is to be; None where it cannot be read, as the problems say."""

    source: SourceText
    text: str | None
    problems: tuple[Diagnostic, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the file is to be another."""
        return self.text is not None and (self.text != self.source.text or self.source.marked)

    @property
    def diff(self) -> str:
        """What changes, as a unified diff; of a byte order mark alone it shows nothing."""
        return "".join(unified(self.source.file, self.source.text, self.text))


class Formatting:
    """The files of the project around the working directory, or those that are named, to be laid out anew.

    Args:
        names: Files and folders, relative to the working directory; `-` is standard input. None is the whole project.

    Raises:
        StackspecError: there is no project, and no file is named; or a folder that is not in it is.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = names
        self.root = _root(named=bool(names))
        if outside := [_outside(one) for one in names if self._is_outside(one)]:
            raise StackspecError(outside)

    def found(self) -> Iterator[Formatted | Diagnostic]:
        """Every file, or why it cannot be read."""
        for source in self._sources():
            if isinstance(source, Diagnostic):
                yield source
                continue
            if (foreign := _no_manifest(source)) is not None:
                yield Formatted(source, None, (foreign,))
                continue
            found = formatted(source, self._config_schema)
            yield Formatted(source, found) if isinstance(found, str) else Formatted(source, None, tuple(found))

    def write(self, one: Formatted) -> None:
        """Put a file's new text in the place of the old one.

        Raises:
            StackspecError: it cannot be written, was changed since it was read, or is the project's only by a link.
        """
        assert one.text is not None
        file, home = one.source.file, os.path.realpath(self.root)
        inside = os.path.realpath(self.root / file).startswith(f"{home.rstrip('/')}/")
        if not inside and not os.path.isabs(file):
            hint = "name the file itself, where it is meant"
            raise StackspecError.of("SS0103", f"a link on the way to {file} leaves the project", hint=hint)
        rewrite(self.root, {one.source.file: one.source}, {one.source.file: one.text.encode()})

    def _sources(self) -> Iterator[SourceText | Diagnostic]:
        reader = Reader(self.root)
        if self._names:
            yield from reader.files(self._names)
            return
        settings = list(reader.project_file())
        yield from settings
        manifests, _, _ = load(settings)
        project = next((one for one in manifests if one.kind == "Project"), None)
        yield from reader.manifests(manifest_folders(project))

    def _is_outside(self, name: str) -> bool:
        """Whether a name is a folder's that is not in the project: whose files they are nobody has said."""
        home = os.path.realpath(self.root)
        return os.path.isdir(name) and os.path.commonpath([home, os.path.realpath(name)]) != home

    @cached_property
    def _registry(self) -> Registry:
        # No code of others is imported to lay a file out: keys of their flavors' configs stay as they are.
        return Registry(foreign=False)

    def _config_schema(self, component_type: str, flavor: str) -> Schema | None:
        known = self._registry.knows(component_type, flavor)
        return self._registry.spec(component_type, flavor).schema if known else None


def _outside(folder: str) -> Diagnostic:
    hint = "name its files one by one, or begin in the project that they are of: stackspec -C DIR fmt"
    return Diagnostic("SS0103", f"the folder '{folder[:200]}' is outside of the project", None, hint)


def _no_manifest(source: SourceText) -> Diagnostic | None:
    """Why a file is not laid out: nothing in it says that it is ours to rewrite."""
    documents, problems = parse(source)
    if problems or not documents:
        return None  # told by who lays it out, or nothing to do
    for document in documents:
        value = document.value
        if not isinstance(value, Mapping):
            continue
        kind = value.get("kind")
        if value.get("apiVersion") == API_VERSION or (isinstance(kind, str) and kind in KINDS):
            return None
    message = "no manifest is in it, so it is left as it is"
    return Diagnostic("SS0201", message, documents[0].span(), f"a manifest has 'apiVersion: {API_VERSION}'")


def _root(*, named: bool) -> Path:
    try:
        return find_root(Path("."))
    except StackspecError as error:
        if named and all(one.code == "SS0112" for one in error.diagnostics):
            return Path.cwd()
        raise
