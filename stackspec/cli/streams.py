"""The standard streams: there from the start, able to write any text; a failure of theirs is told from others."""

from __future__ import annotations

import io
import os
import sys


class UnwrittenError(OSError):
    """Standard output cannot be written, by a full disk for example; a reader that left is a `BrokenPipeError`."""


def prepare() -> None:
    """Open what was closed, and have a character that a stream cannot encode written as an escape.

    Where the process was started without a standard stream (`>&-`), the next file that is opened, a state file for
    example, would get its number, and what somebody prints would go into it. `/dev/null` takes the place instead.
    """
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: the stream's
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write_answer(text: str) -> None:
    """Write to standard output, at once.

    Raises:
        UnwrittenError: it cannot be written.
        BrokenPipeError: nobody reads it any more.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnwrittenError(error.errno, error.strerror) from error


def discard_output() -> None:
    """Send what standard output still holds, and all that follows, to `/dev/null`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
