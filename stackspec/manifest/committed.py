"""The manifests that a commit has, found by the rules by which those on disk are, and with nothing written there."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from stackspec.core.diagnostic import Diagnostic, Span
from stackspec.core.frozen import dataclass
from stackspec.core.layout import PROJECT_FILE
from stackspec.core.places import followed
from stackspec.manifest.source import SUFFIXES, bounded, may_be_manifests
from stackspec.manifest.text import SourceText


@dataclass(frozen=True, slots=True)
class Tree:
    """What a commit has of a folder; paths are from there.

    Attributes:
        home: The real path of the folder, absolute, which links may name.
        files: Each file to the name of its content.
        links: Each symbolic link to what it says.
        submodules: Where other repositories go, of which the commit has nothing but that.
    """

    home: str
    files: Mapping[str, bytes]
    links: Mapping[str, str]
    submodules: Collection[str]

    def real(self, path: str) -> str | None:
        """Where a path leads, links followed, or the submodule on its way; None where they lead out or in a circle.

        It need not be there.
        """
        inside = f"{self.home.rstrip('/')}/"
        places = followed(inside + path, lambda place: self.links.get(place.removeprefix(inside)))
        for place in places:
            if place.removeprefix(inside) in self.submodules:
                return place.removeprefix(inside)
        end = f"{places[-1]}/"
        if not end.startswith(inside):
            return None
        real = end.removeprefix(inside).rstrip("/")
        return None if real in self.links else real


class CommittedReader:
    """The files of a project as a commit has them, each of them read once, by whatever links it is reached.

    A folder that is not there held no manifest, for git keeps no empty ones.

    Args:
        contents: Names of contents to what they are.
    """

    def __init__(self, tree: Tree, contents: Callable[[Iterable[bytes]], Mapping[bytes, bytes]]) -> None:
        self._tree = tree
        self._contents = contents
        self._folders = _folders((*tree.files, *tree.links, *tree.submodules))
        self._seen: set[str] = set()

    def project_file(self) -> Iterator[SourceText | Diagnostic]:
        """The text of `stackspec.yaml`, or why it cannot be read; nothing where there was none."""
        return self._read(self._found(PROJECT_FILE))

    def manifests(self, folders: Sequence[tuple[str, Span | None]]) -> Iterator[SourceText | Diagnostic]:
        """Every manifest file under the folders (or files) named, in sorted order; hidden ones are skipped.

        Args:
            folders: Paths relative to the root, each with the place that names it.
        """
        return self._read(one for folder, _ in folders for one in self._found(posixpath.normpath(folder)))

    def _read(self, found: Iterable[tuple[str, bytes] | Diagnostic]) -> Iterator[SourceText | Diagnostic]:
        known = list(found)
        contents = self._contents(dict.fromkeys(one[1] for one in known if not isinstance(one, Diagnostic)))
        for one in known:
            yield one if isinstance(one, Diagnostic) else bounded(one[0], contents[one[1]])

    def _found(self, named: str) -> Iterator[tuple[str, bytes] | Diagnostic]:
        """The files under a folder, or the one file, that was named, each with the name of its content."""
        tree = self._tree
        waiting = [(named, tree.real(named))]
        while waiting:
            path, real = waiting.pop()
            if real in self._seen:
                continue
            if real is not None and (names := self._folders.get(real)) is not None:
                self._seen.add(real)
                shown = sorted((name for name in names if not name.startswith(".")), reverse=True)
                waiting += [(posixpath.normpath(f"{path}/{name}"), self._real(real, name)) for name in shown]
            elif real is not None and real in tree.files:
                if path == named or path.endswith(SUFFIXES):
                    self._seen.add(real)
                    yield path, tree.files[real]
            elif real in tree.submodules or (real != path and (path == named or may_be_manifests(path))):
                yield _not_there(path)

    def _real(self, folder: str, name: str) -> str | None:
        """Where what a real folder holds leads."""
        place = posixpath.join(folder, name)
        return self._tree.real(place) if place in self._tree.links else place


def _folders(paths: Iterable[str]) -> dict[str, set[str]]:
    """Each folder to the names of what it holds."""
    found: dict[str, set[str]] = {}
    for path in paths:
        above, _, name = path.rpartition("/")
        while name not in (names := found.setdefault(above, set())):
            names.add(name)
            if above:
                above, _, name = above.rpartition("/")
    return found


def _not_there(path: str) -> Diagnostic:
    return Diagnostic("SS0103", "it leads out of what the commit has of the project", Span(path, 1, 1, 1, 1))
