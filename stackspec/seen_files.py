"""The files that an answer is made from, and whether they are still the same.

Each file has a mark, of what the system tells of it as git's index has it, which costs a look; and a digest of its
bytes, which decides where the mark is another, as in a fresh clone.

Imported before anything else is: so without `json`, `re`, `typing` and `dataclasses`, each of which takes as long to
import as a thousand files to look at.
"""

from __future__ import annotations

import os
import stat
import sys

from stackspec import __version__
from stackspec.core.blake2 import blake2b
from stackspec.core.layout import LOCAL_FOLDER, PROJECT_FILE, is_root
from stackspec.core.own_variables import OWN_VARIABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Seen = Mapping[str, tuple[str, str]]
    """File, from the root, to its mark and its digest."""
    Ways = Mapping[str, tuple[str, Sequence[str]]]

CACHE_FOLDER = os.path.join(LOCAL_FOLDER, "cache")
STATE_FOLDER = os.path.join(LOCAL_FOLDER, "state")
_SHOWN_BY = ("NO_COLOR", "TERM", "COLUMNS")
"""The variables beside the options that change how an answer looks."""
_MANIFESTS = (".yaml", ".yml")
_ANY_NAME = "surrogateescape"
"""How names of files that are no UTF-8 are kept, as Python has them."""
_SETTLED = 2 * 10**9
"""Nanoseconds; the times of files are as coarse as this on some file systems."""


class Origins:
    """What an answer is made from: files and variables.

    Args:
        folders: The folders and files of manifests, from the root.
        variables: The names of the variables that manifests may read.
        ways: Paths that would have told something else were they links: each folder that they are in to its mark, and
            to those that are in it, or would be were there folders on the way.
    """

    __slots__ = ("folders", "variables", "ways")

    def __init__(self, folders: Sequence[str], variables: Sequence[str], ways: Ways) -> None:
        self.folders, self.variables, self.ways = tuple(folders), tuple(variables), ways


class NotSettledError(Exception):
    """What is there now cannot be told from what will be there in a moment, or is not made of files."""


def project_root() -> str | None:
    """The root of the project around the working directory."""
    folder = os.getcwd()
    while not is_root(folder):
        if (parent := os.path.dirname(folder)) == folder:
            return None
        folder = parent
    return folder


def cache_file(root: str, question: Sequence[object], suffix: str) -> str:
    """The file that keeps what was found for a question, by this installation, with these options."""
    asked = (list(question), __version__, sys.version, _options(os.environ), _code())
    name = blake2b(repr(asked).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return os.path.join(root, CACHE_FOLDER, f"{name}{suffix}")


def marks(root: str, origins: Origins, settled_before: int | None = None) -> dict[str, str]:
    """The mark of each file, by its path from the root, in order; manifests first, then local states.

    Args:
        settled_before: Nanoseconds since the epoch.

    Raises:
        OSError: one of them cannot be looked at.
        NotSettledError: one of them changed so late that it may have changed since, or is no file or folder.
    """
    return {name: _mark(status, settled_before) for name, status in _files(root, origins)}


_seen_before: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}


def hand_over(root: str, origins: Origins, found: dict[str, str]) -> None:
    """Keep marks for who asks for those of the same files next, which is the same command a moment later."""
    _seen_before[root, origins.folders] = found


def handed_over(root: str, origins: Origins) -> dict[str, str]:
    """The marks that were kept for who asks next; else as `marks`, and raises as that."""
    return _seen_before.pop((root, origins.folders), None) or marks(root, origins)


def digest(root: str, name: str) -> str:
    """Of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    with open(os.path.join(root, name), "rb") as file:
        return blake2b(file.read(), digest_size=16).hexdigest()


def digests_of(root: str, now: Mapping[str, str], known: Seen) -> list[str]:
    """The digest of each file; of those that are known under the same mark without a look.

    Args:
        now: Each file to its mark.

    Raises:
        OSError: one of them cannot be read.
    """
    return [
        known[name][1] if name in known and known[name][0] == mark else digest(root, name) for name, mark in now.items()
    ]


def values(origins: Origins) -> str:
    """The variables that manifests may read, with their values, as one text that no others have."""
    told = repr([(name, os.environ.get(name)) for name in origins.variables])
    return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def ways(root: str, paths: Iterable[str], settled_before: int) -> dict[str, tuple[str, list[str]]]:
    """Paths by the folders that they are in, as in `Origins`.

    A link that takes the place of one of them changes its folder, so that there is a folder to look at for many paths.

    Raises:
        OSError: a folder cannot be looked at.
        NotSettledError: one of the paths is a link, or a folder changed so late that it may have changed since.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    folders: dict[str, str] = {}
    for path in paths:
        parent = os.path.dirname(path)
        if (folder := folders.get(parent)) is None:
            folder = parent
            while not os.path.isdir(os.path.join(root, folder)):
                folder = os.path.dirname(folder)
            folders[parent] = folder
        if folder not in found:
            found[folder] = _mark(os.lstat(os.path.join(root, folder)), settled_before), []
        if os.path.islink(os.path.join(root, path)):
            raise NotSettledError
        found[folder][1].append(path)
    return found


