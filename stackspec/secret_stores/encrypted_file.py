"""What stores of one encrypted file have in common: which file it is, and the values in it once it is open."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from stackspec.secret_stores.contract import Answer, Missing, SecretStore, StoreConfig, setting
from stackspec.secret_stores.document import PATH_FORM, Format, format_of, value_at
from stackspec.secret_stores.private_file import read_private


class EncryptedFileConfig(StoreConfig):
    """Which file it is."""

    path: str = setting("The file; relative to the project's root, or under an allowed path.", path=True)
    format: Literal["auto", "dotenv", "yaml", "json"] = setting(
        "How the file holds its values; by default as its name tells, without the ending of what encrypted it.",
        default="auto",
    )


class EncryptedFileStore(SecretStore):
    """A file of YAML, JSON or lines `NAME=value`, encrypted, so that everybody may read it."""

    path_form = PATH_FORM
    Config = EncryptedFileConfig

    @abstractmethod
    def document(self, data: bytes, form: Format) -> Mapping[str, Any]:
        """The values of the file, decrypted.

        Args:
            data: What the file holds.
            form: How its values are written.

        Raises:
            StoreError: it does not open, or is not of the format.
        """

    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """See `SecretStore.read`."""
        name = self.config.path
        data = read_private(self.place, name, encrypted=True)
        if data is None:
            return dict.fromkeys(paths, Missing(f"there is no file '{name}'"))
        document = self.document(data, format_of(name, self.config.format))
        return {path: value_at(document, path, f"'{name}'") for path in paths}
