"""Programs that hand out secrets: run without a shell, for a bounded time, and never quoted."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic

from stackspec.core.own_variables import OWN_VARIABLES
from stackspec.secret_stores.contract import StoreError, StorePlace

MOST = 1 << 20
"""Bytes of the longest output that is read."""


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

        Args:
            arguments: None may hold a secret: other users of the machine see them.

        Raises:
            StoreError: it does not end in time, or prints too much.
        """
        import subprocess
        from threading import Timer

        try:
            process = subprocess.Popen(
                [self._path, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # it may quote what it read
                env=self._environ,
                process_group=0,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "an argument is no text that programs take"
            raise StoreError(f"the program '{self._name}' cannot be run: {why}") from None
        late = False

        def end() -> None:
            nonlocal late
            late = True
            _kill(process.pid)

        timer = Timer(max(0.0, self._deadline - monotonic()), end)
        timer.daemon = True
        timer.start()
        try:
            with process:  # which waits for it
                assert process.stdout is not None
                data = process.stdout.read(MOST + 1)
                if len(data) > MOST:
                    _kill(process.pid)
        finally:
            timer.cancel()
        if late:
            raise StoreError(f"the program '{self._name}' did not answer in {self._seconds:.0f} s", _ASKS)
        if len(data) > MOST:
            raise StoreError(f"the program '{self._name}' printed more than 1 MiB", unfit=True)
        return process.returncode or data


_ASKS = "run it by hand: it may be waiting for a passphrase, which nobody can give it here"


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
