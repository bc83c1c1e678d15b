"""Finding and reading the files of a project; the only part of this room that touches the disk."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection, Iterator, Sequence
from io import FileIO
from itertools import islice
from pathlib import Path

from stackspec.core.diagnostic import Diagnostic, Span, StackspecError, nearest
from stackspec.core.layout import MANIFEST_FOLDER, PROJECT_FILE, is_root
from stackspec.manifest.decode import MOST_BYTES, decode
from stackspec.manifest.text import SourceText

STANDARD_INPUT = "<stdin>"
MOST_ENTRIES = 200_000
"""Files and folders under the folders of a project."""
MOST_NEAREST = 20
"""How many files and folders that do not exist are compared with those that do."""
MOST_COMPARED = 2_000
"""How many files and folders one that does not exist is compared with."""
SUFFIXES = (".yaml", ".yml")
"""What the names of files of manifests end with."""


def find_root(start: Path) -> Path:
    """The project's root: the first folder from `start` upwards with `stackspec.yaml` or `stacks/`.

    Raises:
        StackspecError: there is none, or `start` is no folder.
    """
    try:
        here = Path(os.path.abspath(start))
    except FileNotFoundError as error:
        raise StackspecError.of("SS0112", "the working directory does not exist any more") from error
    if not os.path.isdir(here) and os.path.isdir(here.parent):
        raise StackspecError.of("SS0111", f"{start} is not a folder")
    if not os.access(here, os.X_OK):
        hint = "give the user that runs stackspec permission to enter it and the folders above it"
        raise StackspecError.of("SS0101", f"cannot look into the folder {here}", hint=hint)
    for folder in (here, *here.parents):
        if is_root(folder):
            return folder
    raise StackspecError.of(
        "SS0112",
        f"no project in {here} or above it: neither {PROJECT_FILE} nor a folder '{MANIFEST_FOLDER}'",
        hint="run 'stackspec init'",
    )


class Reader:
    """The files of a project, each of them read once, by whatever names and links it is reached.

    Args:
        skipped: Files, from the root, to leave unread.
    """

    def __init__(self, root: Path, skipped: Collection[str] = ()) -> None:
        self._root = root
        self._skipped = skipped
        self._seen: set[tuple[int, int]] = set()
        self._entries = 0
        self._missing = 0

    def project_file(self) -> Iterator[SourceText | Diagnostic]:
        """The text of `stackspec.yaml`, or why it cannot be read; nothing where there is none."""
        if os.path.lexists(self._root / PROJECT_FILE):
            yield from self._read(PROJECT_FILE)

    def manifests(self, folders: Sequence[tuple[str, Span | None]]) -> Iterator[SourceText | Diagnostic]:
        """Every manifest file under the folders (or files) named, in sorted order; hidden ones are skipped.

        Args:
            folders: Paths relative to the root, each with the place that names it.
        """
        for folder, named_at in folders:
            path = os.path.join(self._root, folder)
            if not os.path.exists(path):
                hint = self._nearest(self._root, folder)
                yield Diagnostic("SS0111", f"the folder '{folder}' does not exist", named_at, hint)
            elif not _inside(self._root, path):
                yield Diagnostic("SS0103", f"'{folder}' leaves the project", named_at, _KEEP_INSIDE)
            elif os.path.isdir(path):
                yield from self._walk(os.path.normpath(folder))
            else:
                yield from self._read(os.path.normpath(folder))

    def files(self, files: Sequence[str]) -> Iterator[SourceText | Diagnostic]:
        """The files and folders named on a command line, relative to the working directory; `-` is standard input.

        A file inside the project is called by its path from the root, any other by its absolute path.
        """
        for name in files:
            path = os.path.abspath(name)
            if name == "-":
                data = sys.stdin.buffer.read(MOST_BYTES + 1)
                yield bounded(STANDARD_INPUT, data)
            elif not os.path.exists(name):
                yield Diagnostic("SS0111", f"the file '{name}' does not exist", hint=self._nearest(Path.cwd(), name))
            else:
                called = os.path.relpath(path, self._root) if Path(path).is_relative_to(self._root) else path
                if os.path.isdir(path):
                    yield from self._walk(called)
                else:
                    yield from self._read(called) if called != path else self._open(path, path)

    def _walk(self, folder: str) -> Iterator[SourceText | Diagnostic]:
        """The manifest files under a folder, in sorted order, or why they cannot be read."""
        waiting: list[tuple[str, os.DirEntry[str] | None]] = [(folder, None)]
        while waiting:
            path, entry = waiting.pop()
            if entry is not None and entry.is_symlink() and not _leads_inside(self._root, entry.path):
                if may_be_manifests(path):
                    yield _bad_link(entry.path, path)
            elif entry is None or entry.is_dir():
                found = self._listed(path)
                if isinstance(found, Diagnostic):
                    yield found
                else:
                    waiting += [(os.path.normpath(f"{path}/{one.name}"), one) for one in found]
            elif path.endswith(SUFFIXES):
                yield from self._read(path)
            if self._entries > MOST_ENTRIES:
                yield Diagnostic("SS0106", f"more than {MOST_ENTRIES:,} files and folders", _whole(folder))
                return

    def _listed(self, folder: str) -> list[os.DirEntry[str]] | Diagnostic:
        """What a folder holds, last name first; nothing if it was read before."""
        path = os.path.join(self._root, folder)
        try:
            if not self._is_new(os.stat(path)):
                return []
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            return Diagnostic("SS0101", f"cannot read the folder: {error.strerror}", _whole(folder))
        self._entries += len(entries)
        return [entry for entry in entries if not entry.name.startswith(".")]

    def _nearest(self, start: Path, name: str) -> str | None:
        """A hint naming the file or folder beside the one missing that was most likely meant."""
        self._missing += 1
        folder, base = os.path.split(os.path.join(start, name))
        if self._missing > MOST_NEAREST:
            return None
        try:
            with os.scandir(folder) as listing:
                known = [entry.name for entry in islice(listing, MOST_COMPARED) if not entry.name.startswith(".")]
        except OSError:
            return None
        match = nearest(base, known)
        return f"did you mean '{os.path.join(os.path.dirname(name), match)}'?" if match else None

    def _is_new(self, status: os.stat_result) -> bool:
        known = len(self._seen)
        self._seen.add((status.st_dev, status.st_ino))
        return len(self._seen) > known

    def _read(self, relative: str) -> Iterator[SourceText | Diagnostic]:
        if relative in self._skipped:
            return
        path = os.path.join(self._root, relative)
        if os.path.islink(path) and not _inside(self._root, path):
            yield _bad_link(path, relative)
        else:
            yield from self._open(path, relative)

    def _open(self, path: str, name: str) -> Iterator[SourceText | Diagnostic]:
        try:
            # Non-blocking, so that a FIFO put in a file's place cannot hang the reader.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            yield Diagnostic("SS0101", f"cannot read the file: {error.strerror}", _whole(name))
            return
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            what = "a folder, not a file" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            yield Diagnostic("SS0102", what, _whole(name))
            return
        with open(descriptor, "rb", buffering=0) as file:
            if self._is_new(status):
                yield _content(file, name, status.st_size)


def may_be_manifests(name: str) -> bool:
    """Whether what a link of this name leads to would be read: it is called as a file of manifests, or as a folder."""
    return name.endswith(SUFFIXES) or not os.path.splitext(name)[1]


def _inside(root: Path, path: str) -> bool:
    real, home = os.path.realpath(path), os.path.realpath(root)
    return real == home or real.startswith(home.rstrip("/") + "/")


def _leads_inside(root: Path, path: str) -> bool:
    return os.path.exists(path) and _inside(root, path)


_KEEP_INSIDE = "keep the files themselves in the project"


def _bad_link(path: str, name: str) -> Diagnostic:
    why = "leaves the project" if os.path.exists(path) else "leads nowhere"
    return Diagnostic("SS0103", f"the link {why}", _whole(name), _KEEP_INSIDE)


def _whole(file: str) -> Span:
    return Span(file, 1, 1, 1, 1)


def _content(file: FileIO, name: str, size: int) -> SourceText | Diagnostic:
    if size > MOST_BYTES:
        return _too_large(name)
    try:
        return bounded(name, file.read(size + 1) or b"")
    except OSError as error:
        return Diagnostic("SS0101", f"cannot read the file: {error.strerror}", _whole(name))


def bounded(name: str, data: bytes) -> SourceText | Diagnostic:
    """The text of a file's content, or why it is none that is read."""
    return _too_large(name) if len(data) > MOST_BYTES else decode(name, data)


def _too_large(name: str) -> Diagnostic:
    return Diagnostic("SS0106", f"larger than {MOST_BYTES >> 20} MiB", _whole(name), "split the file")
