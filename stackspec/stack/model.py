"""Desired state: what one environment should hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.diagnostic import Span
from stackspec.core.expression import SecretReference
from stackspec.core.frozen import dataclass
from stackspec.core.values import ValueMap
from stackspec.manifest.document import Document
from stackspec.manifest.model import NO_LIFECYCLE, EnvironmentSpec, LifecycleSpec


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in the manifests a component or stack is declared; places are worked out only when they are shown."""

    document: Document
    path: FieldPath

    def span(self, path: FieldPath = (), *, key: bool = False) -> Span:
        """The place of a value of it, by its path from the mapping that declares it."""
        return self.document.span((*self.path, *path), key=key)


@dataclass(frozen=True, slots=True)
class DesiredComponent:
    """A component as the manifests want it.

    Attributes:
        config: Complete with defaults; a value that waits for another component's outputs is `Deferred`.
        depends_on: The components that must be there first, named or read from.
        stacks: The names of the stacks that use it.
        timeouts: Hook name to seconds.
        variables: For what runs with the component.
        origin: Where it is declared; None of one that stands for what was applied before.
        moved: The addresses that it had before.
        imported: Whether what exists already is to be taken over.
        secrets: The names of Secrets whose keys are variables for what runs with the component.
    """

    address: ComponentAddress
    flavor: str
    config: ValueMap
    digest: str
    depends_on: tuple[ComponentAddress, ...]
    stacks: tuple[str, ...]
    origin: Origin | None
    suspended: bool = False
    lifecycle: LifecycleSpec = NO_LIFECYCLE
    timeouts: Mapping[str, float] = field(default_factory=dict)
    variables: ValueMap = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    moved: tuple[ComponentAddress, ...] = ()
    imported: bool = False
    secrets: tuple[str, ...] = ()

    def place(self, path: FieldPath = ()) -> Span | None:
        """Where a value of it stands in the manifests, by its path from the component's own mapping."""
        return self.origin.span(path) if self.origin else None


@dataclass(frozen=True, slots=True)
class DesiredStack:
    """A stack and the components it uses, the default first where a type has several.

    Attributes:
        origin: Where it is declared.
    """

    name: str
    description: str
    components: Mapping[str, tuple[ComponentAddress, ...]]
    suspended: bool
    variables: ValueMap
    labels: Mapping[str, str]
    secrets: tuple[str, ...]
    origin: Origin

    def place(self, path: FieldPath = ()) -> Span:
        """Where a value of it stands in the manifests, by its path from the manifest's `spec`."""
        return self.origin.span(path)


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment that a desired state is for."""

    name: str
    settings: EnvironmentSpec


@dataclass(frozen=True, slots=True)
class DesiredSecretStore:
    """A place that keeps secrets.

    Attributes:
        config: What manifests say of it; the defaults are not filled in.
    """

    name: str
    type: str
    config: ValueMap
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DesiredSecret:
    """Values of a store, under names of their own.

    Attributes:
        store: The name of the store.
        keys: Key to where the value is kept.
    """

    name: str
    store: str
    keys: Mapping[str, SecretReference]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DesiredState:
    """All that one environment should hold; components in dependency order.

    Attributes:
        secrets: Name and key to where the value is kept.
        declared_secrets: Name to the Secret as it is declared, its keys those of `secrets`.
        secret_stores: Name to the store, those that need no declaration left out.
    """

    environment: Environment
    components: Mapping[ComponentAddress, DesiredComponent]
    stacks: Mapping[str, DesiredStack]
    secrets: Mapping[str, Mapping[str, SecretReference]] = field(default_factory=dict)
    declared_secrets: Mapping[str, DesiredSecret] = field(default_factory=dict)
    secret_stores: Mapping[str, DesiredSecretStore] = field(default_factory=dict)
