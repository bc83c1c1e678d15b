"""Secrets in a file that age encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackspec.secret_stores.age_keys import AgeFileConfig, identities, none_opens, opened
from stackspec.secret_stores.document import Format, read_document
from stackspec.secret_stores.encrypted_file import EncryptedFileStore


class AgeSecretStore(EncryptedFileStore):
    """A file that age encrypted as a whole, binary or armored, with YAML, JSON or lines `NAME=value` in it."""

    type = "age"
    extra = "age"
    is_local = True
    Config = AgeFileConfig

    def document(self, data: bytes, form: Format) -> Mapping[str, Any]:
        """See `EncryptedFileStore.document`."""
        name = self.config.path
        text = opened(data, identities(self.place, self.config.identity))
        if text is None:
            hint = "encrypt it to a recipient whose identity is here, or bring back the file as age wrote it"
            raise none_opens(self.place, self.config, hint)
        return read_document(text, form, f"'{name}'")
