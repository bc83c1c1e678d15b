"""Deployers: they serve whole pipelines."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class Deployer(Flavor, ABC):
    """The parent of every deployer flavor."""

    type: ClassVar[str] = "deployer"

    class Outputs(FlavorOutputs):
        """What every deployer tells other components."""

        uri: str = setting("Where deployments are made, as a URI.")
