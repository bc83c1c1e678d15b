"""Components in the forms of other tools, by templates; secrets only ever as references.

A template is Jinja2 in its sandbox. Whatever it prints is printed as JSON, which YAML reads as the same value, so that
no text of a manifest is taken for YAML. What it made is read as manifests are, and written anew.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jinja2 import (
    BaseLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    Undefined,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from stackspec.core.address import ComponentAddress, format_path
from stackspec.core.diagnostic import Diagnostic, Severity, Span, StackspecError
from stackspec.core.expression import ComponentOutput, Deferred, Expression, Join, Literal, SecretReference
from stackspec.core.values import Value
from stackspec.manifest.decode import decode
from stackspec.manifest.parse import parse
from stackspec.manifest.text import SourceText
from stackspec.render.forms import ClashError, Form, Made
from stackspec.render.references import Reference, dns_name, references_in
from stackspec.render.text import headline, safe
from stackspec.stack.model import DesiredComponent, DesiredState


class NotTellableError(Exception):
    """A value is worked out of what only an apply knows; `path` says where it stands."""

    def __init__(self, path: tuple[str | int, ...]) -> None:
        super().__init__(format_path(path))


class _Filling:
    """Values of a component with what waits in them as references, of which those that were `used` are kept."""

    def __init__(self, form: Form, known: Mapping[str, Reference]) -> None:
        self._form, self._known = form, known
        self.used: dict[Reference, None] = {}

    def value(self, value: Value, path: tuple[str | int, ...]) -> Any:
        """A value that holds nothing that waits.

        Raises:
            NotTellableError: a part of it can only be worked out by an apply.
        """
        if isinstance(value, Deferred):
            return self._text(value.expression, path)
        if isinstance(value, str):
            return self._form.literal(value)
        if isinstance(value, Mapping):
            return {key: self.value(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        return value

    def _text(self, expression: Expression, path: tuple[str | int, ...]) -> str:
        match expression:
            case Literal(str() as text):
                return self._form.literal(text)
            case Literal(value):
                return json.dumps(value)
            case Join(parts):
                return "".join(self._text(one, path) for one in parts)
            case SecretReference() | ComponentOutput():
                reference = self._known[str(expression)]
                self.used[reference] = None
                return self._form.reference(reference)
            case _:
                raise NotTellableError(path)


class Templates:
    """The templates there are, the project's before those that are shipped.

    Args:
        root: The project's folder, from which places in its templates are told.
    """

    def __init__(self, loader: BaseLoader, root: Path) -> None:
        self._root = root
        self._jinja = ImmutableSandboxedEnvironment(
            loader=loader, undefined=StrictUndefined, finalize=_as_json, trim_blocks=True, lstrip_blocks=True
        )

    def made(
        self, form: Form, component: DesiredComponent, known: Mapping[str, Reference], more: Mapping[str, Any]
    ) -> Made | None:
        """A component in a form; None where there is no template for it, or it makes nothing.

        Args:
            known: See `references_in`.
            more: What else the template is given.

        Raises:
            NotTellableError: the component has values that only an apply knows.
            StackspecError: the template is wrong.
        """
        address = component.address
        names = (f"{form.name}/{kind}/{component.flavor}.j2" for kind in (address.type, "any_type"))
        template = next(filter(None, map(self._read, names)), None)
        if template is None:
            return None
        filling = _Filling(form, known)
        told = {
            "address": str(address),
            "type": address.type,
            "name": address.name,
            "flavor": component.flavor,
            "config": filling.value(component.config, ("config",)),
            "environment": filling.value(component.variables, ("environment",)),
            "labels": dict(component.labels),
            "suspended": component.suspended,
        }
        given = {
            "component": told,
            "name": dns_name(str(address)),
            "references": form.declared(list(filling.used)),
            **more,
        }
        file = str(template.filename or template.name)
        try:
            text = template.render(given)
        except Exception as error:  # whatever a template calls may raise anything
            raise self._failed(error, file) from error.with_traceback(None)
        documents = list(self._documents(text, address, file))
        return Made(address, file, documents) if documents else None

    def _documents(self, text: str, address: ComponentAddress, file: str) -> Iterator[Mapping[str, Any]]:
        """What a template made, read as manifests are: a checkout can carry templates, and a text any YAML."""
        source = decode(file, text.encode("utf-8", "surrogatepass"))
        documents, problems = parse(source) if isinstance(source, SourceText) else ([], [source])
        for problem in problems:
            line = f", line {problem.source.line} of what it makes" if problem.source else ""
            raise self._wrong(file, 1, f"for {address}{line}: {problem.message}")
        for one in documents:
            if not isinstance(one.value, dict):
                raise self._wrong(file, 1, f"for {address} it makes something that is no mapping")
            yield one.value

    def _read(self, name: str) -> Template | None:
        try:
            return self._jinja.get_template(name)
        except TemplateNotFound:
            return None
        except (TemplateError, OSError, ValueError) as error:
            raise self._failed(error, f"{self._root}/templates/{name}") from error.with_traceback(None)

    def _failed(self, error: Exception, file: str) -> StackspecError:
        """What a template's mistake is told as, at its line."""
        if isinstance(error, TemplateSyntaxError):
            return self._wrong(str(error.filename or file), error.lineno, headline(str(error.message)))
        frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.endswith(".j2")]
        place = (frames[-1].filename, frames[-1].lineno or 1) if frames else (file, 1)
        said = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        return self._wrong(*place, headline(said))

    def clash(self, error: ClashError) -> StackspecError:
        """That two components are made into the same thing, at the project's own template, if one is that."""
        first, second = error.first, error.second
        blamed = first if Path(first.file).is_relative_to(self._root) else second
        other = second if blamed is first else first
        return self._wrong(
            blamed.file, 1, f"it makes '{error}' of {blamed.address}, which is made of {other.address} too"
        )

    def _wrong(self, file: str, line: int, message: str) -> StackspecError:
        path = Path(file)
        inside = path.is_relative_to(self._root)
        shown = path.relative_to(self._root).as_posix() if inside else path.name if path.is_absolute() else file
        hint = None if inside else "this template is shipped with stackspec; one of the project's takes its place"
        return StackspecError.of(
            "SS1406", f"a template is wrong: {message}", source=Span(shown, line, 1, line, 1), hint=hint
        )


