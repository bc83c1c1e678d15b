"""Experiment trackers: they record parameters, metrics and models."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class TrackedRun(Protocol):
    """A run that is being tracked."""

    @property
    def id(self) -> str:
        """What the tracker calls it."""

    def log_parameters(self, parameters: Mapping[str, str]) -> None:
        """Record what the run was started with."""

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record what came out at a step."""


class ExperimentTracker(Flavor, ABC):
    """The parent of every experiment_tracker flavor."""

    type: ClassVar[str] = "experiment_tracker"

    class Outputs(FlavorOutputs):
        """What every experiment_tracker tells other components."""

        uri: str = setting("Where experiments are tracked, as a URI that its clients take.")

    def run(self, experiment: str, name: str) -> AbstractContextManager[TrackedRun]:
        """A new run of an experiment, which ends with the context: as failed where that is left by an exception.

        Raises:
            HookError: the tracker cannot be reached, a package is missing, or the flavor cannot track.
        """
        raise self.unable("track runs")
