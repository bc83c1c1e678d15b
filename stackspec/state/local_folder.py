"""`.stackspec`: the folder of a project that holds local state and what components keep for themselves."""

from __future__ import annotations

import os
from itertools import accumulate
from pathlib import Path

from stackspec.core.diagnostic import StackspecError
from stackspec.core.layout import LOCAL_FOLDER
from stackspec.core.whole_file import write_first, write_whole

_ACTIVE_STACK = "active_stack"
"""The file with the name of the stack that commands take which are given none."""


class LocalFolder:
    """The folder and those inside it; a level that is a link is refused, for a checkout may carry one that leads out.

    Args:
        root: The project's root, absolute.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / LOCAL_FOLDER

    @property
    def states(self) -> Path:
        """The folder of states, a file an environment."""
        return self.inside("state")

    def component(self, environment: str, component_type: str, name: str) -> Path:
        """The folder of one component.

        Raises:
            StackspecError: a level of it is a link.
        """
        return self.inside("components", environment, component_type, name)

    def inside(self, *names: str) -> Path:
        """The folder at the end of a path of names, whether it exists or not.

        Raises:
            StackspecError: a level of it is a link.
        """
        levels = list(accumulate(names, Path.joinpath, initial=self.path))
        for level in levels:
            if os.path.islink(level):
                raise StackspecError.of(
                    "SS0701",
                    f"{level} is a link; {LOCAL_FOLDER} and what is in it are kept in the project itself",
                    hint="remove the link, and look at where it came from",
                )
        return levels[-1]

    @property
    def active_stack(self) -> str | None:
        """The name of the stack that was chosen in this clone, if one was."""
        try:
            return (self.inside() / _ACTIVE_STACK).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def activate(self, stack: str) -> None:
        """Remember a stack as the one chosen in this clone.

        Raises:
            StackspecError: it cannot be written.
        """
        file = self.inside() / _ACTIVE_STACK
        try:
            write_whole(file, f"{stack}\n".encode())
        except OSError as error:
            raise StackspecError.of("SS0704", f"cannot write {file}: {error.strerror}") from error

    def prepare(self) -> None:
        """Make the folder, unknown to git.

        Raises:
            StackspecError: it cannot be made, or is a link.
        """
        folder = self.inside()
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            if not os.path.lexists(folder / ".gitignore"):
                write_first(folder / ".gitignore", b"*\n")
        except OSError as error:
            raise StackspecError.of("SS0704", f"cannot write {folder}: {error.strerror}") from error
