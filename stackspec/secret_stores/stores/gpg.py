"""Secrets in a file that GnuPG encrypted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stackspec.secret_stores.contract import StoreError
from stackspec.secret_stores.document import Format, read_document
from stackspec.secret_stores.encrypted_file import EncryptedFileStore
from stackspec.secret_stores.program import Program, Said

_PROOFS = (b"[GNUPG:] DECRYPTION_OKAY", b"[GNUPG:] GOODMDC")
"""What gpg says where it decrypted something, and nobody changed it on the way (doc/DETAILS of GnuPG)."""
_WORD = re.compile(rb"^\[GNUPG:\] ([A-Z_]+)", re.MULTILINE)
_WITHOUT_MDC = re.compile(rb"^\[GNUPG:\] DECRYPTION_INFO 0 [0-9]+(?: 0)?\s*$", re.MULTILINE)


class GpgSecretStore(EncryptedFileStore):
    """A file that GnuPG encrypted as a whole, with YAML, JSON or lines `NAME=value` in it; `gpg` opens it."""

    type = "gpg"
    extra = "gpg"

    def document(self, data: bytes, form: Format) -> Mapping[str, Any]:
        """See `EncryptedFileStore.document`."""
        name = self.config.path
        gpg = Program(self.place, "gpg", "gnupg")
        said = gpg.run(["--batch", "--quiet", "--no-tty", "--decrypt"], data, status_option="--status-fd")
        # It prints, and calls it a success, what is only compressed or signed, too.
        if said.code or not set(_PROOFS) <= {line.rstrip() for line in said.status.splitlines()}:
            raise _unproven(said, name)
        return read_document(said.output, form, f"'{name}'")


def _unproven(said: Said, name: str) -> StoreError:
    """Why gpg did not decrypt a file, or nobody knows that what it printed is what was encrypted."""
    words = set(_WORD.findall(said.status))
    has_key = bool(words & {b"DECRYPTION_KEY", b"DECRYPTION_INFO"})
    if b"DECRYPTION_OKAY" in words or _WITHOUT_MDC.search(said.status) or not (said.code or has_key):
        message = f"'{name}' is not encrypted so that a change would show"
        hint = "encrypt it: gpg --encrypt --recipient WHO; a signature alone hides nothing"
    elif has_key:
        message, hint = f"'{name}' was changed or cut after it was encrypted", "bring back the file as gpg wrote it"
    elif b"ENC_TO" in words or b"NO_SECKEY" in words:
        message = f"none of the GnuPG keys here opens '{name}'"
        hint = "encrypt it to a key that is here: gpg --list-secret-keys; one with a passphrase must be unlocked before"
    elif b"NODATA" in words:
        message, hint = f"'{name}' is not a file that gpg encrypted", "encrypt it: gpg --encrypt --recipient WHO"
    else:
        message = f"gpg --decrypt of '{name}' failed with exit code {said.code}"
        hint = "run it by hand, and read what it says"
    return StoreError(message, hint, unfit=True)
