"""Secrets in a file that sops encrypted to age keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from shlex import quote
from typing import Any

from stackspec.secret_stores.age_keys import AgeFileConfig, identities, none_opens, opened
from stackspec.secret_stores.contract import Missing, StoreError
from stackspec.secret_stores.document import Format, Plain, read_document
from stackspec.secret_stores.encrypted_file import EncryptedFileStore
from stackspec.secret_stores.lines import read_sops_lines
from stackspec.secret_stores.private_file import as_text


class SopsSecretStore(EncryptedFileStore):
    """A YAML, JSON or dotenv file that sops encrypted to age keys; safe to keep in git.

    Read without the program, and only as a whole: no value is given out before the file's MAC holds.
    """

    type = "sops"
    extra = "sops"
    is_local = True
    Config = AgeFileConfig

    def document(self, data: bytes, form: Format) -> Mapping[str, Any]:
        """See `EncryptedFileStore.document`."""
        what = f"'{self.config.path}'"
        document, metadata = _parts(data, form, self.config.path)
        only_encrypted = metadata.get("mac_only_encrypted") in (True, "true")
        return _Verified(document, metadata, self._data_key(metadata), what, only_encrypted).values

    def _data_key(self, metadata: Mapping[str, Any]) -> bytes:
        """The key that the file's values are encrypted with, itself encrypted to each recipient."""
        wrapped = [one["enc"] for one in metadata.get("age") or () if isinstance(one.get("enc"), str)]
        if not wrapped:
            hint = f"encrypt its plain text so that an age key alone opens it: {_command(self.config.path)}"
            raise StoreError(f"'{self.config.path}' is not encrypted to an age key", hint, unfit=True)
        keys = identities(self.place, self.config.identity)
        for one in wrapped:
            key = opened(one.encode(), keys)
            if key is not None and len(key) == 32:
                return key
        raise none_opens(self.place, self.config)


class _Verified:
    """The values of a file whose MAC holds.

    Which leaves should be encrypted (`encrypted_regex`, `unencrypted_suffix` and their like) is not asked: one that is
    encrypted says so itself, and where one was changed from the one to the other the MAC does not hold.

    Args:
        only_encrypted: The MAC is of the encrypted leaves only: the others can be anybody's, and are not given out.
    """

    def __init__(self, document: Any, metadata: Mapping[str, Any], key: bytes, what: str, only_encrypted: bool) -> None:
        from hashlib import sha256, sha512
        from hmac import compare_digest

        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._open = AESGCM(key).decrypt
        self._what = what
        self._only_encrypted = only_encrypted
        # sops begins the two kinds of MAC differently, so that nobody makes one of the other.
        self._hash = sha512(sha256(b"sops").digest() if only_encrypted else b"")
        self.values: dict[str, Any] = self._walk(document, ())
        mac, modified = metadata.get("mac"), metadata.get("lastmodified")
        if not isinstance(mac, str) or not isinstance(modified, str):
            raise self._changed("has no MAC")
        said, _ = self._decrypted(mac, modified, "the MAC")
        if not compare_digest(said, self._hash.hexdigest().upper().encode()):
            raise self._changed("was changed outside sops: its MAC does not hold")

    def _walk(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {name: self._walk(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            # sops gives all values of a list the same name.
            return [self._walk(item, path) for item in value]
        if value is None or value == "":
            return value  # sops neither encrypts them nor has them in the MAC
        if isinstance(value, str) and value.startswith("ENC["):
            data, kind = self._decrypted(value, f"{':'.join(path)}:", ".".join(path))
            self._hash.update(data)
            text = as_text(data + b"\n", f"a value of {self._what}")
            if kind != "bool":
                return text
            if text not in _BOOLEANS:
                raise self._changed(f"was changed outside sops: {'.'.join(path)} is no boolean")
            return _BOOLEANS[text]
        if self._only_encrypted:
            return Missing(f"{'.'.join(path)} is not encrypted, and {self._what} has a MAC of what is encrypted only")
        text = str(value) if isinstance(value, bool) else _number(value) if isinstance(value, Plain) else value
        self._hash.update(text.encode())
        return text.lower() if isinstance(value, bool) else text

    def _decrypted(self, text: str, name: str, called: str) -> tuple[bytes, str]:
        """What an encrypted leaf says, as sops writes it, and its type.

        Args:
            name: What the leaf is bound to: it opens nowhere else.
            called: What a person calls it.
        """
        from base64 import b64decode

        from cryptography.exceptions import InvalidTag

        parts = _ENCRYPTED.match(text)
        try:
            if parts is None:
                raise InvalidTag
            data, nonce, tag = (b64decode(parts[one], validate=True) for one in ("data", "nonce", "tag"))
            return self._open(nonce, data + tag, name.encode()), parts["type"]
        except (InvalidTag, ValueError):
            raise self._changed(f"was changed outside sops: {called} does not open") from None

    def _changed(self, why: str) -> StoreError:
        return StoreError(f"{self._what} {why}", "bring back the file that sops wrote, or make it anew", unfit=True)


_ENCRYPTED = re.compile(
    r"ENC\[AES256_GCM,data:(?P<data>[^,]+),iv:(?P<nonce>[^,]+),tag:(?P<tag>[^,]+)"
    r",type:(?P<type>str|int|float|bool|bytes|time)\]\Z"
)
_BOOLEANS = {"True": "true", "False": "false"}
_AGE_KEY = re.compile(r"age__list_[0-9]{1,4}__map_enc\Z")


def _parts(data: bytes, form: Format, name: str) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The values of a file, and what sops says of it."""
    what = f"'{name}'"
    if form != "dotenv":
        document = read_document(data, form, what)
        metadata = document.pop("sops", None)
        if not isinstance(metadata, dict):
            raise _foreign(name)
        age = metadata.get("age")
        metadata["age"] = [one for one in age if isinstance(one, dict)] if isinstance(age, list) else []
        return document, metadata
    lines = read_sops_lines(as_text(data, what), what)
    said = {name.removeprefix("sops_"): value for name, value in lines.items() if name.startswith("sops_")}
    if not said:
        raise _foreign(name)
    age = [{"enc": value} for name, value in said.items() if _AGE_KEY.match(name)]
    return {name: value for name, value in lines.items() if not name.startswith("sops_")}, {**said, "age": age}


def _foreign(name: str) -> StoreError:
    hint = f"encrypt it: {_command(name)}; without --age where .sops.yaml names the recipients"
    return StoreError(f"'{name}' is not a file of sops", hint, unfit=True)


def _command(name: str) -> str:
    return f"sops --encrypt --in-place --age RECIPIENT {quote(name)}"


def _number(text: str) -> str:
    """A scalar without quotes as the MAC has it: sops writes numbers with an exponent, and hashes them without."""
    from decimal import Decimal

    return format(Decimal(repr(float(text))), "f").removesuffix(".0") if _WITH_EXPONENT.match(text) else text


_WITH_EXPONENT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?[eE][-+]?[0-9]+\Z")
