"""What git says of the project's folder."""

from __future__ import annotations

import os
from pathlib import Path
from subprocess import DEVNULL, SubprocessError, run

_PATIENCE = 10.0
"""Seconds for git to answer."""

_PASSED_ON = ("PATH", "HOME", "XDG_CONFIG_HOME")
_PASSED_ON_PREFIX = "GIT_"
"""The variables by which git finds the repository and its settings; others may hold secrets, and are none of it."""


def checked_out(root: Path) -> str | None:
    """The commit of the repository around a folder; None where there is none, or no git."""
    words = ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", "HEAD"]
    variables = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIX)
    }
    try:
        answer = run(
            words, stdin=DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=False, env=variables
        )
    except (OSError, SubprocessError):
        return None
    return answer.stdout.strip() or None
