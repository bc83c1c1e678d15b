"""The secrets of a project: which there are, what their values are, and what seals and opens them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError, in_order
from stackspec.core.expression import SecretReference
from stackspec.core.layout import LOCAL_FOLDER, SECRETS_KEY_VARIABLE
from stackspec.manifest.state_settings import SqliteSettings
from stackspec.sources import Sources
from stackspec.stack.model import DesiredComponent, DesiredState
from stackspec.state.local_folder import LocalFolder
from stackspec.state.model import AppliedComponent, AppliedState

if TYPE_CHECKING:
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
            self._sealers[environment] = Sealer(self._values, now, self._local, shared=shared)
            if self._lasting:
                self._sealers[environment].keep_key()
        return self._sealers[environment]

    def read_needed(
        self, desired: DesiredState, components: Iterable[DesiredComponent], applied: AppliedState
    ) -> list[Diagnostic]:
        """Read what components need, all at once.

        Returns:
            A warning where what is recorded cannot be compared.

        Raises:
            StackspecError: a secret has no value here.
        """
        from stackspec.sealing.needed import other_keys, unavailable

        name = desired.environment.name
        self._declared[name] = desired.secrets
        if problems := unavailable(components, self._values):
            raise StackspecError(in_order(problems))
        if not other_keys(applied, self.sealer(name).key_id):
            return []
        message = "secrets were recorded under another key than there is now: each shows as changed, once"
        hint = f"bring the key back, {LOCAL_FOLDER}/secrets.key or {SECRETS_KEY_VARIABLE}; or apply"
        return [Diagnostic("SS0806", message, hint=hint, severity=Severity.WARNING)]

    def read_recorded(self, environment: str, components: Iterable[AppliedComponent]) -> None:
        """Read all that applied components are made with at once; what has no value is told by its hook."""
        from stackspec.sealing.needed import recorded

        if found := [self._now(environment, one) for one in recorded(components)]:
            self._values.values(found)

    def missing(self, environment: str, secrets: Sequence[SecretReference]) -> dict[tuple[str, str], Unavailable]:
        """Name and key of each secret that has no value here to why; all are read at once."""
        from stackspec.secret_stores.values import Unavailable

        found = self._values.values([self._now(environment, one) for one in secrets])
        return {name: one for name, one in found.items() if isinstance(one, Unavailable)}

    def without_value(self, environment: str | None, *, fail: bool) -> list[Diagnostic]:
        """What is wrong with secrets that valid manifests name, in one environment or in all.

        Args:
            fail: Whether every store is asked, and what has no value is an error; else only local ones, for a warning.
        """
        declarations = self._sources.loaded.declarations
        if not declarations.secrets:
            return []
        from stackspec.sealing.needed import not_handed_on, unavailable

        names = declarations.environment_names if environment is None else (environment,)
        found: list[Diagnostic] = []
        for name in names:
            desired, _ = self._sources.compile(name)
            self._declared[name] = desired.secrets
            severity = Severity.ERROR if fail else Severity.WARNING
            found += unavailable(desired.components.values(), self._values, severity, local_only=not fail)
            found += not_handed_on(desired, self._values, severity, local_only=not fail)
        return in_order(self._sources.judged(found))

    @cached_property
    def _values(self) -> SecretValues:
        from stackspec.secret_stores.values import SecretValues

        return SecretValues(self._place)

    def _place(self, seconds: float) -> StorePlace:
        from stackspec.secret_stores.contract import StorePlace
        from stackspec.secret_stores.registry import store_type

        allowed = tuple(Path(path) for path in self._sources.settings.allowed_paths)
        declared = (one for secrets in self._declared.values() for keys in secrets.values() for one in keys.values())
        sources = (one.source for one in declared if one.source is not None)
        variables = (store_type(one.store).variable_of(one.config, one.path) for one in sources)
        return StorePlace(self._sources.root, allowed, os.environ, seconds, frozenset(filter(None, variables)))

    def _now(self, environment: str, reference: SecretReference) -> SecretReference:
        """A secret as the manifests have it now; as it was recorded where they have it no more."""
        if environment not in self._sources.loaded.declarations.environment_names:
            return reference
        if environment not in self._declared:
            self._declared[environment] = self._sources.compile(environment)[0].secrets
        return self._declared[environment].get(reference.name, {}).get(reference.key, reference)
