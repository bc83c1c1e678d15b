"""What the files, folders and environments of a project are called."""

from __future__ import annotations

import os

PROJECT_FILE = "stackspec.yaml"
"""The settings of a project, at its root."""

MANIFEST_FOLDER = "stacks"
"""The folder that holds manifests where the settings name no other."""

LOCAL_FOLDER = ".stackspec"
"""Where local state and what components keep for themselves lie, at the root."""

DEFAULT_ENVIRONMENT = "default"
"""The environment of a project that declares none."""


def is_root(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder is a project's root: it holds `stackspec.yaml` or `stacks/`."""
    return os.path.isfile(os.path.join(folder, PROJECT_FILE)) or os.path.isdir(os.path.join(folder, MANIFEST_FOLDER))


def in_environment(command: str, environment: str) -> str:
    """A command for somebody to run, for an environment."""
    return command if environment == DEFAULT_ENVIRONMENT else f"{command} -e {environment}"