def _as_json(value: Any) -> str:
    if isinstance(value, Undefined):
        return str(value)  # raises, and says what is not defined
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match.group()):04x}", json.dumps(value, ensure_ascii=False))


_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What YAML takes as an escape only."""


def forms(
    desired: DesiredState, components: Sequence[DesiredComponent], form: Form, templates: Templates
) -> tuple[list[Any], list[Diagnostic]]:
    """What components are in a form, and a warning for each that has none.

    Raises:
        StackspecError: a template is wrong.
    """
    found: list[Made] = []
    left: list[Diagnostic] = []
    known = references_in(desired.components.values())
    more = {"environment": desired.environment.name}
    for component in components:
        why = f"the flavor '{component.flavor}' has no form for {form.name} with this config"
        try:
            made = templates.made(form, component, known, more)
        except NotTellableError as error:
            made, why = None, f"{error} is worked out of what only an apply knows"
        if made is None:
            message = f"{component.address} is left out: {why}"
            hint = f"write templates/{form.name}/{component.address.type}/{component.flavor}.j2 for it"
            left.append(Diagnostic("SS1407", message, component.place(), hint, Severity.WARNING))
        else:
            found.append(made)
    try:
        return form.put_together(found), left
    except ClashError as error:
        raise templates.clash(error) from None


def forms_yaml(documents: Sequence[Any], left: Sequence[Diagnostic]) -> str:
    """The documents as YAML, with what was left out in comments before them."""
    return "".join(_comments(left)) + (
        yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, explicit_start=len(documents) > 1, width=120)
        if documents
        else "# nothing\n"
    )


def _comments(left: Sequence[Diagnostic]) -> Iterator[str]:
    for one in left:
        yield f"# {safe(one.message)}\n"
