"""Model registries: they name and version models."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import ClassVar

from stackspec.core.frozen import dataclass
from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a model.

    Attributes:
        model: The model's name.
        version: What the registry calls the version.
        source: Where its files are, as a URI.
        tags: Words about it, by name.
        aliases: The other names of the version, sorted.
    """

    model: str
    version: str
    source: str
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


class ModelRegistry(Flavor, ABC):
    """The parent of every model_registry flavor.

    A version is named by its number as text or, after an `@`, by an alias. Every method raises `HookError` where the
    component is not provisioned, its flavor cannot do it, there is no such model or version, or the registry refuses.
    """

    type: ClassVar[str] = "model_registry"

    class Outputs(FlavorOutputs):
        """What every model_registry tells other components."""

        uri: str = setting("The registry, as a URI that its clients take.")

    def register(self, name: str, source: str | Path) -> ModelVersion:
        """Make a new version of a model, and the model where there is none.

        Args:
            source: A folder of this machine, which is copied, or a URI that the registry knows.
        """
        raise self._cannot()

    def versions(self, name: str) -> list[ModelVersion]:
        """The versions of a model, the oldest first; none where there is no such model."""
        raise self._cannot()

    def tag(self, name: str, version: str, tag: str, value: str) -> None:
        """Say a word about a version, instead of what that word said before."""
        raise self._cannot()

    def alias(self, name: str, version: str, alias: str) -> None:
        """Have another name lead to a version, and to no other."""
        raise self._cannot()

    def load(self, name: str, version: str, folder: Path) -> Path:
        """Copy the files of a version into a folder, which is made, or is empty; it is returned."""
        raise self._cannot()

    def _cannot(self) -> HookError:
        what = f"{self.context.address} is of the flavor {self.flavor}, which cannot be used as a model registry itself"
        return HookError(what, "use the client of what is at its uri, or another flavor")
