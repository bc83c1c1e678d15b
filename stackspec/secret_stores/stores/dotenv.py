"""Secrets in a `.env` file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackspec.secret_stores.contract import Missing, Secret, SecretStore, StoreConfig, setting
from stackspec.secret_stores.private_file import as_text, read_private


class DotenvSecretStore(SecretStore):
    """A file of lines `NAME=value` that only its owner can read; nothing in it is expanded."""

    type = "dotenv"
    extra = "dotenv"
    is_local = True
    path_form = "a name in the file"

    class Config(StoreConfig):
        """Which file it is."""

        path: str = setting(
            "The file; relative to the project's root, or under an allowed path.", default=".env", path=True
        )

    def read(self, paths: Sequence[str]) -> Mapping[str, Secret | Missing]:
        """See `SecretStore.read`."""
        data = read_private(self.place, self.config.path)
        if data is None:
            return dict.fromkeys(paths, Missing(f"there is no file '{self.config.path}'"))
        from io import StringIO

        from dotenv import dotenv_values

        values = dotenv_values(stream=StringIO(as_text(data, f"'{self.config.path}'")), interpolate=False)
        known = tuple(sorted(values))
        return {
            path: Missing(f"'{self.config.path}' has no '{path}'", known)
            if (value := values.get(path)) is None
            else Secret(value)
            for path in paths
        }
