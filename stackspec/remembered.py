"""Answers that are given again while nothing that they were made from has changed: a plan of many files in no time.

An answer is kept under its question: the words of the command, the folder, the version of stackspec and of Python, the
variables that are options, whether a terminal reads. With it stands what it was made from, in two digests. `stats` is
of names, sizes, times and inodes, as git's index has them, and costs a walk. Where it is another, as in a fresh clone,
`contents` decides, which is of the bytes themselves. What changed less than `_SETTLED` before an answer was asked for
could change again within the same tick of the clock, so such an answer is not kept.

Only what is made from files alone is remembered: nothing with a secret in it, of a shared state, of a flavor or plugin
of another package, that looked at what is really there, or that is a stranger's. What is kept stands beside the local
state and may be trusted as far as that. It can be removed at any time; several processes may read and write it at once.

Imported before anything else is, and where an answer is known instead of all else: so without `json`, `re`, `typing`
and `dataclasses`, each of which takes as long to import as a thousand files to look at.
"""

from __future__ import annotations

import os
import stat
import sys
from hashlib import blake2b

from stackspec import __version__
from stackspec.core.layout import LOCAL_FOLDER, PROJECT_FILE, is_root
from stackspec.core.own_variables import OWN_VARIABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_FORMAT = "stackspec answer 1"
_FOLDER = os.path.join(LOCAL_FOLDER, "cache")
_SUFFIX = ".answer"
_MOST = 64
"""Answers of one project that are kept; of more, those that were asked for longest ago are let go."""
_SETTLED = 2 * 10**9
"""Nanoseconds; the times of files are as coarse as this on some file systems."""
_SHOWN_BY = ("NO_COLOR", "TERM", "COLUMNS")
"""The variables beside the options that change how an answer looks."""
_MANIFESTS = (".yaml", ".yml")


class Answer:
    """What a command wrote to its standard output and error, and its exit code."""

    __slots__ = ("code", "err", "out")

    def __init__(self, out: str, err: str, code: int) -> None:
        self.out, self.err, self.code = out, err, code


class Sources:
    """What an answer was made from: files and variables.

    Args:
        folders: The folders and files of manifests, from the root.
        variables: The names of the variables that manifests may read.
        ways: The paths that would have told something else were they links.
    """

    __slots__ = ("folders", "variables", "ways")

    def __init__(self, folders: Sequence[str], variables: Sequence[str], ways: Iterable[str]) -> None:
        self.folders, self.variables, self.ways = tuple(folders), tuple(variables), tuple(ways)


class NotSettledError(Exception):
    """What an answer was made from cannot be told from what will be there in a moment, or is not made of files."""


def recall(words: Sequence[str]) -> Answer | None:
    """The answer to a command line, where it is known and would be the same."""
    try:
        root = _root()
        if root is None:
            return None
        file = _file(root, words)
        with open(file, encoding="utf-8", newline="") as opened:
            form, stats, contents, code, out, err, *lists = opened.read().split("\0")
        if os.path.islink(os.path.dirname(file)) or form != _FORMAT:
            return None
        folders, variables, ways = (one.split("\1") if one else [] for one in lists)
        sources, answer = Sources(folders, variables, ways), Answer(out, err, int(code))
        if _is_linked(root, sources):
            return None
        if stats != _stats(root, sources):
            if contents != _contents(root, sources):
                return None
            _keep(root, words, sources, answer, settled_before=None)
    except (OSError, ValueError, NotSettledError):
        return None  # there is none, or nothing that can be read
    return answer


def remember(words: Sequence[str], sources: Sources, answer: Answer, asked_at: int) -> None:
    """Keep an answer for the next time; nothing is kept that could be another by then, or cannot be written.

    Args:
        asked_at: When the command began, in nanoseconds since the epoch.
    """
    try:
        if root := _root():
            _keep(root, words, sources, answer, settled_before=asked_at - _SETTLED)
    except (OSError, NotSettledError):
        return  # it is made again next time


def _keep(root: str, words: Sequence[str], sources: Sources, answer: Answer, settled_before: int | None) -> None:
    stats = _stats(root, sources, settled_before)
    fields = [_FORMAT, stats, _contents(root, sources), str(answer.code), answer.out, answer.err]
    fields += ["\1".join(one) for one in (sources.folders, sources.variables, sources.ways)]
    local, folder = os.path.join(root, LOCAL_FOLDER), os.path.join(root, _FOLDER)
    if any("\0" in one for one in fields) or os.path.islink(local) or os.path.islink(folder):
        return
    if _is_linked(root, sources):
        return  # what it leads to would have to be looked at each time
    if not os.path.isdir(local):
        return  # a plan alone leaves nothing in a checkout
    os.makedirs(folder, mode=0o700, exist_ok=True)
    file = _file(root, words)
    fresh = f"{file}.{os.urandom(6).hex()}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as opened:
            opened.write("\0".join(fields))
        if _stats(root, sources) == stats:
            os.replace(fresh, file)  # without waiting for the disk: what a power cut leaves is no answer, or this one
    finally:
        if os.path.lexists(fresh):
            os.unlink(fresh)
    _let_go(folder)