def is_linked(root: str, origins: Origins) -> bool:
    """Whether one of the ways is a link, so that one would have to look each time where it leads.

    Raises:
        OSError: a folder that they are in cannot be looked at.
    """
    return any(
        _mark(os.lstat(os.path.join(root, folder))) != mark
        and any(os.path.islink(os.path.join(root, path)) for path in paths)
        for folder, (mark, paths) in origins.ways.items()
    )


def keep(root: str, file: str, text: str, suffix: str, most: int) -> None:
    """Have a file in the cache, made whole.

    Nothing is kept where there is no local folder yet, for a plan alone leaves nothing in a checkout, or that is a
    link. Nobody waits for the disk: what a power cut leaves is no file, or this one.

    Args:
        most: How many of the suffix are kept; those that were written longest ago are let go.

    Raises:
        OSError: it cannot be written.
        ValueError: it is no text that a file can hold.
    """
    local, folder = os.path.join(root, LOCAL_FOLDER), os.path.join(root, CACHE_FOLDER)
    if os.path.islink(local) or os.path.islink(folder) or not os.path.isdir(local):
        return
    os.makedirs(folder, mode=0o700, exist_ok=True)
    fresh = f"{file}.{os.urandom(6).hex()}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8", errors=_ANY_NAME, newline="") as opened:
            opened.write(text)
        os.replace(fresh, file)
    finally:
        if os.path.lexists(fresh):
            os.unlink(fresh)
    with os.scandir(folder) as found:
        kept = sorted((one.stat().st_mtime_ns, one.path) for one in found if one.name.endswith(suffix))
    for _, path in kept[:-most]:
        os.unlink(path)


def kept(file: str) -> str | None:
    """The text of a file in the cache; None where it is not there.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    if os.path.islink(os.path.dirname(file)) or not os.path.exists(file):
        return None
    with open(file, encoding="utf-8", errors=_ANY_NAME, newline="") as opened:
        return opened.read()


def _options(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(
        (name, value)
        for name, value in environ.items()
        if (name.startswith("STACKSPEC_") and name not in OWN_VARIABLES) or name in _SHOWN_BY
    )


def _code() -> list[object]:
    """What tells one installation from another: where modules come from, and when something was last installed there.

    Of stackspec in a checkout of its own, which is changed without being installed, every file.
    """
    found: list[object] = []
    for folder in sys.path:
        try:
            found.append((folder, os.stat(folder).st_mtime_ns))
        except OSError:
            continue  # nothing is imported from there
    package = os.path.dirname(os.path.abspath(__file__))
    if os.path.basename(os.path.dirname(package)) not in ("site-packages", "dist-packages"):
        for folder, folders, files in os.walk(package):
            folders[:] = [one for one in folders if one != "__pycache__"]
            found += [os.stat(os.path.join(folder, one)).st_mtime_ns for one in files]
    return found


def _mark(status: os.stat_result, settled_before: int | None = None) -> str:
    changed, also = status.st_mtime_ns, status.st_ctime_ns
    if settled_before is not None and max(changed, also) > settled_before - _SETTLED:
        raise NotSettledError
    return f"{status.st_ino} {status.st_size} {changed} {also}"


def _files(root: str, origins: Origins) -> Iterator[tuple[str, os.stat_result]]:
    # By the names that the reader calls them: './stacks' and 'stacks/' are 'stacks'.
    for name in (PROJECT_FILE, *map(os.path.normpath, origins.folders)):
        path = os.path.join(root, name)
        if os.path.isdir(path):
            yield from _below(path, "" if name == "." else f"{name}/")
        elif os.path.lexists(path):
            yield _file_at(path, name)
    yield from _states(root)


def _below(folder: str, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    """The manifests below a folder, in order; what the reader skips is skipped here too.

    Args:
        prefix: What their names begin with.
    """
    with os.scandir(folder) as found:
        entries = sorted((entry.name, entry) for entry in found)
    for called, entry in entries:
        if called.startswith("."):
            continue
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            yield from _below(entry.path, f"{prefix}{called}/")
        elif not stat.S_ISREG(status.st_mode):
            raise NotSettledError
        elif called.endswith(_MANIFESTS):
            yield prefix + called, status


def _file_at(path: str, name: str) -> tuple[str, os.stat_result]:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        raise NotSettledError
    return name, status


def _states(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """The files of the local states."""
    local, folder = os.path.join(root, LOCAL_FOLDER), os.path.join(root, STATE_FOLDER)
    if os.path.islink(local) or os.path.islink(folder):
        raise NotSettledError
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        path = os.path.join(folder, name)
        if name.endswith("-wal") and os.path.getsize(path):
            raise NotSettledError  # somebody is writing, or was when it ended
        if name.endswith((".db", ".head")):
            yield _file_at(path, f"{STATE_FOLDER}/{name}")
