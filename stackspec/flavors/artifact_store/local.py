"""Artifacts in a directory of this machine."""

from __future__ import annotations

from stackspec.flavors.artifact_store import ArtifactStore
from stackspec.flavors.contract import FlavorConfig, setting
from stackspec.flavors.owned.directory import DirectoryFlavor


class LocalArtifactStore(DirectoryFlavor, ArtifactStore):
    """A directory; one that was there before is used, and never deleted."""

    flavor = "local"
    occupies = frozenset({"path"})

    class Config(FlavorConfig):
        """A directory that keeps artifacts."""

        path: str = setting(
            "The directory.", path=True, requires_replacement=True, min_length=1, examples=["./artifacts"]
        )
        delete_data: bool = setting(
            "Whether removing the component removes the artifacts too. Without it a directory that holds any is kept.",
            default=False,
        )

    config: Config

    @property
    def place(self) -> str:
        """The directory of artifacts."""
        return self.config.path

    @property
    def delete_contents(self) -> bool:
        """As the config says."""
        return self.config.delete_data
