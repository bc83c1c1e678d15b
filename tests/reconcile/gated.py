"""An artifact store whose hook waits at a gate: a plugin, by which a test holds an apply where it wants it."""

from __future__ import annotations

import os
from pathlib import Path

from stackspec.flavors.artifact_store.local import LocalArtifactStore
from stackspec.flavors.contract import FlavorOutputs, HookError, setting


class GatedArtifactStore(LocalArtifactStore):
    """A directory that is made once a file `open` is in the folder `gate`; `broken` in it has that fail."""

    flavor = "gated"

    class Config(LocalArtifactStore.Config):
        """A directory, and a gate before it."""

        gate: str = setting("The folder of the gate, absolute; each call is told in its file 'calls'.")

    config: Config

    def provision(self) -> FlavorOutputs:
        """Make the directory once the gate is open."""
        gate = Path(self.config.gate)
        with open(gate / "calls", "a") as calls:
            calls.write(f"{os.getpid()} {self.context.address}\n")
        if (gate / "broken").exists():
            raise HookError("the gate is broken")
        while not (gate / "open").exists() and not self.context.cancelled.wait(0.02):
            continue
        return super().provision()
