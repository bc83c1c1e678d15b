"""Where manifests come from: a ref of a git repository in a clone of our own, or a folder as it is."""

from __future__ import annotations

import shutil
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Protocol

from stackspec.core.diagnostic import StackspecError
from stackspec.core.layout import LOCAL_FOLDER, MANIFEST_FOLDER, PROJECT_FILE
from stackspec.project import Project
from stackspec.reconcile.git import REMOTE, Git, GitRefusalError

_FOLLOWED = "refs/stackspec/followed"
"""The ref of the clone that holds what was fetched last."""
_BEGUN = "refs/stackspec/begun"
"""The ref of the clone that holds the commit whose files were to be written last; set before the first of them is."""


class Source(Protocol):
    """What an agent follows.

    Attributes:
        root: The project's root; the same for every revision, for components keep things below it.
        keeps_past: Whether a revision can be switched back to.
    """

    root: Path
    keeps_past: bool

    def newest(self) -> str:
        """The newest revision, of which all is here once this returns.

        Raises:
            StackspecError: it cannot be told.
        """

    def switch(self, revision: str) -> None:
        """Have the project's files be those of a revision.

        Raises:
            StackspecError: it cannot be used, or they cannot be written.
        """

    def follows(self, newer: str, older: str) -> bool:
        """Whether a revision was made from another; False after a force-push."""


