"""Secrets in files, a value each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackspec.secret_stores.contract import (
    Answer,
    Missing,
    Secret,
    SecretStore,
    StoreConfig,
    StoreError,
    each_alone,
    setting,
)
from stackspec.secret_stores.private_file import as_text, names_in, read_private


class FileSecretStore(SecretStore):
    """Files that only their owner can read, a value each; the line end behind it is no part of it."""

    type = "file"
    is_local = True
    path_form = "the name of a file in the folder"

    class Config(StoreConfig):
        """Where the files are."""

        folder: str = setting("The folder; relative to the project's root, or under an allowed path.", path=True)

    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """See `SecretStore.read`."""
        return each_alone(self._value, paths)

    def _value(self, path: str) -> Secret | Missing:
        if path.startswith("/") or ".." in path.split("/"):
            raise StoreError(f"'{path}' leads out of the store's folder", unfit=True)
        text = f"{self.config.folder}/{path}"
        data = read_private(self.place, text)
        if data is not None:
            return Secret(as_text(data, f"'{text}'"))
        folder, before = text.rpartition("/")[0], "".join(path.rpartition("/")[:2])
        names = names_in(self.place.path(folder))
        if names is None:
            return Missing(f"there is no file '{text}', nor is there a folder '{folder}'")
        return Missing(f"there is no file '{text}'", tuple(before + name for name in names))
