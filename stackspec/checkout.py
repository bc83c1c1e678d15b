"""What git says of the project's folder: of what is committed there, and of nothing that a repository would have run.

Only objects are read. To compare the work tree, git would call programs that the repository's settings name (file
system monitors, filters), so nothing here does that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from subprocess import CompletedProcess, SubprocessError, TimeoutExpired, run

from stackspec.core.diagnostic import StackspecError
from stackspec.core.git_variables import git_variables
from stackspec.core.secret import Redactor
from stackspec.manifest.committed import Tree

_PATIENCE = 10.0
"""Seconds for git to answer."""

_PASSED_ON = ("PATH", "HOME", "XDG_CONFIG_HOME")
"""The variables, beside git's own, by which it finds its settings; others may hold secrets, and are none of it."""
_LINK, _SUBMODULE = b"120000", b"160000"
"""The modes by which a tree says that an entry is no file."""


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
        StackspecError: there is no repository, no such revision, or no commit that both come from; or git fails.
    """
    inside = _asked(root, "rev-parse", "--is-inside-work-tree")
    if inside.returncode:
        raise _refusal(root, inside)
    found = _asked(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    base = _asked(root, "merge-base", "HEAD", found.stdout.decode().strip()) if not found.returncode else None
    shallow = _asked(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
    deeper = "fetch it: git fetch --unshallow, or fetch-depth: 0 for actions/checkout"
    if base is None:
        hint = deeper if shallow else "name a branch, a tag or a commit that is here; a branch of others is origin/NAME"
        raise StackspecError.of("SS1202", f"there is no revision '{revision[:80]}' in this clone", hint=hint)
    if base.returncode > 1:
        raise _refusal(root, base)
    if base.returncode:
        hint = deeper if shallow else "name a revision that this branch comes from"
        message = f"no commit that '{revision[:80]}' and HEAD both come from is in this clone"
        raise StackspecError.of("SS1203", message, hint=hint)
    return base.stdout.decode().strip()


def tree_at(root: Path, commit: str) -> Tree:
    """What a commit has below a folder.

    Raises:
        StackspecError: git cannot read it.
    """
    found: dict[bytes, dict[str, bytes]] = {}
    for entry in filter(None, _answer(root, "ls-tree", "-r", "-z", commit, "--", ".").split(b"\0")):
        about, _, name = entry.partition(b"\t")
        mode, _, content = about.split(b" ")
        found.setdefault(mode, {})[os.fsdecode(name)] = content
    links, submodules = found.pop(_LINK, {}), found.pop(_SUBMODULE, {})
    said = contents(root, links.values())
    return Tree(
        os.path.realpath(root),
        {path: content for files in found.values() for path, content in files.items()},
        {path: os.fsdecode(said[content]) for path, content in links.items()},
        frozenset(submodules),
    )


def contents(root: Path, names: Iterable[bytes]) -> Mapping[bytes, bytes]:
    """What is in files of a tree, by the names that it has for their contents.

    Raises:
        StackspecError: git cannot read them.
    """
    wanted = list(dict.fromkeys(names))
    answer = _answer(root, "cat-file", "--batch", given=b"".join(name + b"\n" for name in wanted)) if wanted else b""
    found, at = {}, 0
    for name in wanted:
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split(b" ")[2])
        found[name] = answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found


def changed_files(root: Path, commit: str) -> list[str]:
    """The paths, from a folder on, of the files below it that are others in HEAD than in a commit.

    Raises:
        StackspecError: git cannot tell.
    """
    words = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--relative", commit, "HEAD", "--", ".")
    return [os.fsdecode(name) for name in _answer(root, *words).split(b"\0") if name]


def said(told: str) -> str:
    """The line of git's that says why it failed: the first that is an error."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    wrong = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (wrong or lines or [""])[0].removeprefix("fatal: ").removeprefix("error: ")[:500]


_HINTS = {
    "not a git repository (": "work in a clone; what changed since a revision only git knows",
    "not a git repository:": "the file .git there names another folder: correct it",
    "dubious ownership": "another user owns it; if you trust them: git config --global --add safe.directory FOLDER",
    "promisor remote": "the clone was made with a filter: clone without one; for actions/checkout leave 'filter' out",
}
"""What is in a message of git's to what to do."""


def _answer(root: Path, *words: str, given: bytes = b"") -> bytes:
    answer = _asked(root, *words, given=given)
    if answer.returncode:
        raise _refusal(root, answer)
    return answer.stdout


def _asked(root: Path, *words: str, given: bytes = b"") -> CompletedProcess[bytes]:
    try:
        return _git(root, *words, given=given)
    except TimeoutExpired as error:
        message = f"git {words[0]} did not end in {error.timeout:g} s"
        raise StackspecError.of("SS1201", message, hint="try again; if it stays so, see: git fsck") from None
    except OSError as error:
        raise StackspecError.of("SS1201", f"cannot run git: {error.strerror}", hint="install git") from error


def _refusal(root: Path, answer: CompletedProcess[bytes]) -> StackspecError:
    """Why git failed, in its own words."""
    told = Redactor.hidden_by_any(answer.stderr.decode("utf-8", "backslashreplace"))
    why = said(told) or f"it ended with exit code {answer.returncode}"
    case = next((case for case in _HINTS if case in why), None)
    return StackspecError.of("SS1201", f"git says of {root}: {why}", hint=_HINTS[case] if case else "see: git fsck")


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