def _let_go(folder: str) -> None:
    with os.scandir(folder) as found:
        answers = sorted((one.stat().st_mtime_ns, one.path) for one in found if one.name.endswith(_SUFFIX))
    for _, path in answers[:-_MOST]:
        os.unlink(path)


def _root() -> str | None:
    folder = os.getcwd()
    while not is_root(folder):
        if (parent := os.path.dirname(folder)) == folder:
            return None
        folder = parent
    return folder


def _file(root: str, words: Sequence[str]) -> str:
    question = (
        _FORMAT,
        __version__,
        sys.version,
        list(words),
        os.getcwd(),
        _options(os.environ),
        sys.stdout.isatty(),
        sys.stderr.isatty(),
        _code(),
    )
    name = blake2b(repr(question).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return os.path.join(root, _FOLDER, f"{name}{_SUFFIX}")


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


def _stats(root: str, sources: Sources, settled_before: int | None = None) -> str:
    """A digest of names, sizes, times and inodes.

    Raises:
        OSError: one of them cannot be looked at.
        NotSettledError: one of them changed after a time, or is no file or folder.
    """
    told, newest = [_values(sources)], 0
    for name, (mode, inode, _, _, _, _, size, _, _, _), changed in _files(root, sources):
        told.append(f"{name}\0{mode} {inode} {size} {changed}")
        newest = max(newest, *changed)
    if settled_before is not None and newest > settled_before:
        raise NotSettledError
    return blake2b("\0".join(told).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _contents(root: str, sources: Sources) -> str:
    """A digest of names and bytes.

    Raises:
        OSError: one of them cannot be read.
        NotSettledError: one of them is no file or folder.
    """
    digest = blake2b(_values(sources).encode("utf-8", "surrogatepass"), digest_size=16)
    for name, status, _ in _files(root, sources):
        with open(os.path.join(root, name), "rb") as file:
            digest.update(f"\0{name}\0{status[6]}\0".encode("utf-8", "surrogatepass"))
            digest.update(file.read())
    return digest.hexdigest()


def _is_linked(root: str, sources: Sources) -> bool:
    return any(os.path.islink(os.path.join(root, one)) for one in sources.ways)


def _values(sources: Sources) -> str:
    return repr([(name, os.environ.get(name)) for name in sources.variables])


def _files(root: str, sources: Sources) -> Iterator[tuple[str, os.stat_result, tuple[int, int]]]:
    """Each file by its path from the root, with its status and when it and its status changed last, in nanoseconds."""
    for name in (PROJECT_FILE, *sources.folders):
        path = os.path.join(root, name)
        if os.path.isdir(path):
            yield from _below(path, name)
        elif os.path.lexists(path):
            yield _file_at(path, name)
    yield from _states(root)


def _below(folder: str, name: str) -> Iterator[tuple[str, os.stat_result, tuple[int, int]]]:
    """The manifests below a folder, in order; what the reader skips is skipped here too."""
    with os.scandir(folder) as found:
        entries = sorted((entry.name, entry) for entry in found)
    for called, entry in entries:
        if called.startswith("."):
            continue
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            yield from _below(entry.path, f"{name}/{called}")
        elif stat.S_ISREG(status.st_mode):
            if called.endswith(_MANIFESTS):
                yield f"{name}/{called}", status, (status.st_mtime_ns, status.st_ctime_ns)
        else:
            raise NotSettledError


def _file_at(path: str, name: str) -> tuple[str, os.stat_result, tuple[int, int]]:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        raise NotSettledError
    return name, status, (status.st_mtime_ns, status.st_ctime_ns)


def _states(root: str) -> Iterator[tuple[str, os.stat_result, tuple[int, int]]]:
    """The files of the local states."""
    local = os.path.join(root, LOCAL_FOLDER)
    folder = os.path.join(local, "state")
    if os.path.islink(local) or os.path.islink(folder):
        raise NotSettledError
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        path = os.path.join(folder, name)
        if name.endswith("-wal") and os.path.getsize(path):
            raise NotSettledError  # somebody is writing, or was when it ended
        if name.endswith((".db", ".head")):
            yield _file_at(path, f"{LOCAL_FOLDER}/state/{name}")
