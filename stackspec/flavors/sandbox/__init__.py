"""Sandboxes: they run untrusted code apart."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class Sandbox(Flavor, ABC):
    """The parent of every sandbox flavor."""

    type: ClassVar[str] = "sandbox"

    class Outputs(FlavorOutputs):
        """What every sandbox tells other components."""

        uri: str = setting("Where code runs, as a URI.")
