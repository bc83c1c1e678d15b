"""A directory that a component may own: used as found, removed only where the component made it.

The mark of ownership is a file inside that carries the component's identity. It appears together with the directory,
by renaming a finished folder into place, so no crash leaves a directory of ours that does not say so.
"""

from __future__ import annotations

import errno
import json
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from stackspec.core.frozen import dataclass
from stackspec.core.whole_file import sync_folder, write_whole
from stackspec.flavors.contract import Flavor, FlavorOutputs, HookContext, HookError, Observation, Owner, import_command
from stackspec.flavors.owned.database import database_owner

MARK = ".stackspec-owner.json"
"""The name of the file that says which component made the directory."""


@dataclass(frozen=True, slots=True)
class OwnedDirectory:
    """A directory at an absolute path, as one component sees it."""

    path: Path
    context: HookContext

    @property
    def uri(self) -> str:
        """The `file://` URI of the directory."""
        return self.path.as_uri()

    def observe(self) -> Observation:
        """Whether it is there for this component, whose it is and how much it holds."""
        if not self.path.is_dir():
            return Observation(provisioned=False, detail=f"{self.path} does not exist")
        owner = self._owner()
        if owner is not None and not self._is_ours():
            return Observation(provisioned=False, detail=f"{self.path} belongs to {owner}", owner=owner)
        origin = "was there before" if owner is None else "made by stackspec"
        held = len(self._contents())
        return Observation(provisioned=True, detail=f"{origin}, {_entries(held) if held else 'empty'}")

    def provision(self) -> None:
        """Make it, marked as ours, unless it exists.

        Raises:
            HookError: the path is taken by something else, by another component, or cannot be made.
        """
        try:
            self._remove_leftovers()  # of a removal that was interrupted
            if not self.path.exists():
                self._make()
        except OSError as error:
            # Made by someone else in between, it was there before.
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise HookError(f"cannot make the directory {self.path}: {error.strerror}") from error
        if not self.path.is_dir():
            raise HookError(f"{self.path} exists and is not a directory", "use another path, or move it away")
        owner = self._owner()
        if owner is not None and not self._is_ours():
            raise HookError(
                f"{self.path} belongs to another component, {owner}",
                f"use another path; if that one is forgotten, take it over: {import_command(self.context)}",
            )

    def deprovision(self, *, delete_contents: bool) -> None:
        """Remove it where it is ours; what it holds stays unless `delete_contents`, and then so does the directory.

        Raises:
            HookError: it cannot be removed.
        """
        try:
            self._remove_leftovers()
            if not os.path.isdir(self.path) or not self._is_ours():
                return
            if (held := len(self._contents())) and not delete_contents:
                (self.path / MARK).unlink()
                self.context.log(f"{self.path} is kept: it holds {_entries(held)}, and delete_data is false")
                return
            if other := self._made_by_another():
                raise HookError(f"{self.path} is kept: {other}", "move that away, or set delete_data to false")
            # Renamed first, so that a crash in the middle leaves a folder that the next call knows to be ours.
            self.path.rename(self._beside("gone"))
            _remove(self._beside("gone"))
        except OSError as error:
            raise HookError(f"cannot remove the directory {self.path}: {error.strerror}") from error

    def _made_by_another(self) -> str | None:
        """What another component made inside, if anything; a path that is known only at the apply may lead here."""
        for folder, _, files in os.walk(self.path):
            for name in files:
                if name == MARK and folder != str(self.path):
                    return f"{folder} in it belongs to {_mark(Path(folder))}"
                if address := database_owner(Path(folder, name)):
                    return f"{Path(folder, name)} in it belongs to {address}"
        return None

    def _remove_leftovers(self) -> None:
        for leftover in (self._beside("new"), self._beside("gone")):
            if os.path.exists(leftover):  # not Path's, which raises for a name that is too long to be one
                _remove(leftover)

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(f".{self.path.name}.{self.context.identity}.{suffix}")

    def _make(self) -> None:
        fresh = self._beside("new")
        fresh.mkdir(parents=True)
        context = self.context
        mark = {
            "identity": context.identity,
            "address": str(context.address),
            "environment": context.environment,
            "lineage": context.lineage,
        }
        write_whole(fresh / MARK, json.dumps(mark).encode(), 0o666)
        fresh.rename(self.path)
        sync_folder(self.path.parent)

    def _owner(self) -> Owner | None:
        return _mark(self.path)

    def _is_ours(self) -> bool:
        owner = self._owner()
        return owner is not None and owner.identity == self.context.identity

    def _contents(self) -> list[str]:
        return [name for name in os.listdir(self.path) if name != MARK]


def _mark(folder: Path) -> Owner | None:
    """Whose mark is in a folder; nobody's that is known where it cannot be read, None where there is none."""
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return Owner(mark["identity"], mark["address"], mark.get("environment"), mark.get("lineage"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Owner("", "unknown")


def _entries(count: int) -> str:
    return f"{count} entr{'y' if count == 1 else 'ies'}"


class DirectoryFlavor(Flavor, ABC):
    """The parent of a flavor that is nothing but a directory: its hooks, given the place and what to do with data.

    It stands before the component type among a flavor's parents: `class LocalLogStore(DirectoryFlavor, LogStore)`.
    """

    @property
    @abstractmethod
    def place(self) -> str | None:
        """The config's path of the directory; None for the component's private folder."""

    @property
    @abstractmethod
    def delete_contents(self) -> bool:
        """Whether a directory of ours is removed although it holds something."""

    def observe(self) -> Observation:
        """See whether the directory is there."""
        return self._directory().observe()

    def provision(self) -> FlavorOutputs:
        """Make the directory, or take the one that is there."""
        directory = self._directory()
        directory.provision()
        outputs: type[FlavorOutputs] = self.Outputs
        return outputs.from_value({"uri": directory.uri})

    def update(self, previous: Self) -> FlavorOutputs:
        """Nothing that changes in place touches the directory: see to it that it is there."""
        return self.provision()

    def deprovision(self) -> None:
        """Remove the directory where it is ours."""
        self._directory().deprovision(delete_contents=self.delete_contents)

    def _directory(self) -> OwnedDirectory:
        path = self.context.data_dir if self.place is None else self.context.path(self.place)
        return OwnedDirectory(path, self.context)


def _remove(folder: Path) -> None:
    from shutil import rmtree  # a plan imports every flavor that manifests name, and removes nothing

    rmtree(folder)
