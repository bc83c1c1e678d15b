"""The options before the command."""

from __future__ import annotations

import os
from typing import Annotated

from stackspec.cli.options import Option
from stackspec.core.diagnostic import StackspecError


class Verbosity:
    """How much standard error tells: set once, by the options before the command."""

    verbose = False
    quiet = False


def start(
    chdir: Annotated[str | None, Option(("--chdir", "-C"), "Start in this folder.", "DIR")] = None,
    verbose: Annotated[bool, Option(("--verbose", "-v"), "Tell more.")] = False,
    quiet: Annotated[bool, Option(("--quiet", "-q"), "Tell only errors.")] = False,
) -> None:
    """Take the options before the command.

    Raises:
        StackspecError: the folder cannot be entered.
    """
    Verbosity.verbose, Verbosity.quiet = verbose, quiet
    if chdir is not None:
        try:
            os.chdir(chdir)
        except OSError as error:
            raise StackspecError.of("SS0901", f"-C: cannot go to the folder '{chdir}': {error.strerror}") from error
