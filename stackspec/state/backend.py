"""The backends: from a project's settings to the stores of its environments."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from stackspec.core.address import is_name
from stackspec.core.diagnostic import Warn
from stackspec.manifest.state_settings import StateSettings
from stackspec.state.store import StateStore

if TYPE_CHECKING:
    from stackspec.state.log.store import LogStateStore
    from stackspec.state.objects import Objects
    from stackspec.state.suspension import Suspensions

_PLACES = {
    "s3": "s3:S3Objects",
    "postgres": "postgres:PostgresObjects",
    "gcs": "gcs:GcsObjects",
    "azure": "azure:AzureObjects",
}
"""Backends that several machines share, to module and class of their `Objects`, which is made of its settings."""


class Backend(Protocol):
    """Where a project keeps its states."""

    def store(self, environment: str) -> StateStore:
        """The store of an environment's state."""

    def suspensions(self, environment: str) -> Suspensions:
        """What is kept beside an environment's state of whether it is reconciled."""

    def environments(self) -> list[str]:
        """The environments that have a state, by name.

        Raises:
            StackspecError: the place cannot be reached.
        """


def backend_of(settings: StateSettings, folder: Path, warn: Warn) -> Backend:
    """The backend that a project's settings name.

    Args:
        folder: Where states are that are not shared, and what this checkout remembers of those that are.
        warn: Told of what could not be kept beside a state that was written.
    """
    if settings.backend not in _PLACES:
        return _Local(settings, folder, warn)
    module, _, name = _PLACES[settings.backend].partition(":")
    place = getattr(import_module(f"stackspec.state.backends.{module}"), name)
    return _Shared(settings, place(settings), folder, warn)


class _Local:
    """Files on this machine."""

    def __init__(self, settings: StateSettings, folder: Path, warn: Warn) -> None:
        self._settings = settings
        self._folder = folder
        self._warn = warn

    def store(self, environment: str) -> StateStore:
        from stackspec.state.sqlite import SqliteStateStore

        return SqliteStateStore(self._folder, environment, self._settings.history, self._warn)

    def suspensions(self, environment: str) -> Suspensions:
        from stackspec.state.suspension import LocalSuspensions

        return LocalSuspensions(self._folder, environment)

    def environments(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.db") if is_name(path.stem))


class _Shared:
    """Objects in a place that several machines reach."""

    def __init__(self, settings: StateSettings, objects: Objects, folder: Path, warn: Warn) -> None:
        self._settings = settings
        self._folder = folder
        self._warn = warn
        self._objects = objects
        self._stores: dict[str, LogStateStore] = {}

    def store(self, environment: str) -> StateStore:
        from stackspec.state.log.seen import Seen
        from stackspec.state.log.store import LogStateStore

        # One that has read its log reads only what is new.
        if environment not in self._stores:
            seen = Seen(self._folder, environment)
            history = self._settings.history
            self._stores[environment] = LogStateStore(self._objects, environment, history, seen, self._warn)
        return self._stores[environment]

    def suspensions(self, environment: str) -> Suspensions:
        from stackspec.state.suspension import SharedSuspensions

        return SharedSuspensions(self._objects, environment)

    def environments(self) -> list[str]:
        return [name for name in self._objects.folders() if is_name(name)]
