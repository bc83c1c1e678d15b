"""Orchestrators: they run the steps of a pipeline in their order."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting
from stackspec.flavors.stack_rules import REMOTE_COMPUTE, StackRule


class Orchestrator(Flavor, ABC):
    """The parent of every orchestrator flavor."""

    type: ClassVar[str] = "orchestrator"
    stack_rules: ClassVar[tuple[StackRule, ...]] = REMOTE_COMPUTE

    class Outputs(FlavorOutputs):
        """What every orchestrator tells other components."""

        uri: str = setting("Where runs are submitted or kept, as a URI.")
