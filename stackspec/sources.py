"""What the files of a project say: read, checked, compiled for an environment; no state and no hook."""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import HIDING, Diagnostic, Note, Severity, Span, has_errors, in_order
from stackspec.core.expression import ExpressionError
from stackspec.core.frozen import dataclass
from stackspec.core.layout import PROJECT_FILE
from stackspec.core.own_variables import OWN_VARIABLES
from stackspec.core.places import Links, is_allowed, real_place
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.plugins import PluginError
from stackspec.flavors.registry import Registry
from stackspec.manifest.decode import FORBIDDEN
from stackspec.manifest.exposed import exposed
from stackspec.manifest.expressions import ValueResolver
from stackspec.manifest.load import load
from stackspec.manifest.model import Manifest, ProjectSpec
from stackspec.manifest.source import Reader
from stackspec.manifest.text import SourceText
from stackspec.stack.declared import Declarations, declare
from stackspec.stack.model import DesiredState
from stackspec.stack.resolve import resolve, unused_components
from stackspec.stack.rules import leads_out, managed_paths

if TYPE_CHECKING:
    from stackspec.manifest.committed import CommittedReader
    from stackspec.policy.policies import Policy


_MAY_BE_A_POLICY = Note(
    "a policy may be in it, and the project's policies count where manifests are given by -f as well"
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The manifests of a project as read.

    Attributes:
        texts: File, as places name it, to its text.
        named: The files that were named to be judged, as places name them.
        manifests: Those that could be read, of which one may be declared twice.
    """

    declarations: Declarations
    diagnostics: tuple[Diagnostic, ...]
    texts: dict[str, SourceText] = field(repr=False)
    named: frozenset[str] = frozenset()
    manifests: tuple[Manifest, ...] = field(default=(), repr=False)

    @property
    def hiding_policies(self) -> list[Diagnostic]:
        """The errors by which a policy may be unknown: all but those in documents of other kinds, or of no folder."""
        errors = [one for one in self.diagnostics if has_errors([one]) and one.code != "SS0111"]
        others = [one.span() for one in self.manifests if one.kind != "Policy"] if errors else []
        return [one for one in errors if not any(one.source and _holds(other, one.source) for other in others)]

    @property
    def wrong_settings(self) -> list[Diagnostic]:
        """The errors in the files that settings of the project are read from."""
        project = self.declarations.project_manifest
        files = {PROJECT_FILE, project.place.file if project else PROJECT_FILE}
        return [
            one for one in self.diagnostics if has_errors([one]) and (one.source is None or one.source.file in files)
        ]


class Sources:
    """The manifests of one project on disk; files are read when they are first needed.

    Args:
        root: The folder that holds `stackspec.yaml` or `stacks/`, absolute.
        files: Manifest files to read instead of the project's folders; `-` is standard input.
        registry: The flavors there are, instead of those that the project has.
        untrusted: Whether a stranger wrote them: then they read no variable of the process.
        named: Files and folders whose problems `validate` is to report alone, read as well where the project does not.
        overlay: File, from the root, to the text that is to stand for it; None for one that is to be left out.
        skipped: Files, from the root, to leave unread.
        committed: What reads the project's files as a commit has them, instead of those on disk.
    """

    def __init__(
        self,
        root: Path,
        files: Sequence[str] = (),
        registry: Registry | None = None,
        named: Sequence[str] = (),
        *,
        untrusted: bool = False,
        overlay: Mapping[str, str | None] | None = None,
        skipped: Collection[str] = (),
        committed: CommittedReader | None = None,
    ) -> None:
        self.root = root
        self._committed = committed
        self._skipped = skipped
        self._overlay = overlay or {}
        self._registry = registry
        self.files = tuple(files)
        self._named = tuple(named)
        self.untrusted = untrusted
        self.ways: set[str] = set()
        """The paths that were looked at for links: those that configs name, and the folders on their way."""
        self.work = 0
        """What the expressions took of their budget, by the last compilation."""

    def overlaid(self, overlay: Mapping[str, str | None]) -> Sources:
        """The same with other texts for some files, as in an overlay."""
        return Sources(self.root, self.files, self._registry, untrusted=self.untrusted, overlay=overlay)

    def as_committed(self, files: CommittedReader) -> Sources:
        """The same project with its files as a commit has them, and with the flavors that there are here."""
        return Sources(self.root, registry=self.registry, untrusted=self.untrusted, committed=files)

    def described(self) -> str:
        """What the project declares, or the files named, counted."""
        if self._named:
            return f"{len(self.loaded.named)} file{'' if len(self.loaded.named) == 1 else 's'}"
        declared = self.loaded.declarations
        counts = (
            (len(declared.stacks), "stack"),
            (len(declared.components), "shared component"),
            (len(declared.environments), "environment"),
        )
        return (
            ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count) or "no manifests"
        )

    @cached_property
    def loaded(self) -> Loaded:
        """Every manifest, and what is wrong with them one by one."""
        disk = Reader(self.root, self._skipped)
        reader = self._committed or disk
        manifests, diagnostics, texts = load(self._overlaid(reader.project_file(), {PROJECT_FILE}))
        settings = next((one for one in manifests if one.kind == "Project"), None)
        folders = manifest_folders(settings)
        if self._overlay and settings is None:  # a folder that there is none of yet may be all that is laid over it
            folders = [one for one in folders if (self.root / one[0]).exists()]
        read = disk.files(self.files) if self.files else reader.manifests(folders)
        sources = list(self._overlaid(read, self._overlay.keys() - {PROJECT_FILE}))
        also, named = self._also([*texts, *(one.file for one in sources if isinstance(one, SourceText))])
        more, problems, more_texts = load([*sources, *also])
        if self.files and not more and not problems:
            problems = [_empty(self.files)]
        declarations, conflicts = declare([*manifests, *more])
        found, all_texts = (*diagnostics, *problems, *conflicts), {**texts, **more_texts}
        return Loaded(declarations, found, all_texts, named, (*manifests, *more))

    def _overlaid(
        self, sources: Iterable[SourceText | Diagnostic], mine: Collection[str]
    ) -> Iterator[SourceText | Diagnostic]:
        """Texts, those of the overlay in the place of others; and those of `mine` that are in no file yet."""
        waiting = {file: text for file, text in self._overlay.items() if text is not None and file in mine}
        for source in sources:
            if not isinstance(source, SourceText) or source.file not in self._overlay:
                yield source
            elif (text := self._overlay[source.file]) is not None:
                waiting.pop(source.file, None)
                yield SourceText(source.file, text)
        yield from (SourceText(file, text) for file, text in waiting.items())

    def _also(self, known: Sequence[str]) -> tuple[list[SourceText | Diagnostic], frozenset[str]]:
        """What is named and not read yet, and the files that are named."""
        real = {os.path.realpath(self.root / file): file for file in known} if self._named else {}
        more: list[SourceText | Diagnostic] = []
        named: set[str] = set()
        for source in Reader(self.root).files(self._named):
            file = source.file if isinstance(source, SourceText) else source.source.file if source.source else None
            before = real.get(os.path.realpath(self.root / file)) if file is not None else None
            if before is None:
                more.append(source)
            named.update(filter(None, (before or file,)))
        return more, frozenset(named)

    @property
    def settings(self) -> ProjectSpec:
        """The Project's spec."""
        return self.loaded.declarations.project

    def spec(self, component_type: str, flavor: str) -> FlavorSpec | None:
        """A flavor's spec, None where this installation does not have the flavor."""
        try:
            return self.registry.spec(component_type, flavor)
        except (KeyError, PluginError):
            return None

    @cached_property
    def registry(self) -> Registry:
        """The flavors there are: those that were given, else the built-in ones with those that the project names."""
        return self._registry or Registry(plugins=self.settings.plugins, foreign=not self.untrusted)

    @cached_property
    def policies(self) -> tuple[list[Policy], list[Diagnostic]]:
        """The project's policies, also where other manifests are given by name; and what is wrong with them.

        Where they cannot be read, what is wrong is told here as well: one that is not known is not met.
        """
        declared, unread = self.loaded.declarations, self.loaded.hiding_policies
        if self.files:
            own = Sources(self.root, registry=self._registry, untrusted=self.untrusted).loaded
            self.loaded.texts.update({**own.texts, **self.loaded.texts})
            declared = replace(declared, policies={**declared.policies, **own.declarations.policies})
            unread = [replace(one, notes=(*one.notes, _MAY_BE_A_POLICY)) for one in own.hiding_policies]
        if not declared.policies:
            return [], unread
        from stackspec.policy.policies import policies_of

        policies, wrong = policies_of(declared, self.registry)
        return policies, [*unread, *wrong]

    def _plugin_problems(self) -> Iterator[Diagnostic]:
        """What is wrong with the modules that the project names for their flavors."""
        project = self.loaded.declarations.project_manifest
        for index, name in enumerate(self.settings.plugins):
            place = project.span(("spec", "plugins", index)) if project else None
            if self.untrusted:
                message = f"the plugin '{name}' is not imported, for these manifests are not trusted"
                yield Diagnostic("SS0211", message, place, severity=Severity.WARNING)
            elif error := self.registry.broken.get(name):
                yield Diagnostic("SS0211", error.message, place, error.hint)

    def compile(self, environment: str, values: ValueResolver | None = None) -> tuple[DesiredState, list[Diagnostic]]:
        """The desired state of an environment, and everything that is wrong with the manifests.

        Args:
            values: Given where several environments are compiled, for all their expressions to share one budget.
        """
        values = values or ValueResolver()
        desired, diagnostics = self._resolve(environment, values)
        self.work = values.work
        also = (*self._plugin_problems(), *self._linked_out(desired))
        return desired, [*self.loaded.diagnostics, *diagnostics, *also]

    def _resolve(
        self, environment: str, values: ValueResolver | None, unused: Collection[ComponentAddress] = ()
    ) -> tuple[DesiredState, list[Diagnostic]]:
        declarations = self.loaded.declarations
        listed = declarations.project.env
        process: dict[str, str | ExpressionError] = (
            {name: f"(env.{name})" for name in listed}
            if self.untrusted
            else {name: _variable(name) for name in listed if name in os.environ or name in OWN_VARIABLES}
        )
        return resolve(declarations, self.registry, process, environment, values, unused)

    def _linked_out(self, desired: DesiredState) -> Iterator[Diagnostic]:
        """What is wrong with paths that go out of the project through a link, which no text shows."""
        if self._committed is not None:
            return  # the links on disk are not those of then
        links, allowed = Links(self.root), [Path(path) for path in self.settings.allowed_paths]
        for path in managed_paths(desired, self.registry):
            self.ways.update(_ways(path.text))
            if links.on_the_way(path.text) and not is_allowed(real_place(self.root, path.text), self.root, allowed):
                yield leads_out(path)

    def validate(self, environment: str | None = None) -> list[Diagnostic]:
        """Every problem of the manifests, in one environment or in all; reads no state and calls no hook.

        Of a project that names files, the problems in these, and those without a place.
        """
        return in_order(self.judged(self._problems(environment)))

    def judged(self, found: list[Diagnostic]) -> list[Diagnostic]:
        """The problems that are asked for: where files are named, theirs and those without a place."""
        if not self._named:
            return found
        return [one for one in found if one.source is None or one.source.file in self.loaded.named]

    def _problems(self, environment: str | None) -> list[Diagnostic]:
        declarations = self.loaded.declarations
        if environment is not None or declarations.project.default_environment is not None:
            # Not `self.environment`: it asks the backend, and to validate opens no connection.
            selected = declarations.select(environment)
            if isinstance(selected, Diagnostic):
                return [*self.loaded.diagnostics, selected]
            names: Sequence[str] = (selected,) if environment is not None else declarations.environment_names
        else:
            names = declarations.environment_names
        policies, wrong_policies = self.policies
        found = [one for one in wrong_policies if one not in self.loaded.diagnostics]
        used: set[ComponentAddress] = set()
        values = ValueResolver()
        for name in names:
            desired, diagnostics = self.compile(name, values)
            found += diagnostics
            if policies:
                from stackspec.policy.judge import judge

                found += judge(desired, policies)
            used |= set(desired.components)
        found += self._exposed(found)
        if environment is None and not has_errors(found):
            unused = unused_components(declarations, used)
            found += unused.values()
            found += self._wrong_in(tuple(unused), names, values)
        return found

    def _wrong_in(
        self, unused: Sequence[ComponentAddress], names: Sequence[str], values: ValueResolver
    ) -> Iterable[Diagnostic]:
        """What is wrong, whatever the environment, with components that are in none."""
        if not unused:
            return ()
        by_name = (self._resolve(name, values, unused)[1] for name in names)
        return set.intersection(*(set(found) for found in by_name))

    def _exposed(self, found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
        """A warning of each secret in plain text that nothing is said of yet."""
        # What cannot be read is told of already, and may be of any size.
        unread = {one.source.file for one in self.loaded.diagnostics if one.source and one.code not in HIDING}
        told = sorted({one.source for one in found if one.source and one.code in HIDING})
        for file, text in self.loaded.texts.items():
            if file not in unread:
                yield from (one for one in exposed(text) if one.source and not _told(told, one.source))


def exposed_beside(text: SourceText, found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """A warning of each secret in plain text that what was found in the file says nothing of yet."""
    told = sorted({one.source for one in found if one.source and one.code in HIDING})
    return (one for one in exposed(text) if one.source and not _told(told, one.source))


def _holds(whole: Span, part: Span) -> bool:
    return whole.file == part.file and (whole.line, whole.column) <= (part.line, part.column) < _end(whole)


def _told(places: Sequence[Span], found: Span) -> bool:
    """Whether one of some places, in order and apart from each other, holds another one or a part of it."""
    at = bisect_left(places, (found.file, _end(found)), key=lambda one: (one.file, (one.line, one.column)))
    before = places[at - 1] if at else None
    return before is not None and before.file == found.file and _end(before) > (found.line, found.column)


def _end(place: Span) -> tuple[int, int]:
    return place.end_line, place.end_column


def _empty(files: Sequence[str]) -> Diagnostic:
    """What is wrong where manifests were to be read from somewhere else, and none are there."""
    what = "standard input holds" if "-" in files else f"{', '.join(files)} hold"
    hint = "what was to write them may have failed; 'set -o pipefail' has a shell's pipe fail with any command in it"
    return Diagnostic("SS0201", f"{what} no manifest", None, hint)


def _ways(path: str) -> Iterator[str]:
    """A path, and each folder on its way."""
    end = path.find("/", 1)
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)
    yield path


_SURROGATES = re.compile("[\ud800-\udfff]")


def _variable(name: str) -> str | ExpressionError:
    """A process variable's text, or why manifests cannot read it; never with any of its value."""
    if name in OWN_VARIABLES:
        hint = "what it is for ends where others can read it"
        return ExpressionError("SS0306", f"'env.{name}' is a key of stackspec's own, which no manifest reads", hint)
    text = os.environ[name]
    # Bytes that are not UTF-8 stand in it as lone surrogates.
    if not FORBIDDEN.search(text) and not _SURROGATES.search(text):
        return text
    hint = "set it to UTF-8 text without control, bidirectional or zero-width characters"
    return ExpressionError("SS0306", f"the value of 'env.{name}' is not text that manifests may hold", hint)


def manifest_folders(settings: Manifest | None) -> list[tuple[str, Span | None]]:
    """The folders and files that hold a project's manifests, by its Project, each with the place that names it."""
    if settings is None or "manifests" not in settings.spec:
        return [(folder, None) for folder in ProjectSpec().manifests]
    spans = [settings.span(("spec", "manifests", index)) for index in range(len(settings.spec["manifests"]))]
    return list(zip(settings.spec["manifests"], spans, strict=True))
