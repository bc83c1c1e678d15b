"""Secrets in a file that GnuPG encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackspec.secret_stores.contract import StoreError
from stackspec.secret_stores.document import Format, read_document
from stackspec.secret_stores.encrypted_file import EncryptedFileStore
from stackspec.secret_stores.program import Program


class GpgSecretStore(EncryptedFileStore):
    """A file that GnuPG encrypted as a whole, with YAML, JSON or lines `NAME=value` in it; `gpg` opens it."""

    type = "gpg"
    extra = "gpg"

    def document(self, data: bytes, form: Format) -> Mapping[str, Any]:
        """See `EncryptedFileStore.document`."""
        name = self.config.path
        gpg = Program(self.place, "gpg", "gnupg")
        said = gpg.output(["--batch", "--quiet", "--no-tty", "--decrypt", "--", str(self.place.path(name))])
        if isinstance(said, int):
            hint = "run it by hand, and read what it says: the key may be missing, or locked, or the file changed"
            raise StoreError(f"gpg --decrypt of '{name}' failed with exit code {said}", hint, unfit=True)
        return read_document(said, form, f"'{name}'")
