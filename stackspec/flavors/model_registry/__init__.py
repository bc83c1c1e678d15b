"""Model registries: they name and version models."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class ModelRegistry(Flavor, ABC):
    """The parent of every model_registry flavor."""

    type: ClassVar[str] = "model_registry"

    class Outputs(FlavorOutputs):
        """What every model_registry tells other components."""

        uri: str = setting("The registry, as a URI that its clients take.")
