"""The age identities of whoever runs a command, and what they open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from stackspec.secret_stores.contract import StoreError, StorePlace, setting
from stackspec.secret_stores.encrypted_file import EncryptedFileConfig
from stackspec.secret_stores.private_file import as_text, read_at, read_private

KEY_VARIABLE = "SOPS_AGE_KEY"
"""The variable that holds identities themselves."""
KEY_FILE_VARIABLE = "SOPS_AGE_KEY_FILE"
"""The variable that names a file of them."""

WHERE = f"by default {KEY_VARIABLE}, the file that {KEY_FILE_VARIABLE} names, and ~/.config/sops/age/keys.txt"
"""Where identities are looked for, as sops does."""

_BEGIN = "AGE-SECRET-KEY-1"
_HINT = f"name a file of identities under config, by 'identity'; {WHERE}"


class AgeFileConfig(EncryptedFileConfig):
    """Which file it is, and what opens it."""

    identity: str | None = setting(
        f"A file of age identities that only its owner can read; {WHERE}.", default=None, path=True
    )


def identities(place: StorePlace, file: str | None) -> list[Any]:
    """The identities of a file that a manifest names, else those that sops would take.

    Raises:
        StoreError: there are none, or others can read them.
    """
    if file is not None:
        data = read_private(place, file)
        if data is None:
            raise StoreError(f"there is no file of age identities '{file}'", _HINT)
        found = _parsed(data, f"'{file}'")
    else:
        found = _usual(place)
        if not found and (lost := _lost_file(place)):
            raise StoreError(lost, f"mend {KEY_FILE_VARIABLE}; identities are {WHERE}", unfit=True)
    if not found:
        raise StoreError("there is no age identity to read with", _HINT)
    return found


def opened(data: bytes, keys: list[Any]) -> bytes | None:
    """What is encrypted, binary or armored; None where no key opens it, or it was changed."""
    import pyrage

    try:
        return bytes(pyrage.decrypt(data, keys))
    except pyrage.DecryptError:
        return None


def none_opens(place: StorePlace, config: AgeFileConfig, hint: str | None = None) -> StoreError:
    """No identity opens a file, for which the hint is what to do beside looking for others."""
    message = f"none of the age identities here opens '{config.path}'"
    if config.identity is None:
        hint = f"{hint}; identities are {WHERE}" if hint else f"identities are {WHERE}"
        if lost := _lost_file(place):
            message += f", and {lost}"
    return StoreError(message, hint, unfit=True)


def _usual(place: StorePlace) -> list[Any]:
    found = _parsed(" ".join(place.environ.get(KEY_VARIABLE, "").split()).replace(" ", "\n").encode(), KEY_VARIABLE)
    home = place.environ.get("XDG_CONFIG_HOME") or os.path.join(place.environ.get("HOME", "/nonexistent"), ".config")
    named = place.environ.get(KEY_FILE_VARIABLE, "")
    if _BEGIN in named.upper():  # a mistake that is easily made, and must not be told as the name of a file
        message = f"the variable {KEY_FILE_VARIABLE} holds an age identity, and not the name of a file"
        raise StoreError(message, f"set {KEY_VARIABLE} instead", unfit=True)
    for file in (named, f"{home}/sops/age/keys.txt"):
        if file and (data := read_at(Path(file), file)) is not None:
            found += _parsed(data, f"'{file}'")
    return found


def _lost_file(place: StorePlace) -> str | None:
    """What is to be told of a file that the variable names and that does not exist."""
    file = place.environ.get(KEY_FILE_VARIABLE)
    if not file or os.path.exists(file):
        return None
    return f"the variable {KEY_FILE_VARIABLE} names the file '{file}', which does not exist"


def _parsed(data: bytes, what: str) -> list[Any]:
    from pyrage import IdentityError, x25519

    found = []
    for number, line in enumerate(as_text(data, what).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            found.append(x25519.Identity.from_str(line.strip()))
        except IdentityError:
            message = f"line {number} of {what} is not an age identity"
            raise StoreError(message, f"identities begin with {_BEGIN}", unfit=True) from None
    return found
