"""Image builders: they build container images."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class ImageBuilder(Flavor, ABC):
    """The parent of every image_builder flavor."""

    type: ClassVar[str] = "image_builder"

    class Outputs(FlavorOutputs):
        """What every image_builder tells other components."""

        uri: str = setting("Where build contexts are staged, as a URI.")
