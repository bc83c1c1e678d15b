"""Sandboxes: they run untrusted code apart."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import ClassVar

from stackspec.core.frozen import dataclass
from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a command.

    Attributes:
        exit_code: Its own, or 128 and the number of the signal that ended it, as shells tell; None where the time was
            over, or it wrote too much.
        output: What it wrote to its standard output, as far as it came.
        errors: What it wrote to its standard error, as far as it came.
    """

    exit_code: int | None
    output: str
    errors: str

    @property
    def timed_out(self) -> bool:
        """Whether it was ended since its time was over."""
        return self.exit_code is None


def checked(files: Mapping[str, bytes] | None) -> Mapping[str, bytes]:
    """Files for a run, none of which is outside its folder.

    Raises:
        HookError: a path leads out of it.
    """
    for name in files or {}:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
            raise HookError(f"'{name}' is no path in the folder of a run", "use a relative one without '..'")
    return files or {}


class Sandbox(Flavor, ABC):
    """The parent of every sandbox flavor."""

    type: ClassVar[str] = "sandbox"

    class Outputs(FlavorOutputs):
        """What every sandbox tells other components."""

        uri: str = setting("Where code runs, as a URI.")

    def run(
        self,
        command: Sequence[str],
        timeout: float,
        *,
        files: Mapping[str, bytes] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a command, which is no shell's, to its end; nothing that it started is left.

        It runs in the sandbox's folder, where what earlier commands wrote is still there.

        Args:
            timeout: Seconds after which it is ended.
            files: Path, relative to that folder, to the content of a file that is written there before.
            variables: What its environment holds beside what finds programs.

        Raises:
            HookError: the component is not provisioned, its flavor runs nothing, or the command cannot be run.
        """
        what = f"{self.context.address} is of the flavor {self.flavor}, which runs nothing itself"
        raise HookError(what, "use the client of what is at its uri, or another flavor")
