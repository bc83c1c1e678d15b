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
from stackspec.secret_stores.private_file import as_text, read_private


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
        return Missing(f"there is no file '{text}'") if data is None else Secret(as_text(data, f"'{text}'"))
