"""Feature stores: they serve features for training and prediction."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class FeatureStore(Flavor, ABC):
    """The parent of every feature_store flavor."""

    type: ClassVar[str] = "feature_store"

    class Outputs(FlavorOutputs):
        """What every feature_store tells other components."""

        uri: str = setting("The feature server, as an HTTP URL.")
