"""Logs in a directory of this machine."""

from __future__ import annotations

from stackspec.flavors.contract import FlavorConfig, setting
from stackspec.flavors.log_store import LogStore
from stackspec.flavors.owned.directory import DirectoryFlavor


class LocalLogStore(DirectoryFlavor, LogStore):
    """A directory of logs; one that was there before is used, and never deleted."""

    flavor = "local"
    occupies = frozenset({"path"})

    class Config(FlavorConfig):
        """A directory that keeps logs."""

        path: str | None = setting(
            "The directory; null for a private one that stackspec chooses.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./logs"],
        )
        delete_data: bool = setting(
            "Whether removing the component removes the logs too. Without it a directory that holds any is kept, "
            "a private one as well.",
            default=False,
        )

    config: Config

    @property
    def place(self) -> str | None:
        """The directory of logs."""
        return self.config.path

    @property
    def delete_contents(self) -> bool:
        """As the config says, in the private folder too: the logs of runs outlive what made them."""
        return self.config.delete_data
