"""Model deployers: they serve models."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class ModelDeployer(Flavor, ABC):
    """The parent of every model_deployer flavor."""

    type: ClassVar[str] = "model_deployer"

    class Outputs(FlavorOutputs):
        """What every model_deployer tells other components."""

        uri: str = setting("The model server, as an HTTP URL.")
