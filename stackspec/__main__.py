"""The command's entry: as little as can be before the work is known.

Nothing is imported before the search path is clean but `sys`, which is built in, and `os`, which is frozen into the
interpreter: no file takes their place. (Hence no `__future__` either, which is a file.)
"""

import os
import sys


def main() -> int:
    """Run the command line; the exit code."""
    _forget_the_working_directory()
    import signal

    from stackspec.cli.streams import UnwrittenError, prepare, write_answer

    for name in (signal.SIGINT, signal.SIGTERM):
        # Until an apply takes the signals over there is nothing to finish, and a traceback helps nobody.
        signal.signal(name, lambda number, _frame: os._exit(128 + number))
    prepare()
    arguments = sys.argv[1:]
    if arguments == ["--version"] or (arguments == ["version"] and "STACKSPEC_OUTPUT" not in os.environ):
        from stackspec import __version__

        try:
            write_answer(f"stackspec {__version__}\n")
        except (UnwrittenError, BrokenPipeError) as error:
            from stackspec.cli.run import unwritten

            return unwritten(error)
        return 0
    from stackspec.cli.run import run
    from stackspec.core.own_variables import take

    take()
    return run(arguments)


def _forget_the_working_directory() -> None:
    """Have no module of the working directory, which may be anybody's checkout, imported in place of a library's.

    It is on the search path with `python -m stackspec` and with an empty part in PYTHONPATH. What Python itself imports
    before it comes here cannot be helped: a `sitecustomize.py`, with `-m` also what `runpy` needs, and the package
    `stackspec` if the folder has one. `python -P` keeps the folder away from these too.
    """
    try:
        here = os.getcwd()
    except OSError:
        here = ""  # it was removed, and nothing can be imported from it
    sys.path[:] = [path for path in sys.path if path not in ("", here)]


def run_and_exit() -> None:
    """Run the command line and end the process at once.

    Tearing an interpreter down object by object takes longer than many a command; everything durable is closed by
    now, and what is left is memory and threads of hooks that were given up.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()  # what a flavor may have printed
        except OSError:
            continue  # an answer that cannot be written was told, and ended in 1
    os._exit(code)


if __name__ == "__main__":
    run_and_exit()
