"""Artifact stores: they keep the data that steps pass to each other."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import FlavorOutputs, setting
from stackspec.flavors.file_store import FileStore


class ArtifactStore(FileStore, ABC):
    """The parent of every artifact_store flavor."""

    type: ClassVar[str] = "artifact_store"

    class Outputs(FlavorOutputs):
        """What every artifact_store tells other components."""

        uri: str = setting("Where artifacts are kept, as a URI that fsspec opens.")
