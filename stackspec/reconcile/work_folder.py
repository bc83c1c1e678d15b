"""The folder that one agent works in: locked while it lives, with what it must know after a restart."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

from stackspec.core.diagnostic import StackspecError
from stackspec.core.frozen import dataclass
from stackspec.core.whole_file import write_whole
from stackspec.reconcile.condition import Condition
from stackspec.state.local_folder import LocalFolder

FORMAT = 1
"""The version of the record."""
_PATIENCE = 2.0
"""Seconds for which a folder may be in use by what a killed agent has left running."""
_POLL = 0.1


@dataclass(frozen=True, slots=True)
class Record:
    """What an agent must know after a restart.

    Attributes:
        good: The last revision that could be used; None before the first.
        told: Environment to the condition that people know it to be in.
        repository: What is followed, as it is shown.
    """

    good: str | None = None
    told: Mapping[str, Condition] = field(default_factory=dict)
    repository: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The record as a document."""
        return {"format": FORMAT, "good": self.good, "told": dict(self.told), "repository": self.repository}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """The inverse of `as_json`.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: the document is not one.
        """
        if document["format"] != FORMAT or not isinstance(document["good"], str | None):
            raise ValueError("another format")
        told = {name: Condition(word) for name, word in document["told"].items()}
        repository = document.get("repository")
        if not isinstance(repository, str | None):
            raise TypeError("an address is a text")
        return cls(document["good"], told, repository)


class WorkFolder:
    """`.stackspec/reconcile` in a folder.

    Args:
        around: The folder.
        of_folder: Whether the agent follows a project's folder as it is. What it must know is kept apart from what one
            that follows a repository must: neither is to take the other's place.
    """

    def __init__(self, around: Path, *, of_folder: bool = False) -> None:
        self._local = LocalFolder(around.absolute())
        self.path = self._local.inside("reconcile")
        self.clone = self.path / "tree"
        self._file = self.path / ("folder.json" if of_folder else "agent.json")

    def read(self) -> Record:
        """The record; an empty one where there is none.

        Raises:
            StackspecError: it cannot be read. To begin anew instead would follow whatever repository is named now, and
                remove what the one before declared.
        """
        try:
            return Record.from_json(json.loads(self._file.read_bytes()))
        except FileNotFoundError:
            return Record()
        except OSError as error:
            raise StackspecError.of("SS1303", f"cannot read {self._file}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            hint = "remove it only where the folder is of the same repository: the agent begins with the newest commit"
            raise StackspecError.of("SS1303", f"{self._file} is damaged", hint=hint) from error

    def write(self, record: Record) -> None:
        """Keep a record.

        Raises:
            StackspecError: it cannot be written.
        """
        try:
            write_whole(self._file, json.dumps(record.as_json()).encode())
        except OSError as error:
            raise StackspecError.of("SS1303", f"cannot write {self._file}: {error.strerror}") from error

    @contextmanager
    def held(self) -> Iterator[int]:
        """Be the only agent in the folder while the context lasts; it is made where it is missing.

        Yields:
            The descriptor of the lock: a child that gets it holds the lock as long as it lives.

        Raises:
            StackspecError: another agent is, or the folder cannot be written.
        """
        try:
            self._local.prepare()
            self.path.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StackspecError.of("SS1303", f"cannot write {self.path}: {error.strerror}") from error
        try:
            self._lock(descriptor)
            yield descriptor
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        give_up_at = monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if monotonic() >= give_up_at:
                    message = f"another agent works in {self.path}"
                    hint = "end it, or give this one a folder of its own by --work-dir"
                    raise StackspecError.of("SS1303", message, hint=hint) from None
                sleep(_POLL)
