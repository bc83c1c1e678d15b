"""Secrets managers: they keep secrets for what runs on the stack."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class SecretsManager(Flavor, ABC):
    """The parent of every secrets_manager flavor."""

    type: ClassVar[str] = "secrets_manager"

    class Outputs(FlavorOutputs):
        """What every secrets_manager tells other components."""

        uri: str = setting("Where secrets are kept, as a URI.")
