"""Secrets in a file that age encrypted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from stackspec.secret_stores.age_keys import WHERE, identities, opened
from stackspec.secret_stores.contract import Missing, Secret, SecretStore, StoreConfig, StoreError, setting
from stackspec.secret_stores.document import PATH_FORM, format_of, read_document, value_at
from stackspec.secret_stores.private_file import read_private


class AgeSecretStore(SecretStore):
    """A file that age encrypted as a whole, binary or armored, with YAML, JSON or lines `NAME=value` in it."""

    type = "age"
    extra = "age"
    is_local = True
    path_form = PATH_FORM

    class Config(StoreConfig):
        """Which file it is, and what opens it."""

        path: str = setting("The file; relative to the project's root, or under an allowed path.", path=True)
        format: Literal["auto", "dotenv", "yaml", "json"] = setting(
            "How the file holds its values; by default as its name tells: `db.yaml.age`.", default="auto"
        )
        identity: str | None = setting(
            f"A file of age identities that only its owner can read; {WHERE}.", default=None, path=True
        )

    def read(self, paths: Sequence[str]) -> Mapping[str, Secret | Missing]:
        """See `SecretStore.read`."""
        name = self.config.path
        data = read_private(self.place, name, encrypted=True)
        if data is None:
            return dict.fromkeys(paths, Missing(f"there is no file '{name}'"))
        form = format_of(name, self.config.format)
        text = opened(data, identities(self.place, self.config.identity))
        if text is None:
            hint = "encrypt it to a recipient whose identity is here, or bring back the file as age wrote it"
            raise StoreError(f"none of the age identities here opens '{name}'", hint, unfit=True)
        document = read_document(text, form, f"'{name}'")
        return {path: value_at(document, path) for path in paths}
