"""Files behind a URI, wherever it leads: what artifact stores and log stores are to what runs on a stack."""

from __future__ import annotations

import builtins
from abc import ABC
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, ClassVar

from stackspec.flavors.contract import Flavor, HookError
from stackspec.flavors.extras import require_extra

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class FileStore(Flavor, ABC):
    """A component whose output `uri` is a folder that fsspec (https://filesystem-spec.readthedocs.io) opens.

    Paths are relative to it, with slashes; none leads out of it.

    Attributes:
        packages: What the extra installs that opens the files.
    """

    packages: ClassVar[tuple[str, ...]] = ("fsspec",)

    def storage_options(self) -> Mapping[str, Any]:
        """What fsspec is told beside the URI: credentials, an endpoint."""
        return {}

    def open(self, path: str, mode: str = "rb") -> IO[Any]:
        """A file to read from or, with `w` in the mode, to write to; the folders on its way are made.

        Raises:
            HookError: the path leads out of the store, the component is not provisioned, or a package is missing.
            FileNotFoundError: there is no such file.
        """
        files, place = self._place(path)
        if "w" in mode or "a" in mode or "x" in mode:
            files.makedirs(place.rpartition("/")[0], exist_ok=True)
        opened: IO[Any] = files.open(place, mode)
        return opened

    def read(self, path: str) -> bytes:
        """A file's bytes; raises as `open`."""
        with self.open(path) as file:
            data: bytes = file.read()
        return data

    def write(self, path: str, data: bytes) -> None:
        """Make a file hold these bytes and no others; raises as `open`."""
        with self.open(path, "wb") as file:
            file.write(data)

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder; raises as `open`."""
        files, place = self._place(path)
        return bool(files.exists(place))

    def list(self, path: str = "") -> builtins.list[str]:
        """The files under a folder, however deep, sorted; none where there is no such folder. Raises as `open`."""
        files, place = self._place(path)
        _, root = self._place("")
        found = (str(one).strip("/").removeprefix(root.strip("/")).strip("/") for one in files.find(place))
        return sorted(one for one in found if not PurePosixPath(one).name.startswith(".stackspec-"))

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with all in it; done where there is none. Raises as `open`."""
        files, place = self._place(path)
        if files.exists(place):
            files.rm(place, recursive=True)

    def _place(self, path: str) -> tuple[AbstractFileSystem, str]:
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        if path.startswith("/") or ".." in PurePosixPath(path).parts or "\0" in path:
            raise HookError(f"the path '{path}' leads out of {self.context.address}", "use a path relative to it")
        require_extra(self.extra or "files", *self.packages)
        from fsspec.core import url_to_fs

        files, root = url_to_fs(self.context.outputs["uri"], **self.storage_options())
        return files, f"{root.rstrip('/')}/{path}" if path else root
