"""What this checkout saw a shared state come to: it tells a place that was emptied, put back, or is another's."""

from __future__ import annotations

from pathlib import Path

from stackspec.core.diagnostic import StackspecError
from stackspec.state.log.reading import Reading
from stackspec.state.safekeeping import Head, Safekeeping


class Seen:
    """The file `NAME.head` in the folder of local states, which a local state has as well.

    So a project that turns to another backend and leaves its state behind is told.

    Args:
        folder: Made at the first note, mode 0700.
    """

    def __init__(self, folder: Path, environment: str) -> None:
        self._folder = folder
        self._environment = environment
        self._kept = Safekeeping(folder, environment)

    @property
    def head(self) -> Head | None:
        """What the state was last seen to be by a run of this checkout; None if that is not known."""
        return self._kept.head()

    def check(self, head: Head, reading: Reading, where: object) -> None:
        """Compare what is read with what was seen before it was read.

        Raises:
            StackspecError: SS0701, the state is gone, or older than it was; SS0713, it is another one.
        """
        if head.serial == 0:
            return
        if reading.number and reading.lineage != head.lineage:
            raise StackspecError.of(
                "SS0713",
                f"the state of '{self._environment}' in {where} is not the one that belongs to this checkout: its "
                f"lineage is {reading.lineage}, and here belongs {head.lineage}",
                hint="look at the Project's 'state': it may name another project's place; if the state was replaced on "
                f"purpose, remove {self._folder / self._environment}.head",
            )
        if reading.serial < head.serial:
            found = f"is an older one, at serial {reading.serial}" if reading.number else "is not there"
            raise StackspecError.of(
                "SS0701",
                f"the state of '{self._environment}' in {where} {found}; it was at serial {head.serial} of the lineage "
                f"{head.lineage}",
                hint="look at the Project's 'state': a state that was elsewhere is moved by 'state pull' there and "
                f"'state push' here; to begin anew, remove {self._folder / self._environment}.head",
            )

    def note(self, reading: Reading) -> None:
        """Remember what the state is.

        Raises:
            StackspecError: it cannot be written.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._kept.note(Head(reading.lineage, reading.serial))
        except OSError as error:
            raise StackspecError.of("SS0704", f"cannot write in {self._folder}: {error.strerror}") from error
