"""What the files and folders of a project are called."""

from __future__ import annotations

PROJECT_FILE = "stackspec.yaml"
"""The settings of a project, at its root."""

MANIFEST_FOLDER = "stacks"
"""The folder that holds manifests where the settings name no other."""

LOCAL_FOLDER = ".stackspec"
"""Where local state and what components keep for themselves lie, at the root."""
