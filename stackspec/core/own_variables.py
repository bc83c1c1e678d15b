"""The process variables that hold keys of stackspec's own: no manifest reads them, and no child process gets them."""

from __future__ import annotations

import os

PLAN_KEY_VARIABLE = "STACKSPEC_PLAN_KEY"
"""Holds the key of saved plans, where plan and apply do not share a folder."""

SECRETS_KEY_VARIABLE = "STACKSPEC_SECRETS_KEY"
"""Holds the key under which secrets are told apart, where machines share a state."""

OWN_VARIABLES = frozenset({PLAN_KEY_VARIABLE, SECRETS_KEY_VARIABLE})

_taken: dict[str, str] = {}


def take() -> None:
    """Take them out of the environment of this process, so that no child gets them, whatever starts it."""
    for name in OWN_VARIABLES & os.environ.keys():
        _taken[name] = os.environ.pop(name)


def own_variable(name: str) -> str | None:
    """The value of one, taken or not; None where it is not set."""
    return os.environ.get(name, _taken.get(name))
