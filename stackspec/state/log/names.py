"""What the objects of an environment's log are called: `ENV/log/NUMBER` and `ENV/snapshot/NUMBER-RUNS`."""

from __future__ import annotations

from typing import NamedTuple

_WIDTH = 10


class Names:
    """The names of one environment's objects; numbers have ten digits, so that names sort as numbers do."""

    def __init__(self, environment: str) -> None:
        self.entries = f"{environment}/log/"
        self.snapshots = f"{environment}/snapshot/"
        self.probe = f"{environment}/probe"

    def entry(self, number: int) -> str:
        """The name of an entry."""
        return f"{self.entries}{number:0{_WIDTH}}"

    def number(self, key: str) -> int:
        """The number of an entry.

        Raises:
            ValueError: it is not the name of one.
        """
        return int(key.removeprefix(self.entries))

    def snapshot(self, number: int, runs: int) -> str:
        """The name of a snapshot."""
        return f"{self.snapshots}{number:0{_WIDTH}}-{runs:0{_WIDTH}}"

    def before_snapshots_from(self, number: int) -> str:
        """What every snapshot at a number, or a later one, comes after."""
        return f"{self.snapshots}{number:0{_WIDTH}}"

    def snapshot_at(self, key: str) -> SnapshotName:
        """What a snapshot's name says.

        Raises:
            ValueError: it is not the name of one.
        """
        number, runs = key.removeprefix(self.snapshots).split("-")
        return SnapshotName(int(number), int(runs), key)


class SnapshotName(NamedTuple):
    """A snapshot as its name tells: of which entry, after how many runs."""

    number: int
    runs: int
    key: str
