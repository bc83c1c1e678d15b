"""The files of other tools that components are made into, each with references of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from stackspec.core.address import ComponentAddress, format_path
from stackspec.core.expression import ComponentOutput, SecretReference
from stackspec.core.frozen import dataclass
from stackspec.core.values import canonical
from stackspec.render.references import Reference, dns_name


class ClashError(Exception):
    """Two components are made into the same thing of a tool's file, each another; its path is the message."""

    def __init__(self, path: tuple[str, ...], first: Made, second: Made) -> None:
        super().__init__(format_path(path))
        self.first, self.second = first, second


@dataclass(frozen=True, slots=True)
class Made:
    """What a template makes of a component.

    Attributes:
        file: That of the template.
    """

    address: ComponentAddress
    file: str
    documents: Sequence[Mapping[str, Any]]


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
        return text.replace("$", "$$")

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
