"""Log stores: they keep the logs of runs."""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Iterable
from typing import ClassVar

from stackspec.flavors.contract import FlavorOutputs, HookError, setting
from stackspec.flavors.file_store import FileStore


class LogStore(FileStore, ABC):
    """The parent of every log_store flavor; where the log of a run is not a file `RUN.log`, the flavor says so."""

    type: ClassVar[str] = "log_store"

    class Outputs(FlavorOutputs):
        """What every log_store tells other components."""

        uri: str = setting("Where logs are kept, as a URI that fsspec opens.")

    def append(self, run: str, lines: Iterable[str]) -> None:
        """Add lines to the log of a run; they are kept in their order.

        Raises:
            HookError: the run's name is none, the component is not provisioned, or a package is missing.
        """
        with self.open(self._file(run), "ab") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())

    def lines(self, run: str) -> list[str]:
        """The log of a run, the oldest line first; nothing of a run that logged nothing. Raises as `append`."""
        file = self._file(run)
        return self.read(file).decode("utf-8", "replace").splitlines() if self.exists(file) else []

    def _file(self, run: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", run):
            raise HookError(f"'{run}' cannot be the name of a run's log", "use letters, digits and . _ -")
        return f"{run}.log"
