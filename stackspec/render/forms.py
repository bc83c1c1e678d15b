"""Components in the forms of other tools, by templates; secrets only ever as references.

A template is Jinja2 in its sandbox. Whatever it prints is printed as JSON, which YAML reads as the same value, so that
no text of a manifest is taken for YAML. What it made is read and written anew.
"""

from __future__ import annotations

import json
import re
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

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

from stackspec.core.address import format_path
from stackspec.core.diagnostic import Diagnostic, Severity, Span, StackspecError
from stackspec.core.expression import ComponentOutput, Deferred, Expression, Join, Literal, SecretReference
from stackspec.core.frozen import dataclass
from stackspec.core.values import Value
from stackspec.render.text import headline, safe
from stackspec.stack.model import DesiredComponent, DesiredState


class NotTellableError(Exception):
    """A value is worked out of what only an apply knows; `path` says where it stands."""

    def __init__(self, path: tuple[str | int, ...]) -> None:
        super().__init__(format_path(path))


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that is read where something runs: that of a secret, or an output of a component."""

    of: SecretReference | ComponentOutput

    @property
    def variable(self) -> str:
        """The variable that it is read from."""
        of = self.of
        words = (of.name, of.key) if isinstance(of, SecretReference) else (of.component, of.output)
        return re.sub("[^A-Z0-9]+", "_", "_".join(words).upper())


def dns_name(text: str) -> str:
    """A name or an address as a name that Kubernetes takes, the same one each time and another for each."""
    kind, slash, name = text.rpartition("/")
    plain = kind.replace("_", "-") + slash.replace("/", "-") + name
    if _DNS_NAME.match(plain) and len(plain) <= _LONGEST_NAME:
        return plain
    digest = blake2b(text.encode(), digest_size=4).hexdigest()
    return f"{re.sub('[^a-z0-9-]+', '-', plain.lower())[: _LONGEST_NAME - 9].strip('-') or 'x'}-{digest}"


_DNS_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?\Z")
_LONGEST_NAME = 52
"""Characters of a name, of 63 that Kubernetes takes, for what it appends to some."""


class Form(ABC):
    """What a tool reads: how a reference is written in a text, and how what components are made of is put together."""

    name: ClassVar[str]

    @abstractmethod
    def reference(self, reference: Reference) -> str:
        """A reference inside a text."""

    @abstractmethod
    def literal(self, text: str) -> str:
        """A text in which nothing is taken for a reference."""

    @abstractmethod
    def declared(self, references: Sequence[Reference]) -> Any:
        """What a template is given of the references that its component has."""

    @abstractmethod
    def put_together(self, documents: Sequence[Any]) -> list[Any]:
        """The documents of all components as those of one answer."""


class Kubernetes(Form):
    """Objects of Kubernetes; a reference is a variable of the container, from a Secret or a ConfigMap."""

    name = "kubernetes"

    def reference(self, reference: Reference) -> str:
        """As https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables."""
        return f"$({reference.variable})"

    def literal(self, text: str) -> str:
        """Likewise."""
        return text.replace("$(", "$$(")

    def declared(self, references: Sequence[Reference]) -> list[dict[str, Any]]:
        """The variables, for `env`, before all that name them."""
        return [{"name": one.variable, "valueFrom": self._from(one.of)} for one in references]

    def _from(self, of: SecretReference | ComponentOutput) -> dict[str, Any]:
        if isinstance(of, SecretReference):
            return {"secretKeyRef": {"name": dns_name(of.name), "key": of.key}}
        return {"configMapKeyRef": {"name": dns_name(of.component), "key": of.output}}

    def put_together(self, documents: Sequence[Any]) -> list[Any]:
        """Each by itself."""
        return [one for one in documents if one is not None]


class Compose(Form):
    """A file of Compose; a reference is a variable of who starts it, and it is refused to start without."""

    name = "compose"

    def reference(self, reference: Reference) -> str:
        """As https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md."""
        return f"${{{reference.variable}:?}}"

    def literal(self, text: str) -> str:
        """Likewise."""
        return text.replace("$", "$$")

    def declared(self, references: Sequence[Reference]) -> list[str]:
        """The names of the variables."""
        return [one.variable for one in references]

    def put_together(self, documents: Sequence[Any]) -> list[Any]:
        """One file with all services, volumes and so on."""
        whole: dict[str, Any] = {}
        for document in documents:
            for key, value in (document or {}).items():
                whole[key] = {**whole[key], **value} if isinstance(whole.get(key), dict) else value
        return [whole] if whole else []


FORMS: Mapping[str, Form] = {one.name: one for one in (Kubernetes(), Compose())}
"""Name to the form."""


def filled(value: Value, form: Form, references: dict[Reference, None], path: tuple[str | int, ...] = ()) -> Any:
    """A value with what waits in it as references, which are added to `references`.

    Raises:
        NotTellableError: a part of it can only be worked out by an apply.
    """
    if isinstance(value, Deferred):
        return _text(value.expression, form, references, path)
    if isinstance(value, str):
        return form.literal(value)
    if isinstance(value, Mapping):
        return {key: filled(item, form, references, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, form, references, (*path, index)) for index, item in enumerate(value)]
    return value


def _text(expression: Expression, form: Form, references: dict[Reference, None], path: tuple[str | int, ...]) -> str:
    match expression:
        case Literal(str() as text):
            return form.literal(text)
        case Literal(value):
            return json.dumps(value)
        case SecretReference(name, key):
            reference = Reference(SecretReference(name, key))
        case ComponentOutput():
            reference = Reference(expression)
        case Join(parts):
            return "".join(_text(one, form, references, path) for one in parts)
        case _:
            raise NotTellableError(path)
    references[reference] = None
    return form.reference(reference)


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

    def made(self, form: Form, component: DesiredComponent, more: Mapping[str, Any]) -> list[Any] | None:
        """The documents of a component in a form; None where there is no template for it, or it makes nothing.

        Raises:
            NotTellableError: the component has values that only an apply knows.
            StackspecError: the template is wrong.
        """
        address = component.address
        names = (f"{form.name}/{kind}/{component.flavor}.j2" for kind in (address.type, "any_type"))
        template = next(filter(None, map(self._read, names)), None)
        if template is None:
            return None
        references: dict[Reference, None] = {}
        told = {
            "address": str(address),
            "type": address.type,
            "name": address.name,
            "flavor": component.flavor,
            "config": filled(component.config, form, references, ("config",)),
            "environment": filled(component.variables, form, references, ("environment",)),
            "labels": dict(component.labels),
            "suspended": component.suspended,
        }
        given = {
            "component": told,
            "name": dns_name(str(address)),
            "references": form.declared(list(references)),
            **more,
        }
        file = str(template.filename or template.name)
        try:
            text = template.render(given)
        except Exception as error:  # whatever a template calls may raise anything
            raise self._wrong(error, file) from error.with_traceback(None)
        try:
            documents = [one for one in yaml.safe_load_all(text) if one is not None]
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f", at line {mark.line + 1} of what it makes" if mark else ""
            problem = getattr(error, "problem", None) or "it cannot be read"
            raise self._at(file, 1, f"for {address} it makes no YAML: {safe(str(problem))}{line}") from None
        if any(not isinstance(one, dict) for one in documents):
            raise self._at(file, 1, f"for {address} it makes something that is no mapping")
        return documents or None

    def _read(self, name: str) -> Template | None:
        try:
            return self._jinja.get_template(name)
        except TemplateNotFound:
            return None
        except (TemplateError, OSError, ValueError) as error:
            raise self._wrong(error, f"{self._root}/templates/{name}") from error.with_traceback(None)

    def _wrong(self, error: Exception, file: str) -> StackspecError:
        """What a template's mistake is told as, at its line."""
        if isinstance(error, TemplateSyntaxError):
            return self._at(str(error.filename or file), error.lineno, headline(str(error.message)))
        frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.endswith(".j2")]
        place = (frames[-1].filename, frames[-1].lineno or 1) if frames else (file, 1)
        said = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        return self._at(*place, headline(said))

    def _at(self, file: str, line: int, message: str) -> StackspecError:
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
    documents: list[Any] = []
    left: list[Diagnostic] = []
    more = {"environment": desired.environment.name}
    for component in components:
        why = f"the flavor '{component.flavor}' has no form for {form.name} with this config"
        try:
            made = templates.made(form, component, more)
        except NotTellableError as error:
            made, why = None, f"{error} is worked out of what only an apply knows"
        if made is None:
            message = f"{component.address} is left out: {why}"
            hint = f"write templates/{form.name}/{component.address.type}/{component.flavor}.j2 for it"
            left.append(Diagnostic("SS1407", message, component.place(), hint, Severity.WARNING))
        else:
            documents += made
    return form.put_together(documents), left


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
