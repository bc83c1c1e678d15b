"""Answers that are given again while nothing that they were made from has changed: a plan of many files in no time.

An answer is kept under its question: the words of the command, the folder, the installation, the variables that are
options, whether a terminal reads. With it stand the files that it was made from. What changed less than two seconds
before an answer was asked for could change again within the same tick of the clock, so such an answer is not kept.

Only what is made from files alone is remembered: nothing with a secret in it, of a shared state, of a flavor or plugin
of another package, that looked at what is really there, or that is a stranger's. What is kept stands beside the local
state and may be trusted as far as that. It can be removed at any time; several processes may read and write it at once.

Imported before anything else is, as `seen_files`.
"""

from __future__ import annotations

import os
import sys

from stackspec.seen_files import (
    NotSettledError,
    Origins,
    cache_file,
    digest,
    digests_of,
    hand_over,
    is_linked,
    keep,
    kept,
    marks,
    project_root,
    values,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stackspec.seen_files import Seen

_FORMAT = "stackspec answer 2"
_SUFFIX = ".answer"
_MOST = 64
"""Answers of one project that are kept."""


class Answer:
    """What a command wrote to its standard output and error, and its exit code."""

    __slots__ = ("code", "err", "out")

    def __init__(self, out: str, err: str, code: int) -> None:
        self.out, self.err, self.code = out, err, code


def recall(words: Sequence[str]) -> Answer | None:
    """The answer to a command line, where it is known and would be the same."""
    try:
        root = project_root()
        text = kept(_file(root, words)) if root is not None else None
        if root is None or text is None:
            return None
        form, marked, digests, read, code, out, err, folders, variables, ways = text.split("\0")
        origins, answer = Origins(_list(folders), _list(variables), {}), Answer(out, err, int(code))
        if form != _FORMAT or read != values(origins):
            return None
        now = marks(root, origins)
        if (is_touched := marked != _marked(now)) and not _are_alike(root, marked, digests, now):
            hand_over(root, origins, now)
            return None
        origins = Origins(origins.folders, origins.variables, dict(map(_way, _list(ways))))
        if is_linked(root, origins):
            return None
        if is_touched:
            _keep(root, words, origins, answer, now, digests)
    except (OSError, ValueError, TypeError, NotSettledError):
        return None  # there is none, or nothing that can be read
    return answer


def remember(words: Sequence[str], origins: Origins, answer: Answer, asked_at: int, known: Seen) -> None:
    """Keep an answer for the next time; nothing is kept that could be another by then, or cannot be written.

    Args:
        asked_at: When the command began, in nanoseconds since the epoch.
        known: The files that need not be read again while they have the same mark.
    """
    try:
        if root := project_root():
            now = marks(root, origins, asked_at)
            digests = "\1".join(digests_of(root, now, known))
            if marks(root, origins) == now:
                _keep(root, words, origins, answer, now, digests)
    except (OSError, ValueError, NotSettledError):
        return  # it is made again next time


def _are_alike(root: str, marked: str, digests: str, now: Mapping[str, str]) -> bool:
    """Whether files have the same bytes as before, though the marks of some are others."""
    before = marked.split("\1")
    if len(before) != len(now):
        return False
    for line, known, (name, mark) in zip(before, digests.split("\1"), now.items(), strict=True):
        if line != f"{name}\2{mark}" and (line.partition("\2")[0] != name or digest(root, name) != known):
            return False
    return True


def _list(text: str) -> list[str]:
    return text.split("\1") if text else []


def _way(line: str) -> tuple[str, tuple[str, list[str]]]:
    folder, mark, *paths = line.split("\2")
    return folder, (mark, paths)


def _marked(now: Mapping[str, str]) -> str:
    text = "\1".join(f"{name}\2{mark}" for name, mark in now.items())
    if text.count("\2") != len(now) or text.count("\1") >= len(now) > 0:
        raise NotSettledError  # no name of a file has these in it that is meant to be read
    return text


def _keep(
    root: str, words: Sequence[str], origins: Origins, answer: Answer, now: Mapping[str, str], digests: str
) -> None:
    fields = [_FORMAT, _marked(now), digests, values(origins), str(answer.code), answer.out, answer.err]
    ways = ("\2".join((folder, mark, *paths)) for folder, (mark, paths) in origins.ways.items())
    fields += ["\1".join(one) for one in (origins.folders, origins.variables, ways)]
    if not any("\0" in one for one in fields):
        keep(root, _file(root, words), "\0".join(fields), _SUFFIX, _MOST)


def _file(root: str, words: Sequence[str]) -> str:
    return cache_file(root, (_FORMAT, list(words), os.getcwd(), sys.stdout.isatty(), sys.stderr.isatty()), _SUFFIX)
