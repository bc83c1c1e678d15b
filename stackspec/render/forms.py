"""Components in the forms of other tools, by templates; secrets only ever as references.

A template is Jinja2 in its sandbox. Whatever it prints is printed as JSON, which YAML reads as the same value, so that
no text of a manifest is taken for YAML. What it made is read as manifests are, and written anew.
"""

from __future__ import annotations

import json
import re
import traceback
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

from stackspec.core.address import ComponentAddress, format_path
from stackspec.core.diagnostic import Diagnostic, Severity, Span, StackspecError
from stackspec.core.expression import (
    ComponentOutput,
    Deferred,
    Expression,
    Join,
    Literal,
    SecretReference,
    outputs_in,
    secrets_in,
)
from stackspec.core.frozen import dataclass
from stackspec.core.values import Value, canonical
from stackspec.manifest.decode import decode
from stackspec.manifest.parse import parse
from stackspec.manifest.text import SourceText
from stackspec.render.text import headline, safe
from stackspec.stack.model import DesiredComponent, DesiredState


class NotTellableError(Exception):
    """A value is worked out of what only an apply knows; `path` says where it stands."""

    def __init__(self, path: tuple[str | int, ...]) -> None:
        super().__init__(format_path(path))


class ClashError(Exception):
    """Two components are made into the same thing of a tool's file, each another; its path is the message."""

    def __init__(self, path: tuple[str, ...], first: Made, second: Made) -> None:
        super().__init__(format_path(path))
        self.first, self.second = first, second


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that is read where something runs: that of a secret, or an output of a component.

    Attributes:
        variable: The variable that it is read from.
    """

    of: SecretReference | ComponentOutput
    variable: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a template makes of a component.

    Attributes:
        file: That of the template.
    """

    address: ComponentAddress
    file: str
    documents: Sequence[Mapping[str, Any]]


def references_in(components: Iterable[DesiredComponent]) -> dict[str, Reference]:
    """What components wait for, by its expression; each has a variable of its own, whose name any shell takes.

    Of several whose names would be one, as of `a-b` and `a_b`, each has a digest behind it.
    """
    values = (value for one in components for value in (one.config, one.variables))
    waited = {str(one): one for value in values for one in _waited_for(value)}
    plain = {text: _variable(one) for text, one in waited.items()}
    times = Counter(plain.values())
    return {
        text: Reference(one, name if times[name := plain[text]] == 1 else f"{name}_{_digest(text).upper()}")
        for text, one in waited.items()
    }


def _waited_for(value: Value) -> Iterator[SecretReference | ComponentOutput]:
    if isinstance(value, Deferred):
        yield from secrets_in(value.expression)
        yield from outputs_in(value.expression)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _waited_for(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _waited_for(item)


def _variable(of: SecretReference | ComponentOutput) -> str:
    words = (of.name, of.key) if isinstance(of, SecretReference) else (of.component, of.output)
    name = re.sub("[^A-Z0-9]+", "_", "_".join(words).upper())
    return f"_{name}" if name[0].isdigit() else name


def dns_name(text: str) -> str:
    """A name or an address as a name that Kubernetes takes, the same one each time and another for each."""
    kind, slash, name = text.rpartition("/")
    plain = kind.replace("_", "-") + slash.replace("/", "-") + name
    if _DNS_NAME.match(plain) and len(plain) <= _LONGEST_NAME:
        return plain
    shortened = re.sub("[^a-z0-9-]+", "-", plain.lower())[: _LONGEST_NAME - 9].strip("-")
    return f"{shortened or 'x'}-{_digest(text)}"


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=4).hexdigest()


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
    def put_together(self, made: Sequence[Made]) -> list[Any]:
        """The documents of all components as those of one answer.

        Raises:
            ClashError: two make the same thing, each another.
        """


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

    def put_together(self, made: Sequence[Made]) -> list[Any]:
        """Each by itself."""
        return [document for one in made for document in one.documents]


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

    def put_together(self, made: Sequence[Made]) -> list[Any]:
        """One file with all services, volumes and so on; raises where a service is made twice, or two things are one.

        What is shared, such as a network, may be in several if it is the same in each.
        """
        whole: dict[str, Any] = {}
        makers: dict[tuple[str, ...], Made] = {}

        def put(into: dict[str, Any], path: tuple[str, ...], value: Any, maker: Made) -> None:
            first = makers.setdefault(path, maker)
            there = into.setdefault(path[-1], value)
            if there is not value and (path[0] == "services" or canonical(there) != canonical(value)):
                raise ClashError(path, first, maker)

        for one in made:
            for document in one.documents:
                for key, value in document.items():
                    if isinstance(value, dict) and isinstance(whole.setdefault(key, {}), dict):
                        makers.setdefault((key,), one)
                        for name, item in value.items():
                            put(whole[key], (key, name), item, one)
                    else:
                        put(whole, (key,), value, one)
        return [whole] if whole else []


FORMS: Mapping[str, Form] = {one.name: one for one in (Kubernetes(), Compose())}
"""Name to the form."""


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
