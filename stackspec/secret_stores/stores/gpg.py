"""Secrets in a file that GnuPG encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackspec.secret_stores.contract import StoreError
from stackspec.secret_stores.document import Format, read_document
from stackspec.secret_stores.encrypted_file import EncryptedFileStore
from stackspec.secret_stores.program import Program

_PROOFS = (b"[GNUPG:] DECRYPTION_OKAY", b"[GNUPG:] GOODMDC")
"""What gpg says where it decrypted something, and nobody changed it on the way (doc/DETAILS of GnuPG)."""


class GpgSecretStore(EncryptedFileStore):
    """A file that GnuPG encrypted as a whole, with YAML, JSON or lines `NAME=value` in it; `gpg` opens it."""

    type = "gpg"
    extra = "gpg"

    def document(self, data: bytes, form: Format) -> Mapping[str, Any]:
        """See `EncryptedFileStore.document`."""
        name = self.config.path
        gpg = Program(self.place, "gpg", "gnupg")
        said = gpg.run(["--batch", "--quiet", "--no-tty", "--decrypt"], data, status_option="--status-fd")
        if said.code:
            hint = "run it by hand, and read what it says: the key may be missing, or locked, or the file changed"
            raise StoreError(f"gpg --decrypt of '{name}' failed with exit code {said.code}", hint, unfit=True)
        # It prints, and calls it a success, what is only compressed or signed, too.
        if not set(_PROOFS) <= {line.rstrip() for line in said.status.splitlines()}:
            hint = "encrypt it: gpg --encrypt --recipient WHO; a signature alone hides nothing"
            raise StoreError(f"'{name}' is not encrypted so that a change would show", hint, unfit=True)
        return read_document(said.output, form, f"'{name}'")
