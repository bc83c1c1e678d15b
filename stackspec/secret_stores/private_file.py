"""Files with secrets in them, which nobody but their owner may read."""

from __future__ import annotations

import os
import stat
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
        StoreError: it cannot be read, is no regular file, is another user's, is open to others, or can be replaced.
    """
    return read_at(place.path(text), text, private=not encrypted)


def read_at(path: Path, called: str, *, private: bool = True) -> bytes | None:
    """As `read_private`, for a path that is known to be allowed.

    Args:
        called: What a person calls the file.
        private: Whether it must be its owner's alone.
    """
    try:
        file = read_regular(path, MOST)
    except FileNotFoundError:
        return None
    except UnfitError as error:
        raise StoreError(f"'{called}' cannot be read: {error}", unfit=True) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no path"
        raise StoreError(f"'{called}' cannot be read: {why}", unfit=True) from error
    if not private:
        return file.data
    if file.is_of_another:
        raise StoreError(
            f"'{called}' belongs to another user (uid {file.owner}), who can read and write it",
            f"run: chown {os.geteuid()} {called}",
            unfit=True,
        )
    if file.permissions & 0o077:
        raise StoreError(
            f"'{called}' can be read or written by others than its owner (mode {file.permissions:04o})",
            f"run: chmod 600 {called}",
            unfit=True,
        )
    if folder := _open_to_all(path):
        raise StoreError(
            f"'{called}' can be replaced by anybody: everybody may write to the folder {folder}",
            f"run: chmod o-w {folder}",
            unfit=True,
        )
    return file.data


def names_in(folder: Path) -> list[str] | None:
    """The names of the files in a folder, sorted, without hidden ones; None where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(one.name for one in entries if not one.name.startswith(".") and one.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return []  # it need not be listed for a file in it to be read


def _open_to_all(path: Path) -> Path | None:
    """The folder on the way to a file, if any, in which everybody may put another in its place.

    In one with the sticky bit, such as /tmp, only the owner of a file may do that.
    """
    for folder in Path(os.path.realpath(path)).parents:
        mode = folder.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return folder
    return None


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
