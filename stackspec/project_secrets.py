"""The secrets of a project: which there are, what their values are, and what seals and opens them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError, in_order
from stackspec.core.expression import SecretReference
from stackspec.core.layout import LOCAL_FOLDER
from stackspec.core.own_variables import SECRETS_KEY_VARIABLE
from stackspec.core.values import Value
from stackspec.manifest.state_settings import SqliteSettings
from stackspec.sources import Sources
from stackspec.stack.model import DesiredComponent, DesiredState
from stackspec.state.local_folder import LocalFolder
from stackspec.state.model import AppliedComponent

if TYPE_CHECKING:
    from stackspec.core.secret import Redactor
    from stackspec.sealing.sealer import Sealer
    from stackspec.secret_stores.contract import StorePlace
    from stackspec.secret_stores.values import SecretValues, Unavailable


class ProjectSecrets:
    """The secrets of one command; each is read from its store at most once, when it is first needed."""

    def __init__(self, sources: Sources, local: LocalFolder) -> None:
        self._sources = sources
        self._local = local
        self._lasting = False
        self._sealers: dict[str, Sealer] = {}
        self._declared: dict[str, Mapping[str, Mapping[str, SecretReference]]] = {}

    def keep_key(self) -> None:
        """From now on have the key last: what is sealed under it is going to be recorded, or compared with later."""
        self._lasting = True
        for sealer in self._sealers.values():
            sealer.keep_key()

    def sealer(self, environment: str) -> Sealer:
        """What seals and opens an environment's values with secrets in them."""
        if environment not in self._sealers:
            from stackspec.sealing.sealer import Sealer

            shared = not isinstance(self._sources.settings.state, SqliteSettings)
            now = partial(self._now, environment)
            self._sealers[environment] = Sealer(self._values, now, self._local, self._redactor, shared=shared)
            if self._lasting:
                self._sealers[environment].keep_key()
        return self._sealers[environment]

    def read_needed(self, desired: DesiredState, components: Iterable[DesiredComponent]) -> None:
        """Read what components need, all at once.

        Raises:
            StackspecError: a secret has no value here, or what would encrypt it is not installed.
        """
        from stackspec.sealing.needed import is_kept, unavailable
        from stackspec.sealing.sealer import not_installed

        components = list(components)
        if find_spec("cryptography") is None:
            specs = ((one, self._sources.spec(one.address.type, one.flavor)) for one in components)
            if any(spec is not None and is_kept(one, spec) for one, spec in specs):
                raise not_installed()
        self._declared[desired.environment.name] = desired.secrets
        if problems := unavailable(components, self._values):
            raise StackspecError(in_order(problems))

    def lost(
        self, environment: str, proved: Sequence[AppliedComponent]
    ) -> tuple[frozenset[ComponentAddress], list[Diagnostic]]:
        """The components whose records were made under another key than there is now, and a warning if any was.

        Args:
            proved: Those with secrets in their records.
        """
        sealer = self.sealer(environment)
        components = frozenset(one.address for one in proved if not sealer.holds(one))
        if not components:
            return components, []
        message = "secrets were recorded under a key that is not here, or not by stackspec: each shows as changed, once"
        hint = f"bring the key back, {LOCAL_FOLDER}/secrets.key or {SECRETS_KEY_VARIABLE}; or apply"
        return components, [Diagnostic("SS0806", message, hint=hint, severity=Severity.WARNING)]

    def not_to_bring_back(self, environment: str, components: Sequence[AppliedComponent]) -> list[Diagnostic]:
        """What is wrong with components with secrets in them, as they were once, that do not hold any more."""
        sealer = self.sealer(environment)
        why = "it was recorded then under a key of secrets that is not here, or not by stackspec"
        hint = f"bring the key back, {LOCAL_FOLDER}/secrets.key or {SECRETS_KEY_VARIABLE}; or change the manifests"
        lost = [one.address for one in components if not sealer.holds(one)]
        return [Diagnostic("SS0805", f"{address} cannot be brought back: {why}", hint=hint) for address in lost]

    def read_to_remove(self, environment: str, components: Sequence[AppliedComponent]) -> None:
        """Read what applied components that are to be removed were made with, all at once.

        Raises:
            StackspecError: what one of them was made with cannot be had any more, so that its hook cannot be called.
        """
        from stackspec.sealing.needed import unreadable

        self.read_recorded(environment, components)
        if problems := list(unreadable(components, self.sealer(environment), environment)):
            raise StackspecError(problems)

    def fingerprints(self, environment: str, digest: Callable[[Value], str]) -> dict[str, str]:
        """`secrets.NAME.KEY` to the digest of its value, of each declared one that was read."""
        declared = [one for keys in self._declared.get(environment, {}).values() for one in keys.values()]
        found = {str(one): self._values.read_already(one) for one in declared}
        return {name: digest(secret.reveal()) for name, secret in found.items() if secret is not None}

    def read_recorded(self, environment: str, components: Iterable[AppliedComponent]) -> None:
        """Read all that applied components are made with at once; what has no value is told by its hook."""
        from stackspec.sealing.needed import recorded

        if found := [self._now(environment, one) for one in recorded(components, self.sealer(environment))]:
            self._values.values(found)

    def missing(self, desired: DesiredState) -> dict[tuple[str, str], Unavailable]:
        """Name and key of each secret of an environment that has no value here to why; all are read at once."""
        from stackspec.secret_stores.values import Unavailable

        self._declared[desired.environment.name] = desired.secrets
        found = self._values.values(reference for keys in desired.secrets.values() for reference in keys.values())
        return {name: one for name, one in found.items() if isinstance(one, Unavailable)}

    def without_value(self, environment: str | None, *, fail: bool) -> list[Diagnostic]:
        """What is wrong with secrets that valid manifests name, in one environment or in all.

        Args:
            fail: Whether every store is asked, and what has no value is an error; else only local ones, for a warning.
        """
        declarations = self._sources.loaded.declarations
        if not declarations.secrets:
            return []
        from stackspec.sealing.needed import named, not_handed_on, unavailable

        names = declarations.environment_names if environment is None else (environment,)
        severity = Severity.ERROR if fail else Severity.WARNING
        found: dict[Diagnostic, dict[str, None]] = {}
        compiled = {name: self._sources.compile(name)[0] for name in names}
        self._declared |= {name: desired.secrets for name, desired in compiled.items()}
        self._values.values(one for desired in compiled.values() for one in named(desired, local_only=not fail))
        for name, desired in compiled.items():
            missing = unavailable(desired.components.values(), self._values, severity, local_only=not fail)
            missing += not_handed_on(desired, self._values, severity, local_only=not fail)
            for one in missing:
                found.setdefault(one, {})[name] = None
        told = [_told_where(one, list(where), len(names)) for one, where in found.items()]
        return in_order(self._sources.judged(told))

    @cached_property
    def _values(self) -> SecretValues:
        from stackspec.secret_stores.values import SecretValues

        return SecretValues(self._place, self._redactor)

    def _place(self, seconds: float) -> StorePlace:
        from stackspec.secret_stores.contract import StorePlace
        from stackspec.secret_stores.registry import store_type

        allowed = tuple(Path(path) for path in self._sources.settings.allowed_paths)
        declared = (one for secrets in self._declared.values() for keys in secrets.values() for one in keys.values())
        sources = (one.source for one in declared if one.source is not None)
        variables = (store_type(one.store).variable_of(one.config, one.path) for one in sources)
        return StorePlace(self._sources.root, allowed, os.environ, seconds, frozenset(filter(None, variables)))

    @cached_property
    def _redactor(self) -> Redactor:
        from stackspec.core.secret import Redactor

        return Redactor()

    def _now(self, environment: str, reference: SecretReference) -> SecretReference:
        """A secret as the manifests have it now; as it was recorded where they have it no more."""
        if environment not in self._sources.loaded.declarations.environment_names:
            return reference
        if environment not in self._declared:
            self._declared[environment] = self._sources.compile(environment)[0].secrets
        return self._declared[environment].get(reference.name, {}).get(reference.key, reference)


_MOST_NAMED = 5
"""How many environments a message names."""


def _told_where(missing: Diagnostic, environments: Sequence[str], of: int) -> Diagnostic:
    """What is said of a secret, with the environments that it is said of, where several were looked at."""
    if of == 1:
        return missing
    if len(environments) == of:
        where = "in every environment"
    else:
        more = ", …" if len(environments) > _MOST_NAMED else ""
        names = ", ".join(f"'{name}'" for name in environments[:_MOST_NAMED])
        where = f"in the environment{'' if len(environments) == 1 else 's'} {names}{more}"
    return replace(missing, message=f"{missing.message} ({where})")
