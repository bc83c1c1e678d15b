"""Secrets in a `.env` file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackspec.secret_stores.contract import Answer, Missing, Secret, SecretStore, StoreConfig, setting
from stackspec.secret_stores.lines import known_names, read_dotenv
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

    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """See `SecretStore.read`."""
        name = self.config.path
        data = read_private(self.place, name)
        if data is None:
            return dict.fromkeys(paths, Missing(f"there is no file '{name}'"))
        values = read_dotenv(as_text(data, f"'{name}'"), f"'{name}'")
        known = tuple(known_names(values))
        return {
            path: Secret(values[path]) if path in values else Missing(f"'{name}' has no '{path}'", known)
            for path in paths
        }
