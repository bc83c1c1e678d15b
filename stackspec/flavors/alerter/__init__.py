"""Alerters: they tell people."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class Alerter(Flavor, ABC):
    """The parent of every alerter flavor."""

    type: ClassVar[str] = "alerter"

    class Outputs(FlavorOutputs):
        """What every alerter tells other components."""

        uri: str = setting("Where messages go, as a URI without credentials.")
