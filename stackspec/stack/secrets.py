"""Which secrets an environment has, and where their values are kept; no value is read here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stackspec.core.diagnostic import Diagnostic, did_you_mean
from stackspec.core.expression import (
    ComponentOutput,
    Expression,
    ExpressionError,
    Hidden,
    ReportedError,
    Scope,
    SecretReference,
    SecretSource,
)
from stackspec.core.fields import json_schema
from stackspec.core.values import Value
from stackspec.manifest.expressions import ValueResolver
from stackspec.manifest.load import located
from stackspec.manifest.model import VARIABLE_PATTERN, Manifest, SecretSpec
from stackspec.manifest.schema import Checker
from stackspec.stack.declared import PROCESS_STORE, Declarations
from stackspec.stack.model import DesiredSecret, DesiredSecretStore, Origin
from stackspec.stack.reports import as_written, report_expressions

_OF_PROCESS = DesiredSecretStore(PROCESS_STORE, "env", {}, {})
_KEYS = Checker({"type": "object", "properties": {"keys": json_schema(SecretSpec)["properties"]["keys"]}})
_VARIABLE = re.compile(VARIABLE_PATTERN.removesuffix("$") + r"\Z")


class DeclaredSecrets:
    """The secrets of one environment.

    Args:
        roots: What `vars`, `environment` and `env` mean; a store or secret reads nothing else.
        diagnostics: Where what is wrong is added.
    """

    def __init__(
        self,
        declared: Declarations,
        values: ValueResolver,
        roots: Mapping[str, Any],
        explain: Mapping[str, str],
        diagnostics: list[Diagnostic],
    ) -> None:
        self._declared = declared
        self._values = values
        self._roots = {**roots, "stack": {}}
        self._explain = explain
        self._diagnostics = diagnostics
        self.stores: Mapping[str, DesiredSecretStore] = {
            name: store for name, one in declared.secret_stores.items() if (store := self._store(one)) is not None
        }
        """Name to the store, without those that are wrong."""
        self.declared: Mapping[str, DesiredSecret] = {name: self._secret(one) for name, one in declared.secrets.items()}
        """Name to the Secret."""
        self.references = {name: one.keys for name, one in self.declared.items()}
        """Name and key to the reference, with where the value is kept."""

    def find(self, hidden: Hidden) -> Expression:
        """A reference with where its value is kept.

        Raises:
            ExpressionError: there is no such secret, or it has no such key.
        """
        if not isinstance(hidden, SecretReference):
            return hidden
        if (manifest := self._declared.secrets.get(hidden.name)) and "keys" not in manifest.spec:
            raise ReportedError("SS0801", f"the keys of the Secret '{hidden.name}' have a mistake")
        keys = self.references.get(hidden.name)
        if keys is None:
            hint = self._values.hints.did_you_mean(hidden.name, self.references) or "declare it: kind: Secret"
            raise ExpressionError("SS0801", f"there is no Secret '{hidden.name[:80]}'", hint)
        if hidden.key not in keys:
            message = f"the Secret '{hidden.name}' has no key '{hidden.key[:80]}'"
            raise ExpressionError("SS0801", message, did_you_mean(hidden.key, keys))
        return keys[hidden.key]

    def named(self, names: Sequence[str | None], origin: Origin) -> tuple[str, ...]:
        """The Secrets whose keys are handed on as variables, those that are wrong reported at their places."""
        good = []
        for index, name in enumerate(names):
            if name is None:
                continue  # reported by the schema
            place = origin.span(("secrets", index))
            if name not in self.references:
                hint = self._values.hints.did_you_mean(name, self.references) or "declare it: kind: Secret"
                self._diagnostics.append(Diagnostic("SS0801", f"there is no Secret '{name}'", place, hint))
                continue
            odd = [key for key in self.references[name] if not _VARIABLE.match(key)]
            if odd:
                message = f"the key '{odd[0]}' of the Secret '{name}' cannot be the name of a variable"
                hint = "read it by an expression under 'environment' instead, or name the key otherwise"
                self._diagnostics.append(Diagnostic("SS0206", message, place, hint))
                continue
            good.append(name)
        return tuple(good)

    def _store(self, store: Manifest) -> DesiredSecretStore | None:
        """A store as values are read from it; None where it is wrong, which is reported."""
        kind, config = store.spec.get("type"), store.spec.get("config") or {}
        if (wrong := unknown_store_type(store)) is not None:
            self._diagnostics.append(wrong)
            return None
        if not isinstance(kind, str):
            return None  # reported by the schema
        resolved = as_written(self._resolved(config, store, ("spec", "config")))
        self._diagnostics += store_problems(store, kind, resolved)
        return DesiredSecretStore(store.name, kind, resolved, store.labels)

    def _secret(self, secret: Manifest) -> DesiredSecret:
        name, keys = secret.spec.get("store", ""), secret.spec.get("keys") or {}
        store = _OF_PROCESS if name == PROCESS_STORE else self.stores.get(name)
        known = {*self._declared.secret_stores, PROCESS_STORE}
        if name and name not in known:
            place = secret.span(("spec", "store"))
            message = f"there is no SecretStore '{name[:80]}'"
            self._diagnostics.append(Diagnostic("SS0402", message, place, did_you_mean(name, known)))
        resolved = self._resolved(keys, secret, ("spec", "keys"))
        paths = as_written(resolved)
        if resolved is not keys:
            self._diagnostics += [located(one, secret.document, ("spec",)) for one in _KEYS.check({"keys": paths})]
        references = {
            key: SecretReference(secret.name, key, SecretSource(store.type, store.config, str(path)) if store else None)
            for key, path in paths.items()
        }
        return DesiredSecret(secret.name, name, references, secret.labels)

    def _resolved(self, written: Value, manifest: Manifest, path: tuple[str, ...]) -> Value:
        kind = manifest.kind

        def nothing(one: ComponentOutput | Hidden) -> Expression:
            raise ExpressionError("SS0303", f"'{one}' is not defined: a {kind} comes before components and secrets")

        scope: Scope = self._values.scope(self._roots, nothing, self._explain, nothing)
        resolution = self._values.resolve(written, scope)
        report_expressions(resolution, manifest.document, path, self._diagnostics)
        return resolution.value


def unknown_store_type(store: Manifest) -> Diagnostic | None:
    """What is wrong with a type of store that does not exist."""
    from stackspec.secret_stores.registry import store_types

    kind = store.spec.get("type")
    if not isinstance(kind, str) or kind in store_types():
        return None
    message, hint = f"there is no type of store '{kind[:80]}'", did_you_mean(kind, store_types())
    return Diagnostic("SS0206", message, store.span(("spec", "type")), hint)


def store_problems(store: Manifest, kind: str, config: Value) -> list[Diagnostic]:
    """What is wrong with the config of a store of a type that exists."""
    from stackspec.secret_stores.registry import config_schema

    problems = Checker(config_schema(kind)).check(config)
    return [located(problem, store.document, ("spec", "config")) for problem in problems]
