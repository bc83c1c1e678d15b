"""Alerters: they tell people."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting


class Alerter(Flavor, ABC):
    """The parent of every alerter flavor."""

    type: ClassVar[str] = "alerter"

    class Outputs(FlavorOutputs):
        """What every alerter tells other components."""

        uri: str = setting("Where messages go, as a URI without credentials.")

    def post(self, message: str, title: str = "") -> None:
        """Tell people something.

        Raises:
            HookError: it was not taken; some may have it all the same. Or what is only named cannot be asked.
        """
        raise HookError(f"the flavor '{self.flavor}' cannot post", "use one that knows the service")
