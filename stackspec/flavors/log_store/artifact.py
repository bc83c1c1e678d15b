"""Logs in a folder of an artifact store."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from stackspec.flavors.contract import FlavorConfig, HookError, Observation, Owner, StackRule, import_command, setting
from stackspec.flavors.extras import require_extra
from stackspec.flavors.hook_time import in_time
from stackspec.flavors.log_store import LogStore
from stackspec.flavors.owned.bucket import MARK, mark_of, owner_in

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")


class ArtifactLogStore(LogStore):
    """A folder of an artifact store, or of any place that fsspec opens; what was there before is never deleted.

    Many stores cannot add to a file, so what is appended is a file of its own, under a name that keeps the order.
    """

    flavor = "artifact"
    extra = "files"
    imports = ("fsspec",)
    located_by = "uri"
    occupies = frozenset({"prefix"})
    stack_rules = (StackRule(type="artifact_store", why="keeps the logs in it"),)

    class Config(FlavorConfig):
        """A folder that keeps logs."""

        uri: str = setting(
            "The artifact store's place, as a URI that fsspec opens.",
            requires_replacement=True,
            pattern="^[a-z][a-z0-9+.-]*://",
            examples=["{{ components.artifact_store.outputs.uri }}", "s3://bucket/prefix"],
        )
        prefix: str = setting(
            "The folder of the logs in it.",
            default="logs",
            requires_replacement=True,
            pattern="^[A-Za-z0-9_=-][A-Za-z0-9_.=-]*(/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*$",
        )
        options: Mapping[str, Any] = setting(
            "What fsspec is told beside the URI: an endpoint, credentials that the environment does not give.",
            default={},
            sensitive=True,
            schema={"type": "object"},
        )
        delete_data: bool = setting(
            "Whether removing the component removes the logs too. Without it a folder that holds any is kept.",
            default=False,
        )

    config: Config

    def storage_options(self) -> Mapping[str, Any]:
        """Those of the config."""
        return self.config.options

    def append(self, run: str, lines: Iterable[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        if text:
            self.write(f"{self._file(run)}/{time.time_ns():020}-{secrets.token_hex(4)}", text.encode())

    def lines(self, run: str) -> list[str]:
        parts = [self.read(file).decode("utf-8", "replace") for file in self.list(self._file(run))]
        return "".join(parts).splitlines()

    def observe(self) -> Observation:
        """See whether the folder is there for this component, whose it is and how much it holds."""
        owner, count = self._asked(self._seen)
        if owner is not None and owner.identity != self.context.identity:
            return Observation(provisioned=False, detail=f"{self._uri} belongs to {owner}", owner=owner)
        if owner is None and not count:
            return Observation(provisioned=False, detail=f"{self._uri} is empty")
        origin = "was there before" if owner is None else "made by stackspec"
        return Observation(provisioned=True, detail=f"{origin}, {_files(count)}")

    def provision(self) -> LogStore.Outputs:
        """Mark the folder as ours, unless it holds something already."""
        owner, count = self._asked(self._seen)
        if owner is not None and owner.identity != self.context.identity:
            raise HookError(
                f"{self._uri} belongs to another component, {owner}",
                f"use another prefix; if that one is forgotten, take it over: {import_command(self.context)}",
            )
        if owner is None and not count:
            self._asked(self._mark)
        return self.Outputs(uri=self._uri)

    def update(self, previous: ArtifactLogStore) -> LogStore.Outputs:
        """Nothing that changes in place touches the folder: see to it that it is there."""
        return self.provision()

    def deprovision(self) -> None:
        """Remove the folder where it is ours; what it holds stays unless `delete_data`."""
        owner, count = self._asked(self._seen)
        if owner is None and not count:
            self._asked(_remove)
        if owner is None or owner.identity != self.context.identity:
            return
        if count and not self.config.delete_data:
            self.context.log(f"{self._uri} is kept: it holds {_files(count)}, and delete_data is false")
            self._asked(lambda files, root: files.rm_file(f"{root}/{MARK}"))
        else:
            self._asked(_remove)

    @property
    def _uri(self) -> str:
        return f"{self.config.uri.rstrip('/')}/{self.config.prefix}"

    def _seen(self, files: AbstractFileSystem, root: str) -> tuple[Owner | None, int]:
        """Whose mark the folder carries, and how many files are in it; a mark that was never finished is none."""
        files.invalidate_cache()
        mark = f"{root}/{MARK}"
        owner = owner_in(files.cat_file(mark)) if files.exists(mark) else None
        return owner if owner and owner.identity else None, len(_held(files, root))

    def _mark(self, files: AbstractFileSystem, root: str) -> None:
        files.makedirs(root, exist_ok=True)
        files.pipe_file(f"{root}/{MARK}", json.dumps(mark_of(self.context)).encode())

    def _asked(self, question: Callable[[AbstractFileSystem, str], T]) -> T:
        """What the store answers, within the hook's time, of which fsspec knows nothing."""
        require_extra("files", "fsspec")

        def ask() -> T:
            from fsspec.core import url_to_fs

            files, root = url_to_fs(self._uri, **self.storage_options())
            return question(files, root.rstrip("/"))

        try:
            return in_time(ask, self.context)
        except HookError:
            raise
        except Exception as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> HookError:
        """What a user is told: the words of a store's library may hold credentials."""
        if isinstance(error, ImportError):
            return HookError(f"what opens {self._uri} is not installed: {error.name}", "install the store's extra")
        if isinstance(error, ValueError):
            return HookError(f"fsspec does not open {self._uri}", "look at 'uri' and 'options'")
        message = f"{self._uri} cannot be used ({type(error).__name__})"
        transient = isinstance(error, ConnectionError | TimeoutError)
        return HookError(message, "look at 'uri', 'options' and the store's credentials", transient=transient)


def _held(files: AbstractFileSystem, root: str) -> list[str]:
    """The files in a folder but for the mark; none where there is no such folder."""
    # A store may list the folder itself.
    found = [str(one) for one in files.find(root)] if files.exists(root) else []
    return [one for one in found if one.startswith(f"{root}/") and one != f"{root}/{MARK}"]


def _remove(files: AbstractFileSystem, root: str) -> None:
    """Remove a folder with a mark, that last, so that what is left of an interrupted removal is known to be ours."""
    if not files.exists(f"{root}/{MARK}"):
        return
    if held := _held(files, root):
        files.rm(held)
    files.rm(root, recursive=True)


def _files(count: int) -> str:
    return f"{count} file{'s' if count > 1 else ''}" if count else "empty"
