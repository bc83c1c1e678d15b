"""One command as a whole process: its seconds and its peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each run, and the largest resident set, in MiB, of any."""

    seconds: tuple[float, ...]
    mebibytes: float

    @property
    def median(self) -> float:
        """Seconds of the run in the middle."""
        return statistics.median(self.seconds)


class FailedError(Exception):
    """A command that is measured did not do its work."""


def once(command: Sequence[str | Path], folder: Path) -> tuple[float, float]:
    """Run a command in a folder; its seconds and peak MiB.

    Raises:
        FailedError: it did not exit with 0.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = perf_counter()
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise FailedError(f"{' '.join(map(str, command))} exited with {process.returncode} in {folder}")
    return seconds, usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def in_turn(runs: int, *jobs: Callable[[], tuple[float, float]]) -> list[Measured]:
    """Run jobs in turn, so that a machine that slows down slows all of them; one `Measured` a job."""
    found: list[list[tuple[float, float]]] = [[] for _ in jobs]
    for _ in range(runs):
        for job, results in zip(jobs, found, strict=True):
            results.append(job())
    return [Measured(tuple(one[0] for one in rows), max(one[1] for one in rows)) for rows in found]
