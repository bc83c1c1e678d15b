"""What is kept beside a local state: which serial it had reached, and copies of the last good ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from stackspec.core.whole_file import sync_folder, write_whole
from stackspec.state.export import ExportError, import_state

MOST_COPIES = 5
"""How many copies are kept, the newest."""


class Head(NamedTuple):
    """The lineage of a state, and the serial that it has reached at least."""

    lineage: str
    serial: int


class Safekeeping:
    """The files `NAME.head` and `NAME.SERIAL.json` beside the state of an environment."""

    def __init__(self, folder: Path, environment: str) -> None:
        self._folder = folder
        self._head = folder / f"{environment}.head"
        self._name = environment

    def head(self) -> Head | None:
        """What the state was last seen to be; None if that is not known."""
        try:
            record = json.loads(self._head.read_text(encoding="utf-8"))
            return Head(str(record["lineage"]), int(record["serial"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None  # it only tells of damage elsewhere, and is written anew by the next apply

    def note(self, head: Head) -> None:
        """Remember what the state is.

        Raises:
            OSError: it cannot be written.
        """
        if self.head() != head:
            write_whole(self._head, json.dumps(head._asdict()).encode())

    def forget(self) -> None:
        """Remember nothing of what the state is.

        Raises:
            OSError: the folder cannot be written.
        """
        self._head.unlink(missing_ok=True)
        sync_folder(self._folder)

    def keep(self, serial: int, text: str) -> None:
        """Keep an exported state, and let go of the oldest copies.

        Raises:
            OSError: it cannot be written.
        """
        write_whole(self._folder / f"{self._name}.{serial}.json", text.encode())
        for path in self.copies()[MOST_COPIES:]:
            path.unlink(missing_ok=True)

    def copies(self) -> list[Path]:
        """The copies, the newest first, good or not."""
        pattern = re.compile(rf"{re.escape(self._name)}\.([0-9]+)\.json")
        found = {path: pattern.fullmatch(path.name) for path in self._folder.glob(f"{self._name}.*.json")}
        serials = {path: int(match[1]) for path, match in found.items() if match}
        return sorted(serials, key=lambda path: -serials[path])

    def last_good_copy(self) -> Path | None:
        """The newest copy that can be read and is whole."""
        for path in self.copies():
            try:
                import_state(path.read_text(encoding="utf-8"))
            except (OSError, ExportError, UnicodeDecodeError):
                continue
            return path
        return None
