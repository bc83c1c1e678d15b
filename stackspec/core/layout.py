"""What the files and folders of a project are called, and the variable that is nobody else's."""

from __future__ import annotations

PROJECT_FILE = "stackspec.yaml"
"""The settings of a project, at its root."""

MANIFEST_FOLDER = "stacks"
"""The folder that holds manifests where the settings name no other."""

LOCAL_FOLDER = ".stackspec"
"""Where local state and what components keep for themselves lie, at the root."""

PLAN_KEY_VARIABLE = "STACKSPEC_PLAN_KEY"
"""The process variable that holds the key of saved plans, where plan and apply do not share a folder."""

SECRETS_KEY_VARIABLE = "STACKSPEC_SECRETS_KEY"
"""The process variable that holds the key under which secrets are told apart, where machines share a state."""

OWN_VARIABLES = frozenset({PLAN_KEY_VARIABLE, SECRETS_KEY_VARIABLE})
"""The process variables that no manifest reads."""
