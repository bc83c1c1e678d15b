"""Metadata stores: they keep what is known of runs, steps and artifacts."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class MetadataStore(Flavor, ABC):
    """The parent of every metadata_store flavor."""

    type: ClassVar[str] = "metadata_store"

    class Outputs(FlavorOutputs):
        """What every metadata_store tells other components."""

        uri: str = setting("The database, as a SQLAlchemy URL.")
