"""Programs that hand out secrets: run without a shell, for a bounded time, and never quoted."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from time import monotonic
from typing import IO

from stackspec.core.frozen import dataclass
from stackspec.core.own_variables import OWN_VARIABLES
from stackspec.secret_stores.contract import StoreError, StorePlace

MOST = 1 << 20
"""Bytes of the longest output that is read."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a program said.

    Attributes:
        code: Its exit code; negative is the signal that ended it.
        status: What it wrote to the descriptor that it was given for that.
    """

    code: int
    output: bytes
    status: bytes


class Program:
    """A program that a store asks, as often as it likes within the time that the store has.

    Args:
        name: As PATH has it.
        package: The Debian package that it comes with.
        variables: What its environment says beside what ours does.
    """

    def __init__(self, place: StorePlace, name: str, package: str, variables: Mapping[str, str] | None = None) -> None:
        self._name = name
        self._seconds = place.seconds
        self._deadline = monotonic() + place.seconds
        withheld = OWN_VARIABLES | place.withheld
        self._environ = {key: value for key, value in place.environ.items() if key not in withheld}
        self._environ |= variables or {}
        found = shutil.which(name, path=self._environ.get("PATH", os.defpath))
        if found is None:
            raise StoreError(f"the program '{name}' is not installed", f"run: apt-get install {package}")
        self._path = found

    def output(self, arguments: Sequence[str]) -> bytes | int:
        """What it prints; its exit code where that is not 0, for then nothing that it printed counts.

        Args, Raises: As `run`.
        """
        said = self.run(arguments)
        return said.code or said.output

    def run(self, arguments: Sequence[str], given: bytes = b"", status_option: str | None = None) -> Said:
        """What it says when it is given some bytes to read.

        Args:
            arguments: None may hold a secret: other users of the machine see them.
            status_option: The option that takes the number of a descriptor to tell the status to, if it has one.

        Raises:
            StoreError: it does not end in time, or prints too much.
        """
        import subprocess

        with ExitStack() as files:
            status, told = (files.enter_context(open(end, mode, buffering=0)) for end, mode in _pipe())
            options = [status_option, str(told.fileno())] if status_option else []
            try:
                process = subprocess.Popen(
                    [self._path, *options, *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,  # it may quote what it read
                    bufsize=0,
                    env=self._environ,
                    process_group=0,
                    pass_fds=[told.fileno()] if status_option else [],
                )
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else "an argument is no text that programs take"
                raise StoreError(f"the program '{self._name}' cannot be run: {why}") from None
            told.close()
            assert process.stdin is not None
            assert process.stdout is not None
            files.enter_context(process.stdin)
            files.enter_context(process.stdout)
            try:
                output, said = self._exchanged(process.stdin, given, [process.stdout, status])
                return Said(process.wait(self._left()), output, said)
            except (TimeoutError, subprocess.TimeoutExpired):
                message = f"the program '{self._name}' did not answer in {self._seconds:.0f} s"
                raise StoreError(message, _ASKS) from None
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def _left(self) -> float:
        return max(0.0, self._deadline - monotonic())

    def _exchanged(self, into: IO[bytes], given: bytes, out_of: Sequence[IO[bytes]]) -> list[bytes]:
        """What comes out of each of some pipes to its end, while bytes are written into another.

        Not only the program may hold them open, but whoever it started, in whatever group: so nobody waits for their
        end when the time is over.

        Raises:
            TimeoutError: they do not end in time.
            StoreError: too much comes out of one.
        """
        from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

        os.set_blocking(into.fileno(), False)
        rest, found = memoryview(given), {one.fileno(): bytearray() for one in out_of}
        with DefaultSelector() as selector:
            selector.register(into, EVENT_WRITE)
            for one in found:
                selector.register(one, EVENT_READ)
            while selector.get_map():
                ready = selector.select(self._left())
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    if key.fileobj is into:
                        with suppress(BrokenPipeError):  # it need not read all
                            rest = rest[os.write(key.fd, rest) :] if rest else rest
                            if rest:
                                continue
                        selector.unregister(into)
                        into.close()
                    elif part := os.read(key.fd, _PART):
                        found[key.fd] += part
                        if len(found[key.fd]) > MOST:
                            raise StoreError(f"the program '{self._name}' printed more than 1 MiB", unfit=True)
                    else:
                        selector.unregister(key.fd)
        return [bytes(found[one.fileno()]) for one in out_of]


_PART = 1 << 16
_ASKS = "run it by hand: it may be waiting for a passphrase, which nobody can give it here"


def _pipe() -> tuple[tuple[int, str], tuple[int, str]]:
    """The two ends of a pipe, and how each is opened."""
    out, into = os.pipe()
    return (out, "rb"), (into, "wb")
