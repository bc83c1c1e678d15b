"""The command's entry: as little as can be before the work is known.

Nothing is imported before the search path is clean but `sys`, which is built in, `os`, which is frozen into the
interpreter, and what cleans it. (Hence no `__future__` either, which is a file.)
"""

import os
import sys

from stackspec.search_path import forget_the_checkout


def main() -> int:
    """Run the command line; the exit code."""
    forget_the_checkout(sys.argv[1:])
    import signal

    from stackspec.cli.process import leave_no_core_dump
    from stackspec.cli.streams import UnwrittenError, prepare, write_answer

    for name in (signal.SIGINT, signal.SIGTERM):
        # Until an apply takes the signals over there is nothing to finish, and a traceback helps nobody.
        signal.signal(name, lambda number, _frame: os._exit(128 + number))
    prepare()
    leave_no_core_dump()
    arguments = sys.argv[1:]
    if arguments == ["--version"] or (arguments == ["version"] and "STACKSPEC_OUTPUT" not in os.environ):
        from stackspec import __version__

        try:
            write_answer(f"stackspec {__version__}\n")
        except (UnwrittenError, BrokenPipeError) as error:
            from stackspec.cli.run import unwritten

            return unwritten(error)
        return 0
    if arguments[:1] in (["plan"], ["validate"]) and (code := _said_again(arguments)) is not None:
        return code
    from stackspec.cli.run import run
    from stackspec.core.own_variables import take

    take()
    return run(arguments)


def _said_again(arguments: list[str]) -> int | None:
    """Give the answer that is remembered, where there is one: its exit code."""
    from stackspec.cli.trust import is_untrusted

    if is_untrusted("--untrusted" in arguments, os.environ):
        return None
    from stackspec.cli.streams import UnwrittenError, write_answer
    from stackspec.remembered import recall

    answer = recall(arguments)
    if answer is None:
        return None
    try:
        write_answer(answer.out)
    except (UnwrittenError, BrokenPipeError) as error:
        from stackspec.cli.run import unwritten

        return unwritten(error)
    try:
        sys.stderr.write(answer.err)
    except OSError:
        return 1  # as where it is said for the first time
    return answer.code


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
