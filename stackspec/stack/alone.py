"""What is wrong with manifests by themselves: their form, and expressions that nobody could read; not what they name.

Variables, outputs, secrets and other manifests are somewhere else and not asked for, so that one file can be judged
without the rest: what an expression comes to waits, and so does what depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.expression import secrets_in
from stackspec.core.values import Value
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.document import Document
from stackspec.manifest.expressions import Resolution, ValueResolver
from stackspec.manifest.model import Manifest
from stackspec.manifest.schema import ConfigCheckers
from stackspec.stack.configure import config_problems, lifecycle_problems, shown_secrets, unknown_flavor
from stackspec.stack.declared import unknown_type
from stackspec.stack.link import DeclaredComponent, filling, slots
from stackspec.stack.model import Origin
from stackspec.stack.reports import as_written, report_expressions
from stackspec.stack.secrets import store_problems, unknown_store_type


class Alone:
    """Judges manifests one by one.

    Args:
        registry: The flavors there are.
        all_flavors: Whether these are all, so that another one is a mistake.
    """

    def __init__(self, registry: Registry, *, all_flavors: bool) -> None:
        self._registry = registry
        self._all_flavors = all_flavors
        self._checkers = ConfigCheckers()
        self._diagnostics: list[Diagnostic] = []
        self._values = ValueResolver()
        self._kinds: Mapping[str, Callable[[Manifest], None]] = {
            "Project": self._project,
            "Environment": self._environment,
            "Stack": self._stack,
            "Component": self._component,
            "SecretStore": self._secret_store,
            "Secret": self._secret,
        }

    def problems(self, manifests: Iterable[Manifest]) -> list[Diagnostic]:
        """Every problem that the manifests have whatever else is declared, beside those of their schema."""
        self._diagnostics, self._values = [], ValueResolver()
        for manifest in manifests:
            if judge := self._kinds.get(manifest.kind):
                judge(manifest)
        return self._diagnostics

    def _project(self, project: Manifest) -> None:
        for index, name in enumerate(project.spec.get("required_components") or ()):
            if name not in COMPONENT_TYPES:
                place = project.span(("spec", "required_components", index))
                self._diagnostics.append(unknown_type(name, place))

    def _environment(self, environment: Manifest) -> None:
        for key in ("description", "vars"):
            self._before_components(environment, key)

    def _secret(self, secret: Manifest) -> None:
        self._before_components(secret, "keys")

    def _secret_store(self, store: Manifest) -> None:
        kind = store.spec.get("type")
        config = self._before_components(store, "config")
        if (wrong := unknown_store_type(store)) is not None:
            self._diagnostics.append(wrong)
        elif isinstance(kind, str) and config is not None and not config.deferred:
            self._diagnostics += store_problems(store, kind, as_written(config.value) or {})

    def _stack(self, stack: Manifest) -> None:
        self._read(stack.spec.get("description"), stack.document, ("spec", "description"))
        self._variables(stack.spec, stack.document, ("spec",))
        for kind, entries in slots(stack, self._diagnostics):
            for path, entry in entries:
                found = filling(stack, kind, path, entry, self._diagnostics)
                if isinstance(found, DeclaredComponent):
                    self._configured(found)

    def _component(self, component: Manifest) -> None:
        kind = component.spec.get("type")
        if not isinstance(kind, str):
            return  # reported by the schema
        if kind not in COMPONENT_TYPES:
            self._diagnostics.append(unknown_type(kind, component.span(("spec", "type"))))
            return
        address, origin = ComponentAddress(kind, component.name), Origin(component.document, ("spec",))
        self._configured(DeclaredComponent(address, component.spec, origin, None, component))

    def _configured(self, declared: DeclaredComponent) -> None:
        spec, origin = self._spec(declared), declared.origin
        self._variables(declared.body, origin.document, origin.path)
        written = declared.body.get("config", {})
        if isinstance(written, Mapping):
            path = (*origin.path, "config")
            config = self._read(written, origin.document, path)
            if spec is not None:
                checker = self._checkers.of(spec)
                self._diagnostics += config_problems(spec, checker, config, origin.document, path)
        if spec is not None:
            self._diagnostics += lifecycle_problems(declared, spec)

    def _spec(self, declared: DeclaredComponent) -> FlavorSpec | None:
        kind, flavor = declared.address.type, declared.body.get("flavor")
        if not isinstance(flavor, str):
            return None  # reported by the schema
        if self._registry.knows(kind, flavor):
            return self._registry.spec(kind, flavor)
        if self._all_flavors or "{{" in flavor:
            self._diagnostics.append(unknown_flavor(declared, flavor, self._registry.flavors_of(kind)))
        return None

    def _variables(self, body: Mapping[str, Any], document: Document, path: FieldPath) -> None:
        if written := body.get("environment"):
            self._read(written, document, (*path, "environment"))
            self._diagnostics += shown_secrets(written, document, path)

    def _before_components(self, manifest: Manifest, key: str) -> Resolution | None:
        """A field of `spec` that comes before components and secrets, and so names none; None if it is absent."""
        written, path = manifest.spec.get(key), ("spec", key)
        if not written:
            return None
        resolution = self._read(written, manifest.document, path)
        for place, deferred in resolution.deferred:
            if named := [*deferred.references, *secrets_in(deferred.expression)]:
                message = f"'{named[0]}' is not defined: a {manifest.kind} comes before components and secrets"
                self._diagnostics.append(Diagnostic("SS0303", message, manifest.span((*path, *place))))
        return resolution

    def _read(self, written: Value, document: Document, path: FieldPath) -> Resolution:
        resolution = self._values.read(written)
        report_expressions(resolution, document, path, self._diagnostics)
        return resolution
