"""Secrets managers: they keep secrets for what runs on the stack."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting

if TYPE_CHECKING:
    from stackspec.core.secret import Secret


class SecretsManager(Flavor, ABC):
    """The parent of every secrets_manager flavor."""

    type: ClassVar[str] = "secrets_manager"

    class Outputs(FlavorOutputs):
        """What every secrets_manager tells other components."""

        uri: str = setting("Where secrets are kept, as a URI.")

    def get(self, entry: str) -> Secret:
        """A secret, by what the store calls it; `reveal` tells its value.

        Raises:
            HookError: there is no such entry, it cannot be read, or what is only named cannot be asked.
        """
        raise HookError(f"the flavor '{self.flavor}' cannot read secrets", "use one that is a type of secret store")
