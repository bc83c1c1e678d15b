"""Container registries: they keep container images."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class ContainerRegistry(Flavor, ABC):
    """The parent of every container_registry flavor."""

    type: ClassVar[str] = "container_registry"

    class Outputs(FlavorOutputs):
        """What every container_registry tells other components."""

        uri: str = setting("The prefix of image names: host, port and path.")
