"""What git says of the project's folder."""

from __future__ import annotations

from pathlib import Path
from subprocess import DEVNULL, SubprocessError, run

_PATIENCE = 10.0
"""Seconds for git to answer."""


def checked_out(root: Path) -> str | None:
    """The commit of the repository around a folder; None where there is none, or no git."""
    words = ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        answer = run(words, stdin=DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, SubprocessError):
        return None
    return answer.stdout.strip() or None
