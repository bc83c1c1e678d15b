"""Pipelines in processes of this machine."""

from __future__ import annotations

from stackspec.flavors.contract import FlavorConfig, setting
from stackspec.flavors.orchestrator import Orchestrator
from stackspec.flavors.owned.directory import DirectoryFlavor


class LocalOrchestrator(DirectoryFlavor, Orchestrator):
    """Runs pipelines in this machine's processes, in a work directory."""

    flavor = "local"
    occupies = frozenset({"work_dir"})

    class Config(FlavorConfig):
        """A work directory, and how many steps run in it at once."""

        work_dir: str | None = setting(
            "The directory in which steps run; null for a private one, which is removed with all that it holds.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./runs"],
        )
        max_parallel_steps: int = setting("How many steps may run at the same time.", default=1, minimum=1)
        delete_data: bool = setting(
            "Whether removing the component removes what runs left in `work_dir`. Without it a directory that holds "
            "anything is kept.",
            default=False,
        )

    config: Config

    @property
    def place(self) -> str | None:
        """The work directory."""
        return self.config.work_dir

    @property
    def delete_contents(self) -> bool:
        """As the config says; what is in the private folder is scratch, and always ours."""
        return self.config.delete_data or self.config.work_dir is None
