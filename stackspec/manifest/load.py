"""From the texts of files to checked manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from stackspec.core.address import PathStep
from stackspec.core.diagnostic import PASSWORD_OF_STATE, Diagnostic, did_you_mean
from stackspec.manifest.document import Document
from stackspec.manifest.model import API_VERSION, KINDS, Manifest
from stackspec.manifest.parse import parse
from stackspec.manifest.schema import Checker, Problem, envelope, type_name
from stackspec.manifest.state_settings import holds_password
from stackspec.manifest.text import SourceText


def load(sources: Iterable[SourceText | Diagnostic]) -> tuple[list[Manifest], list[Diagnostic], dict[str, SourceText]]:
    """Every manifest that could be read, every problem, and the texts by file, for excerpts."""
    manifests: list[Manifest] = []
    diagnostics: list[Diagnostic] = []
    texts: dict[str, SourceText] = {}
    for source in sources:
        if isinstance(source, Diagnostic):
            diagnostics.append(source)
            continue
        texts[source.file] = source
        documents, problems = parse(source)
        diagnostics += problems
        for document in documents:
            manifest = _manifest(document, diagnostics)
            if manifest is not None:
                manifests.append(manifest)
    return manifests, diagnostics, texts


@cache
def _checker(kind: str) -> Checker:
    return Checker(envelope(kind))


def _manifest(document: Document, diagnostics: list[Diagnostic]) -> Manifest | None:
    value = document.value
    if not isinstance(value, Mapping):
        message = f"a manifest is a mapping, not {type_name(value)}"
        hint = f"begin with 'apiVersion: {API_VERSION}' and 'kind: Stack'"
        diagnostics.append(Diagnostic("SS0201", message, document.span(), hint))
        return None
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        diagnostics.append(_unknown_kind(document, kind))
        return None
    problems = _checker(kind).check(value)
    diagnostics += [located(problem, document) for problem in problems]
    metadata = value.get("metadata") or {}
    name = metadata.get("name", "project" if kind == "Project" else None) if isinstance(metadata, Mapping) else None
    if not isinstance(name, str) or not isinstance(value.get("spec", {}), Mapping):
        return None  # reported
    labels = metadata.get("labels", {})
    diagnostics += [
        Diagnostic("SS0305", f"the label '{key[:80]}' cannot be an expression", place, "write the value out")
        for key, text in (labels.items() if isinstance(labels, Mapping) else ())
        if isinstance(text, str) and "{{" in text and (place := document.span(("metadata", "labels", key)))
    ]
    if kind == "Project":
        diagnostics += _shown_passwords(value.get("spec", {}), document)
    return Manifest(
        kind,
        name,
        labels if isinstance(labels, Mapping) else {},
        readable(
            value.get("spec", {}), [one for one in problems if len(one.path) > 1 and one.path[0] == "spec"], depth=1
        ),
        document,
    )


def _shown_passwords(spec: Mapping[str, Any], document: Document) -> Iterator[Diagnostic]:
    """A password where the state is said to be."""
    state = spec.get("state")
    url = state.get("url") if isinstance(state, Mapping) else None
    if isinstance(url, str) and holds_password(url):
        message = "'spec.state.url' holds a password, and is read by all who read the manifest"
        hint = "give it by PGPASSWORD, ~/.pgpass or a service file, and change it: it is in the history of the file"
        yield Diagnostic(PASSWORD_OF_STATE, message, document.span(("spec", "state", "url")), hint)


def readable(fields: Mapping[str, Any], problems: Iterable[Problem], depth: int = 0) -> Mapping[str, Any]:
    """A component's or stack's fields without what was reported, so that linking says nothing about it again.

    A field goes as a whole; of variables the one at fault, and a faulty item of `depends_on` becomes None.

    Args:
        depth: How many steps of the problems' paths lead to the fields.
    """
    whole: set[PathStep] = set()
    parts: dict[PathStep, set[PathStep]] = {}
    for problem in problems:
        field, *inner = problem.path[depth:]
        if inner and field in ("depends_on", "environment"):
            parts.setdefault(field, set()).add(inner[0])
        # A component's config that is no mapping is left for those who read it to see.
        elif field != "config" or problem.key:
            whole.add(field)
    left = {key: item for key, item in fields.items() if key not in whole} if whole else fields
    return {key: _without(item, parts[key]) if key in parts else item for key, item in left.items()} if parts else left


def _without(items: Any, faulty: set[PathStep]) -> Any:
    if isinstance(items, Mapping):
        return {key: item for key, item in items.items() if key not in faulty}
    return [None if index in faulty else item for index, item in enumerate(items)]


def _unknown_kind(document: Document, kind: object) -> Diagnostic:
    if "kind" not in document.value:
        hint = "kind: " + " | ".join(KINDS)
        return Diagnostic("SS0201", "not a manifest: it has no 'kind'", document.span(("kind",)), hint)
    place = document.span(("kind",))
    if not isinstance(kind, str):
        return Diagnostic("SS0205", f"'kind' must be text, not {type_name(kind)}", place, "kind: " + " | ".join(KINDS))
    return Diagnostic("SS0202", f"unknown kind '{kind[:80]}'", place, did_you_mean(kind, KINDS))


def located(problem: Problem, document: Document, prefix: tuple[str | int, ...] = ()) -> Diagnostic:
    """A problem at its place: the value at `prefix` followed by the problem's own path, or its key."""
    span = document.span((*prefix, *problem.path), key=problem.key)
    return Diagnostic(problem.code, problem.message, span, problem.hint)
