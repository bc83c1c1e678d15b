"""What git says of the project's folder: of what is committed there, and of nothing that a repository would have run.

Only objects are read. To compare the work tree, git would call programs that the repository's settings name (file
system monitors, filters), so nothing here does that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from subprocess import CompletedProcess, SubprocessError, run

from stackspec.core.diagnostic import StackspecError
from stackspec.core.git_variables import git_variables

_PATIENCE = 10.0
"""Seconds for git to answer."""

_PASSED_ON = ("PATH", "HOME", "XDG_CONFIG_HOME")
"""The variables, beside git's own, by which it finds its settings; others may hold secrets, and are none of it."""
_FILE_MODES = (b"100644", b"100755")
"""The modes by which a tree says that an entry is a file, and no link or submodule."""


def checked_out(root: Path) -> str | None:
    """The commit of the repository around a folder; None where there is none, or no git."""
    try:
        answer = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    except (OSError, SubprocessError):
        return None
    return answer.stdout.decode().strip() or None


def branched_off(root: Path, revision: str) -> str:
    """The commit at which what is checked out and a revision went apart; the one that a pull request is compared with.

    Raises:
        StackspecError: there is no repository, no such revision, or no commit that both come from.
    """
    try:
        inside = _git(root, "rev-parse", "--is-inside-work-tree")
        found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        base = _git(root, "merge-base", "HEAD", found.stdout.decode().strip()) if not found.returncode else None
        shallow = _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
    except (OSError, SubprocessError) as error:
        raise StackspecError.of("SS1201", f"git cannot be asked: {error}", hint="install git") from error
    if inside.returncode:
        hint = "work in a clone; what changed since a revision only git knows"
        raise StackspecError.of("SS1201", f"{root} is in no git repository", hint=hint)
    deeper = "fetch it: git fetch --unshallow, or fetch-depth: 0 for actions/checkout"
    if base is None:
        hint = deeper if shallow else "name a branch, a tag or a commit that is here; a branch of others is origin/NAME"
        raise StackspecError.of("SS1202", f"there is no revision '{revision[:80]}' in this clone", hint=hint)
    if base.returncode:
        hint = deeper if shallow else "name a revision that this branch comes from"
        message = f"no commit that '{revision[:80]}' and HEAD both come from is in this clone"
        raise StackspecError.of("SS1203", message, hint=hint)
    return base.stdout.decode().strip()


def files_at(root: Path, commit: str, endings: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """The files below a folder as a commit has them: path, from the folder, to content; links are left out.

    Args:
        endings: What the names of the files end with.

    Raises:
        StackspecError: git cannot read them.
    """
    listed = _answer(root, "ls-tree", "-r", "-z", commit, "--", ".")
    found: dict[str, bytes] = {}
    for entry in filter(None, listed.split(b"\0")):
        about, _, name = entry.partition(b"\t")
        mode, _, blob = about.split(b" ")
        if mode in _FILE_MODES and (path := os.fsdecode(name)).endswith(endings):
            found[path] = blob
    contents = _blobs(root, dict.fromkeys(found.values()))
    yield from ((path, contents[blob]) for path, blob in found.items())


def changed_files(root: Path, commit: str) -> list[str]:
    """The paths, from a folder on, of the files below it that are others in HEAD than in a commit.

    Raises:
        StackspecError: git cannot tell.
    """
    words = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--relative", commit, "HEAD", "--", ".")
    return [os.fsdecode(name) for name in _answer(root, *words).split(b"\0") if name]


def _blobs(root: Path, names: Iterable[bytes]) -> Mapping[bytes, bytes]:
    wanted = list(names)
    answer = _answer(root, "cat-file", "--batch", given=b"".join(name + b"\n" for name in wanted))
    found, at = {}, 0
    for name in wanted:
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split(b" ")[2])
        found[name] = answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found


def _answer(root: Path, *words: str, given: bytes = b"") -> bytes:
    try:
        answer = _git(root, *words, given=given)
    except (OSError, SubprocessError) as error:
        raise StackspecError.of("SS1201", f"git cannot be asked: {error}", hint="install git") from error
    if answer.returncode:
        told = answer.stderr.decode("utf-8", "backslashreplace").strip()
        raise StackspecError.of("SS1201", f"git {words[0]} failed: {told}", hint="see: git fsck")
    return answer.stdout


def _git(root: Path, *words: str, given: bytes = b"") -> CompletedProcess[bytes]:
    # A hook of git's is told the repository that it is called for, which need not be the one around the folder.
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | git_variables(os.environ)
    settings = ["-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}"]
    return run(
        ["git", "-C", str(root), *settings, *words],
        input=given,
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
        env={**variables, "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"},
    )
