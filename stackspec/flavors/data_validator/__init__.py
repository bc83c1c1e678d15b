"""Data validators: they check data."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class DataValidator(Flavor, ABC):
    """The parent of every data_validator flavor."""

    type: ClassVar[str] = "data_validator"

    class Outputs(FlavorOutputs):
        """What every data_validator tells other components."""

        uri: str = setting("Where suites and reports are kept, as a URI.")
