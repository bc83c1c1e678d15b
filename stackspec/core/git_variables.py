"""Git's own variables: those that say how it is to work, and those that name another repository than one asks of."""

from __future__ import annotations

from collections.abc import Mapping

_OF_ANOTHER_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_OBJECT_DIRECTORY",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_REPLACE_REF_BASE",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
    }
)
"""Git's variables that name a repository, as it sets them for its hooks (`git rev-parse --local-env-vars`)."""


def git_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Those of some variables that are git's and say how it is to work, in whatever repository."""
    return {
        name: value
        for name, value in variables.items()
        if name.startswith("GIT_") and name not in _OF_ANOTHER_REPOSITORY
    }
