"""Step operators: they run single steps on other machines."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting
from stackspec.flavors.stack_rules import REMOTE_COMPUTE, StackRule


class StepOperator(Flavor, ABC):
    """The parent of every step_operator flavor."""

    type: ClassVar[str] = "step_operator"
    stack_rules: ClassVar[tuple[StackRule, ...]] = REMOTE_COMPUTE

    class Outputs(FlavorOutputs):
        """What every step_operator tells other components."""

        uri: str = setting("Where steps are submitted, as a URI.")
