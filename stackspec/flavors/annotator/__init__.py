"""Annotators: they let people label data."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


class Annotator(Flavor, ABC):
    """The parent of every annotator flavor."""

    type: ClassVar[str] = "annotator"

    class Outputs(FlavorOutputs):
        """What every annotator tells other components."""

        uri: str = setting("The web page of the annotator, as an HTTP URL.")
