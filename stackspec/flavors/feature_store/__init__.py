"""Feature stores: they serve features for training and prediction."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting


class FeatureStore(Flavor, ABC):
    """The parent of every feature_store flavor.

    A feature is named as `VIEW:FEATURE`, an entity by its join key: `{"driver_id": [1001, 1002]}` are two drivers.
    """

    type: ClassVar[str] = "feature_store"

    class Outputs(FlavorOutputs):
        """What every feature_store tells other components."""

        uri: str = setting("The feature server, as an HTTP URL.")

    def online_features(
        self, features: Sequence[str], entities: Mapping[str, Sequence[Any]], timeout: float = 60.0
    ) -> list[dict[str, Any]]:
        """The newest values of features, as prediction needs them.

        Args:
            entities: Join key to its values, of which there are as many for each.
            timeout: Seconds given to the server.

        Returns:
            A row for each entity, in their order: join keys and features, without the names of views, to values. What
            is not known is None.

        Raises:
            HookError: the component is not provisioned, its flavor cannot ask, or the server refuses or is not there.
        """
        raise self._cannot("serve features")

    def historical_features(self, features: Sequence[str], entities: Any) -> Any:
        """The values of features as they were known at some times, as training needs them.

        Args:
            entities: A data frame of pandas: a column for each join key, and `event_timestamp`, the time that is meant.

        Returns:
            A data frame with a column for each feature beside these.

        Raises:
            HookError: as `online_features`; or the features are not defined on this machine.
        """
        raise self._cannot("look into the past")

    def materialize(self, start: datetime, end: datetime, timeout: float = 600.0) -> None:
        """Have `online_features` know what the sources of features have of a time, all views alike.

        Args:
            timeout: Seconds given to the server.

        Raises:
            HookError: as `online_features`.
        """
        raise self._cannot("fill a store")

    def _cannot(self, what: str) -> HookError:
        message = f"{self.context.address} is of the flavor {self.flavor}, which cannot {what}"
        return HookError(message, "use the client of what is at its uri, or another flavor")
