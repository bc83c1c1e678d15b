"""Experiment trackers: they record parameters, metrics and models."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, Protocol

from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting


class Run(Protocol):
    """What is recorded of one run of an experiment.

    Every method raises `HookError` where the tracker refuses it or cannot be reached.

    Attributes:
        id: What the tracker calls it.
        url: Where a person sees it.
    """

    id: str
    url: str

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record what the run was made with; each is kept as text."""
        ...

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record what was measured, at a step of the run that counts from 0."""
        ...

    def tag(self, name: str, value: str) -> None:
        """Record a word about it."""
        ...

    def end(self, *, failed: bool) -> None:
        """Record that it is over."""
        ...


class ExperimentTracker(Flavor, ABC):
    """The parent of every experiment_tracker flavor."""

    type: ClassVar[str] = "experiment_tracker"

    class Outputs(FlavorOutputs):
        """What every experiment_tracker tells other components."""

        uri: str = setting("Where experiments are tracked, as a URI that its clients take.")

    @contextmanager
    def run(self, name: str, experiment: str = "Default") -> Iterator[Run]:
        """A new run, which ends with the block: as one that failed, where the block raises.

        Args:
            experiment: The name of the experiment that it is of; it is made where there is none.

        Raises:
            HookError: the component is not provisioned, its flavor records no runs, or the tracker refuses.
        """
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        run = self.begin_run(name, experiment)
        try:
            yield run
        except BaseException:
            with suppress(HookError):  # what went wrong is the reason
                run.end(failed=True)
            raise
        run.end(failed=False)

    def begin_run(self, name: str, experiment: str) -> Run:
        """What `run` calls: a new run that has not ended.

        Raises:
            HookError: as `run`.
        """
        what = f"{self.context.address} is of the flavor {self.flavor}, which records no runs itself"
        raise HookError(what, "use the client of what is at its uri, or another flavor")
