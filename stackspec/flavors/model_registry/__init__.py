"""Model registries: they name and version models."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, setting


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a registered model.

    Attributes:
        version: Counts from 1, by name.
        uri: Where the model's files are.
    """

    name: str
    version: int
    uri: str
    tags: Mapping[str, str] = field(default_factory=dict)


class ModelRegistry(Flavor, ABC):
    """The parent of every model_registry flavor."""

    type: ClassVar[str] = "model_registry"

    class Outputs(FlavorOutputs):
        """What every model_registry tells other components."""

        uri: str = setting("The registry, as a URI that its clients take.")

    def register(self, name: str, uri: str, tags: Mapping[str, str] | None = None) -> ModelVersion:
        """Register files as the next version of a model.

        Raises:
            HookError: the registry cannot be reached, or refuses; or the flavor cannot do it.
        """
        raise self.unable("register models")

    def versions(self, name: str) -> list[ModelVersion]:
        """The versions of a model, the oldest first; none of one that is not registered. Raises as `register`."""
        raise self.unable("list models")

    def tag(self, name: str, version: int, tags: Mapping[str, str]) -> ModelVersion:
        """Set tags of a version, leaving the others as they are. Raises as `register`, also for an unknown version."""
        raise self.unable("tag models")