def look_up(git: Git, ref: str) -> str:
    """What a ref of the repository stands for, and its full name; a short one is a branch's, else a tag's.

    Raises:
        StackspecError: there is none, or the repository cannot be reached.
    """
    # Not as git resolves short names, a tag before a branch: who may push tags would take the place of the branch.
    names = [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    try:
        for name in names:
            git.ask("check-ref-format", name)
    except GitRefusalError:
        raise StackspecError.of("SS1302", f"'{ref[:80]}' cannot be the name of a ref") from None
    answer = git.ask("ls-remote", REMOTE, *names, remote=True)
    there = {name: identity for identity, _, name in (line.partition("\t") for line in answer.splitlines())}
    for name in names:
        if name in there:
            return f"{there[name]} {name}"
    known = git.ask("ls-remote", "--heads", REMOTE, remote=True).splitlines()
    branches = [line.partition("refs/heads/")[2] for line in known[:12]]
    hint = f"its branches: {', '.join(branches)}" if branches else "it has no branch at all: push one"
    raise StackspecError.of("SS1302", f"the repository has no branch or tag '{ref[:80]}'", hint=hint)


def in_the_way(root: Path, brought: AbstractSet[str], ours: AbstractSet[str]) -> str | None:
    """A path where a commit brings a file, and something is that no commit brought and git would take away for it.

    Args:
        root: The folder that the commit's files are to be written to.
        brought: The paths of the commit's files.
        ours: Those that earlier commits brought and that are still there.
    """
    for path in sorted(brought - ours):
        for folder in map(str, reversed(PurePosixPath(path).parents[:-1])):
            if folder in ours:
                break  # what was a file becomes a folder
            if _is_file(root / folder):
                return folder
        else:
            at = root / path
            if _is_file(at) or any(
                _is_file(one) and one.relative_to(root).as_posix() not in ours for one in at.rglob("*")
            ):
                return path
    return None


def _is_file(path: Path) -> bool:
    """Whether there is a file, a link, or anything else but a folder."""
    return path.is_symlink() or (path.exists() and not path.is_dir())


class GitSource:
    """A ref of a repository, in a clone of our own.

    Args:
        folder: Where the clone is, or is made: an ordinary one, at a commit that is no branch's.
        last: The commit whose files are there, as it was remembered outside of the clone.
    """

    keeps_past = True

    def __init__(self, git: Git, ref: str, folder: Path, last: str | None) -> None:
        self.root = folder
        self._git = git
        self._ref = ref
        self._last = last
        self._seen: tuple[str, str] | None = None
        """What the repository was last seen to say of the ref, and the commit that it is."""

    def __str__(self) -> str:
        return f"{self._git} at {self._ref}"

    def newest(self) -> str:
        """See `Source.newest`; a clone that was damaged is made anew, for now all of it can be had."""
        said = look_up(self._git, self._ref)
        self._unlock()
        if not self._is_sound():
            self._seen = None
            self._make()
        if self._seen is not None and self._seen[0] == said:
            return self._seen[1]
        name = said.partition(" ")[2]
        words = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--force")
        self._in_clone("fetch", *words, REMOTE, f"+{name}:{_FOLLOWED}", remote=True)
        if (commit := self._commit(_FOLLOWED)) is None:
            raise StackspecError.of("SS1302", f"'{self._ref}' stands for no commit")
        self._seen = said, commit
        return commit

    def switch(self, revision: str) -> None:
        """See `Source.switch`; files that are not the repository's stay, so that what components keep here does."""
        self._unlock()
        self._finish()
        if self._commit("HEAD") != revision:
            self._check(revision)
            self._in_clone("update-ref", _BEGUN, revision)
        self._check_out(revision)

    def follows(self, newer: str, older: str) -> bool:
        """See `Source.follows`."""
        try:
            self._in_clone("merge-base", "--is-ancestor", older, newer)
        except GitRefusalError:
            return False
        return True

    def _check(self, revision: str) -> None:
        """Make sure that a commit can be switched to.

        Raises:
            StackspecError: it cannot.
        """
        if self._commit(revision) is None:
            raise StackspecError.of("SS1305", f"the commit {revision[:12]} is not there any more")
        brought = self._paths("ls-tree", "-r", "--name-only", revision)
        found = {path.partition("/")[0] for path in brought}
        if any(name.casefold() == LOCAL_FOLDER for name in found):
            message = f"the commit {revision[:12]} brings files of its own for {LOCAL_FOLDER}, where state is kept"
            raise StackspecError.of("SS1305", message, hint=f"take them out: git rm -r --cached {LOCAL_FOLDER}")
        if PROJECT_FILE not in found and MANIFEST_FOLDER not in found:
            message = f"the commit {revision[:12]} holds no project: neither {PROJECT_FILE} nor '{MANIFEST_FOLDER}'"
            raise StackspecError.of("SS1305", message, hint="a project is at the root of its repository")
        if (path := in_the_way(self.root, brought, self._paths("ls-files"))) is not None:
            message = f"the commit {revision[:12]} brings files to '{path}', where something else is kept already"
            hint = f"name them otherwise in the repository, or move away what is kept in {self.root}"
            raise StackspecError.of("SS1305", message, hint=hint)

    def _finish(self) -> None:
        """Carry out what was cut off while it wrote files; in a clone made anew, what wrote those that are there."""
        at = self._commit("HEAD")
        begun = self._commit(_BEGUN)
        if at is None and begun is None and self._last is not None:
            begun = self._commit(self._last)
        if begun is not None and begun != at:
            self._check_out(begun)

    def _check_out(self, revision: str) -> None:
        self._in_clone("checkout", "--quiet", "--force", "--detach", revision)
        self._last = revision

    def _commit(self, name: str) -> str | None:
        """The commit that a name stands for in the clone, if it does."""
        try:
            return self._in_clone("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
        except GitRefusalError:
            return None

    def _paths(self, *words: str) -> frozenset[str]:
        """The paths that git lists."""
        command, *more = words
        return frozenset(filter(None, self._in_clone(command, "-z", *more).split("\0")))

    def _in_clone(self, *words: str, remote: bool = False) -> str:
        return self._git.ask(*words, clone=self.root, remote=remote)

    def _is_sound(self) -> bool:
        """Whether git takes the clone for one, and can read its index."""
        try:
            self._in_clone("ls-files", "--", LOCAL_FOLDER)  # lists nothing, ever
        except GitRefusalError:
            return False
        return True

    def _make(self) -> None:
        """Make the clone; what components keep beside it stays.

        Raises:
            StackspecError: it cannot be written.
        """
        folder = self.root / ".git"
        try:
            self.root.mkdir(exist_ok=True)
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder)
            else:
                folder.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        self._in_clone("init", "--quiet", "--template=")

    def _unlock(self) -> None:
        """Take away what a git that was killed has left locked.

        Raises:
            StackspecError: it cannot be.
        """
        folder = self.root / ".git"
        try:
            for lock in (*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock")):
                lock.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> StackspecError:
        return StackspecError.of("SS1303", f"cannot write {self.root}: {error.strerror}")


class FolderSource:
    """A project's folder as it is at any moment, with git or without; a revision is a digest of its manifests."""

    keeps_past = False

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def newest(self) -> str:
        """See `Source.newest`."""
        texts = Project(self.root).loaded.texts
        digest = blake2b(digest_size=20)
        for name in sorted(texts):
            for part in (name, texts[name].text):
                data = part.encode("utf-8", "surrogatepass")
                digest.update(len(data).to_bytes(8, "big") + data)
        return digest.hexdigest()

    def switch(self, revision: str) -> None:
        """See `Source.switch`; a folder is only ever as it is."""

    def follows(self, newer: str, older: str) -> bool:
        """See `Source.follows`."""
        return True
