"""What is somebody else's, and is looked at: nothing is made, changed or removed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, Observation
from stackspec.flavors.hook_time import time_left


class ObservedService(Flavor, ABC):
    """The parent of a flavor that only says where something is and how it is used, and whether that will do.

    It stands before the component type among a flavor's parents.
    """

    occupies = frozenset()  # nothing is made

    @abstractmethod
    def outputs(self) -> FlavorOutputs:
        """What other components may read."""

    @abstractmethod
    def look(self) -> str:
        """What a person is told of a service that will do.

        Raises:
            HookError: it will not, and why; a transient one where that may pass by itself.
        """

    def observe(self) -> Observation:
        """See whether it will do."""
        time_left(self.context)
        try:
            return Observation(provisioned=True, running=True, detail=self.look())
        except HookError as error:
            time_left(self.context)
            return Observation(provisioned=True, running=False, detail=error.message)

    def provision(self) -> FlavorOutputs:
        """Make nothing, and see that it will do; what only does not answer now may before it is needed."""
        time_left(self.context)
        try:
            self.look()
        except HookError as error:
            time_left(self.context)
            if not error.transient:
                raise
            self.context.log(f"does not serve: {error.message}")
        return self.outputs()

    def update(self, previous: Self) -> FlavorOutputs:
        """Name another."""
        return self.provision()

    def deprovision(self) -> None:
        """Nothing was made, and nothing is removed."""
