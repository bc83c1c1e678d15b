"""Files that describe a stack for ZenML, read with the place of everything in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from stackspec.core.address import FieldPath
from stackspec.core.diagnostic import Diagnostic, Severity, Span, StackspecError, has_errors, in_order
from stackspec.core.frozen import dataclass
from stackspec.core.regular_file import UnfitError, read_regular
from stackspec.edit.zenml.counterparts import MLSTACKS
from stackspec.manifest.decode import decode
from stackspec.manifest.document import Document
from stackspec.manifest.parse import MOST_DOCUMENT_BYTES, parse
from stackspec.manifest.text import SourceText


@dataclass(frozen=True, slots=True)
class ForeignComponent:
    """A component as a file has it.

    Attributes:
        config: Its configuration; `ours` are fields by the names that they have here.
        document: Where it stands, at `path`; its configuration at `config_path`.
    """

    type: str
    name: str
    flavor: str
    config: Mapping[str, Any]
    ours: Mapping[str, Any]
    document: Document
    path: FieldPath
    config_path: FieldPath

    def place(self, field: FieldPath = ()) -> Span:
        """Where a field of its configuration stands; or else what it is called."""
        if field:
            return self.document.span((*self.config_path, *field), key=True)
        return self.document.span((*self.path, "name"))

    def __str__(self) -> str:
        return f"{self.type[:80]}/{self.name[:80]}"


@dataclass(frozen=True, slots=True)
class ForeignStack:
    """A stack as a file has it.

    Attributes:
        warnings: What there is to tell of the file.
    """

    name: str
    place: Span
    components: tuple[ForeignComponent, ...]
    warnings: tuple[Diagnostic, ...] = ()


def read_stack(file: str, form: str, texts: MutableMapping[str, SourceText]) -> ForeignStack:
    """The stack that a file describes.

    Args:
        form: Whose file it is: `zenml`, `mlstacks`, or `auto` for what it looks like.
        texts: Gets the text of each file that is read, for excerpts.

    Raises:
        StackspecError: it cannot be read, or is no such file.
    """
    document = _document(file, texts)
    if not isinstance(document.value, dict):
        raise _no_stack(document, (), "it is no mapping")
    if form == "auto":
        form = "mlstacks" if "spec_type" in document.value or "spec_version" in document.value else "zenml"
    return _Reading(document, file, texts).stack(form)


class _Reading:
    """The reading of one stack, with all that is wrong with it."""

    def __init__(self, document: Document, file: str, texts: MutableMapping[str, SourceText]) -> None:
        self._document = document
        self._file = file
        self._texts = texts
        self._wrong: list[Diagnostic] = []
        self._warnings: list[Diagnostic] = []

    def stack(self, form: str) -> ForeignStack:
        zenml = form == "zenml"
        name_path = ("stack_name",) if zenml else ("name",)
        name = self._text(self._document, name_path)
        found = tuple(self._of_zenml() if zenml else self._of_mlstacks())
        if self._wrong:
            raise StackspecError(in_order(self._wrong))
        return ForeignStack(name, self._document.span(name_path), found, tuple(self._warnings))

    def _of_zenml(self) -> Iterator[ForeignComponent]:
        components = self._value(self._document, ("components",), dict, "a mapping of types to components")
        for kind, entries in (components or {}).items():
            # Until 0.60 or so a type had one component, and no list.
            for index, _ in enumerate(entries) if isinstance(entries, list) else ((None, entries),):
                path: FieldPath = ("components", kind) if index is None else ("components", kind, index)
                if self._value(self._document, path, dict, "a mapping") is None:
                    continue
                config_path = (*path, "configuration")
                yield from self._component(self._document, path, config_path, kind, "flavor")

    def _of_mlstacks(self) -> Iterator[ForeignComponent]:
        files = self._value(self._document, ("components",), list, "a list of files")
        home = os.path.dirname(self._file) or "."
        for index, file in enumerate(files or ()):
            place = self._document.span(("components", index))
            if not isinstance(file, str) or not file:
                self._wrong.append(Diagnostic("SS1001", "a component is named by the file that describes it", place))
                continue
            path = os.path.normpath(os.path.join(home, file))
            if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(home)):
                message, hint = f"'{file[:80]}' is not in the folder of the stack's file", "keep the files together"
                self._wrong.append(Diagnostic("SS0103", message, place, hint))
                continue
            try:
                document = _document(path, self._texts, place)
            except StackspecError as error:
                self._wrong += error.diagnostics
                continue
            if self._value(document, (), dict, "a mapping") is not None:
                kind = self._text(document, ("component_type",))
                yield from self._component(document, (), ("metadata", "config"), kind, "component_flavor")

    def _component(
        self, document: Document, path: FieldPath, config_path: FieldPath, kind: str, flavor_key: str
    ) -> Iterator[ForeignComponent]:
        name, flavor = (self._text(document, (*path, key)) for key in ("name", flavor_key))
        config = self._value(document, config_path, dict, "a mapping", optional=True) or {}
        body = _at(document.value, path)
        known = {"name", "type", flavor_key, "configuration", "spec_version", "spec_type", "component_type", "provider"}
        for key in sorted(body.keys() - known - {"metadata"}):
            self._left_out(document, (*path, key))
        ours = {}
        if flavor_key == "component_flavor":
            metadata = self._value(document, ("metadata",), dict, "a mapping", optional=True) or {}
            for key in sorted(metadata.keys() - {"config"}):
                self._left_out(document, ("metadata", key))
            words = MLSTACKS.get(f"{kind}/{flavor}", {})
            region = self._document.value.get("default_region")
            given = {**({"region": region} if region else {}), **config}
            ours = {mine: given[word] for word, mine in words.items() if word in given}
            config = {key: value for key, value in config.items() if key not in words}
        yield ForeignComponent(kind, name, flavor, config, ours, document, path, config_path)

    def _left_out(self, document: Document, path: FieldPath) -> None:
        key = str(path[-1])
        hint = None
        if "connector" in key:
            hint = "credentials come from the machine's own login here, or from secrets: see stackspec flavor describe"
        if _at(document.value, path):
            message = f"'{key[:80]}' is not carried over"
            place = document.span(path, key=True)
            self._warnings.append(Diagnostic("SS1002", message, place, hint, Severity.WARNING))

    def _text(self, document: Document, path: FieldPath) -> str:
        value = self._value(document, path, str, "text")
        return value if isinstance(value, str) else ""

    def _value(self, document: Document, path: FieldPath, kind: type, what: str, *, optional: bool = False) -> Any:
        """What stands at a path, if it is of a kind; else it is wrong."""
        value = _at(document.value, path)
        if isinstance(value, kind) or (optional and value is None):
            return value
        called = f"'{'.'.join(map(str, path))}'" if path else "it"
        missing = "is missing" if value is None else f"is not {what}"
        self._wrong.append(_no_stack(document, path, f"{called[:120]} {missing}").diagnostics[0])
        return None


def _at(value: Any, path: FieldPath) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _document(file: str, texts: MutableMapping[str, SourceText], named_at: Span | None = None) -> Document:
    """The one YAML document of a file."""
    shown = named_at or Span(file, 1, 1, 1, 1)
    try:
        data = read_regular(Path(file), MOST_DOCUMENT_BYTES).data
    except UnfitError as error:
        code = "SS0106" if "larger" in str(error) else "SS0102"
        raise StackspecError.of(code, f"'{file[:200]}' is not read: {error}", source=named_at) from None
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        why = error.strerror if isinstance(error, OSError) else "no file can be called so"
        code = "SS0111" if missing else "SS0101"
        raise StackspecError.of(code, f"cannot read '{file[:200]}': {why}", source=named_at) from None
    source = decode(file, data)
    if isinstance(source, Diagnostic):
        raise StackspecError([source])
    texts[file] = source
    documents, problems = parse(source)
    if has_errors(problems):
        raise StackspecError(in_order(problems))
    if len(documents) != 1:
        what = "holds nothing" if not documents else "holds several documents"
        raise StackspecError.of("SS1001", f"'{file[:200]}' {what}", source=shown, hint=_EXPORT)
    return documents[0]


def _no_stack(document: Document, path: FieldPath, why: str) -> StackspecError:
    return StackspecError.of("SS1001", f"this is no stack of ZenML: {why}", source=document.span(path), hint=_EXPORT)


_EXPORT = "export it by: zenml stack export NAME FILE"
