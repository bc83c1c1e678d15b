"""Files with secrets in them, which nobody but their owner may read."""

from __future__ import annotations

from pathlib import Path

from stackspec.core.regular_file import UnfitError, read_regular
from stackspec.secret_stores.contract import StoreError, StorePlace

MOST = 1 << 20
"""Bytes of the largest file that is read."""


def read_private(place: StorePlace, text: str, *, encrypted: bool = False) -> bytes | None:
    """What a file holds that a manifest names; None where there is none.

    Args:
        encrypted: Whether others may read it, since it tells them nothing.

    Raises:
        StoreError: it cannot be read, is not a regular file, or is open to others.
    """
    try:
        path = place.path(text)
    except (OSError, ValueError) as error:
        raise StoreError(f"'{text}' cannot be read: it is no path", unfit=True) from error
    return read_private_at(path, text, encrypted=encrypted)


def read_private_at(path: Path, text: str, *, encrypted: bool = False) -> bytes | None:
    """As `read_private`, of a file that whoever runs the command names, wherever it is.

    Args:
        text: What they call it.
    """
    try:
        permissions, data = read_regular(path, MOST)
    except FileNotFoundError:
        return None
    except UnfitError as error:
        raise StoreError(f"'{text}' cannot be read: {error}", unfit=True) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no path"
        raise StoreError(f"'{text}' cannot be read: {why}", unfit=True) from error
    if permissions & 0o077 and not encrypted:
        raise StoreError(
            f"'{text}' can be read or written by others than its owner (mode {permissions:04o})",
            f"run: chmod 600 {text}",
            unfit=True,
        )
    return data


def as_text(data: bytes, what: str) -> str:
    """Bytes as text, without the line end that editors put behind it.

    Raises:
        StoreError: they are not UTF-8.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StoreError(f"{what} is not UTF-8 text", unfit=True) from error.with_traceback(None)
    return text.removesuffix("\n").removesuffix("\r")
