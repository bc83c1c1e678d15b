"""Secrets managers that are the secret stores, a flavor each, named as the store's type."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from stackspec.flavors.contract import FlavorConfig, HookError, Observation, setting
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.secrets_manager import SecretsManager
from stackspec.secret_stores.registry import store_type, store_types
from stackspec.secret_stores.server import ServerConfig

if TYPE_CHECKING:
    from stackspec.core.secret import Secret
    from stackspec.secret_stores.contract import Answer, SecretStore

_PATIENCE = 15.0
"""Seconds that a store has to answer."""
_NO_ENTRY = "stackspec-asks-whether-it-answers#x"
"""A path at which nobody keeps anything."""


class StoreSecretsManager(SecretsManager):
    """The parent of every flavor that is a type of secret store: named, read and never changed.

    Attributes:
        store: The class of the store.
    """

    occupies = frozenset()  # nothing is made
    store: ClassVar[type[SecretStore]]

    def get(self, entry: str) -> Secret:
        """See `SecretsManager.get`."""
        from stackspec.secret_stores.contract import Missing, StoreError

        found = self._read(entry)
        if isinstance(found, StoreError):
            raise HookError(found.message, found.hint)
        if isinstance(found, Missing):
            raise HookError(found.what, f"it has: {', '.join(found.known[:20])}" if found.known else None)
        return found

    def observe(self) -> Observation:
        """Read from it, which tells whether it is there, unlocked and lets us in."""
        why = self._trouble()
        return Observation(provisioned=True, running=not why, detail=why or f"the store {self.flavor} answers")

    def provision(self) -> SecretsManager.Outputs:
        """Make nothing, and tell whether the store answers; one that does not now may before it is needed."""
        if why := self._trouble():
            self.context.log(f"{self.context.address} does not answer: {why}")
        return self.Outputs(uri=f"secrets+{self.flavor}:")

    def update(self, previous: StoreSecretsManager) -> SecretsManager.Outputs:
        """Read another."""
        return self.provision()

    def deprovision(self) -> None:
        """Nothing was made, and nothing is removed."""

    def _trouble(self) -> str:
        from stackspec.secret_stores.contract import Missing, StoreError

        entry = self.config.probe
        try:
            found = self._read(entry or _NO_ENTRY)
        except HookError as error:
            time_left(self.context)
            return error.message
        # Without an entry to read, what is wrong with the path is the path.
        if isinstance(found, StoreError) and (entry or not found.unfit):
            return found.message
        return found.what if isinstance(found, Missing) and entry else ""

    def _read(self, entry: str) -> Answer:
        from stackspec.secret_stores.contract import Missing, StoreError, StorePlace

        context = self.context
        seconds = min(_PATIENCE, time_left(context))
        place = StorePlace(context.root, context.allowed_paths, os.environ, seconds)
        try:
            return self.store(self.config, place).read([entry]).get(entry, Missing(f"the store has no '{entry}'"))
        except StoreError as error:
            raise HookError(error.message, error.hint) from error.with_traceback(None)
        except ModuleNotFoundError as error:
            raise HookError(f"not installed: {error.name}", f"pip install 'stackspec[{self.store.extra}]'") from error
        except Exception as error:  # what a library says of itself may hold a value
            raise HookError(f"the store {self.flavor} failed: {type(error).__name__}") from error.with_traceback(None)


def names() -> tuple[str, ...]:
    """The flavors: the types of stores."""
    return store_types()


@cache
def flavor(name: str) -> type[StoreSecretsManager]:
    """The flavor that is a type of store."""
    store = store_type(name)
    probe = setting(
        "An entry that is read to tell whether the store is reachable and unlocked; null to ask for one that is not "
        "there.",
        default=None,
        schema={"type": ["string", "null"]},
    )
    config: dict[str, Any] = {"__doc__": store.Config.__doc__, "__module__": __name__, "probe": probe}
    config["__annotations__"] = {"probe": "str | None"}
    said = {
        "__doc__": f"{(store.__doc__ or '').splitlines()[0]}\n\nAn entry is {store.path_form}.",
        "__module__": __name__,
        "flavor": name,
        "extra": store.extra,
        "is_remote": issubclass(store.Config, ServerConfig) or name == "kubernetes",
        "store": store,
        "Config": type("Config", (FlavorConfig, store.Config), config),
    }
    return type(f"{store.__name__}Manager", (StoreSecretsManager,), said)
