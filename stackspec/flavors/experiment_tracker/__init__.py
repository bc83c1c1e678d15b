"""Experiment trackers: they record parameters, metrics and models."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class ExperimentTracker(Flavor, ABC):
    """The parent of every experiment_tracker flavor."""

    type: ClassVar[str] = "experiment_tracker"

    class Outputs(FlavorOutputs):
        """What every experiment_tracker tells other components."""

        uri: str = setting("Where experiments are tracked, as a URI that its clients take.")
