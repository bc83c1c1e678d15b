"""Where manifests come from: a ref of a git repository in a clone of our own, or a folder as it is."""

from __future__ import annotations

import os
import shutil
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from stackspec.core.diagnostic import StackspecError
from stackspec.core.layout import LOCAL_FOLDER, MANIFEST_FOLDER, PROJECT_FILE
from stackspec.project import Project
from stackspec.reconcile.git import REMOTE_PATIENCE, Git, GitRefusalError, without_login

_FOLLOWED = "refs/stackspec/followed"
"""The ref of the clone that holds what was fetched last."""


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
    answer = git.ask("ls-remote", "origin", *names, patience=REMOTE_PATIENCE)
    there = {name: identity for identity, _, name in (line.partition("\t") for line in answer.splitlines())}
    for name in names:
        if name in there:
            return f"{there[name]} {name}"
    known = git.ask("ls-remote", "--heads", "origin", patience=REMOTE_PATIENCE).splitlines()
    branches = [line.partition("refs/heads/")[2] for line in known[:12]]
    hint = f"its branches: {', '.join(branches)}" if branches else "it has no branch at all: push one"
    raise StackspecError.of("SS1302", f"the repository has no branch or tag '{ref[:80]}'", hint=hint)


class GitSource:
    """A ref of a repository, in a clone of our own.

    Args:
        folder: Where the clone is, or is made: an ordinary one, at a commit that is no branch's.
    """

    keeps_past = True

    def __init__(self, git: Git, url: str, ref: str, folder: Path) -> None:
        self.root = folder
        self._git = git
        self._url = url
        self._ref = ref
        self._seen: tuple[str, str] | None = None
        """What the repository was last seen to say of the ref, and the commit that it is."""

    def __str__(self) -> str:
        return f"{without_login(self._url)} at {self._ref}"

    def newest(self) -> str:
        """See `Source.newest`."""
        said = look_up(self._git, self._ref)
        if self._seen is not None and self._seen[0] == said:
            return self._seen[1]
        self._prepare()
        name = said.partition(" ")[2]
        words = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--force")
        self._in_clone("fetch", *words, "origin", f"+{name}:{_FOLLOWED}", patience=REMOTE_PATIENCE)
        try:
            commit = self._in_clone("rev-parse", "--verify", "--quiet", f"{_FOLLOWED}^{{commit}}").strip()
        except GitRefusalError:
            raise StackspecError.of("SS1302", f"'{self._ref}' stands for no commit") from None
        self._seen = said, commit
        return commit

    def switch(self, revision: str) -> None:
        """See `Source.switch`; files that are not the repository's stay, so that what components keep here does."""
        self._prepare()
        try:
            found = self._in_clone("ls-tree", "--name-only", revision).splitlines()
        except GitRefusalError as error:
            raise StackspecError.of("SS1305", f"the commit {revision[:12]} is not there any more") from error
        if any(name.casefold() == LOCAL_FOLDER for name in found):
            message = f"the commit {revision[:12]} brings files of its own for {LOCAL_FOLDER}, where state is kept"
            raise StackspecError.of("SS1305", message, hint=f"take them out: git rm -r --cached {LOCAL_FOLDER}")
        if PROJECT_FILE not in found and MANIFEST_FOLDER not in found:
            message = f"the commit {revision[:12]} holds no project: neither {PROJECT_FILE} nor '{MANIFEST_FOLDER}'"
            raise StackspecError.of("SS1305", message, hint="a project is at the root of its repository")
        self._in_clone("checkout", "--quiet", "--force", "--detach", revision)

    def follows(self, newer: str, older: str) -> bool:
        """See `Source.follows`."""
        try:
            self._in_clone("merge-base", "--is-ancestor", older, newer)
        except GitRefusalError:
            return False
        return True

    def _in_clone(self, *words: str, patience: float = 60.0) -> str:
        return self._git.ask(*words, folder=self.root, patience=patience)

    def _prepare(self) -> None:
        """Make the clone where there is none, and take away what a git that was killed has left locked."""
        folder = self.root / ".git"
        try:
            if not folder.is_dir():
                fresh = self.root.with_suffix(".new")
                shutil.rmtree(fresh, ignore_errors=True)
                self._git.ask("init", "--quiet", "--template=", str(fresh))
                os.replace(fresh, self.root)
            for lock in (*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock")):
                lock.unlink(missing_ok=True)
        except OSError as error:
            raise StackspecError.of("SS1303", f"cannot write {self.root}: {error.strerror}") from error


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
