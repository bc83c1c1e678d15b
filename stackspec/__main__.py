"""The command's entry: as little as can be before the work is known."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


def main() -> int:
    """Run the command line; the exit code."""
    # A module of the working directory must never be imported in place of a library's.
    sys.path[:] = [path for path in sys.path if path not in ("", os.getcwd())]
    for name in (signal.SIGINT, signal.SIGTERM):
        # Until an apply takes the signals over there is nothing to finish, and a traceback helps nobody.
        signal.signal(name, lambda number, _frame: os._exit(128 + number))
    arguments = sys.argv[1:]
    if arguments in (["version"], ["--version"]):
        from stackspec import __version__

        sys.stdout.write(f"stackspec {__version__}\n")
        return 0
    from stackspec.cli.run import run

    return run(arguments)


def run_and_exit() -> NoReturn:
    """Run the command line and end the process at once.

    Tearing an interpreter down object by object takes longer than many a command; everything durable is closed by
    now, and what is left is memory and threads of hooks that were given up.
    """
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run_and_exit()
