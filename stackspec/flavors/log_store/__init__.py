"""Log stores: they keep the logs of runs."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class LogStore(Flavor, ABC):
    """The parent of every log_store flavor."""

    type: ClassVar[str] = "log_store"

    class Outputs(FlavorOutputs):
        """What every log_store tells other components."""

        uri: str = setting("Where logs are kept, as a URI that fsspec opens.")
