"""The commands there are, and where each lives: a module is imported when its command is called."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

Command = Callable[..., int]
"""Options and arguments in, by name; the exit code out."""

COMMANDS = {
    "init": "init:init",
    "validate": "validate:validate",
    "plan": "plan:plan",
    "apply": "apply:apply",
    "destroy": "apply:destroy",
    "status": "status:status",
    "state list": "state:list_",
    "state show": "state:show",
    "state pull": "state:pull",
    "state push": "state:push",
    "state unlock": "state:unlock",
    "schema": "schema:schema",
    "version": "version:version",
}
"""Words that call a command, in the order of the help, to its module and function."""

GROUPS = {"state": "Look at the applied state, take it out and put it back, free its lock."}
"""First words that stand for several commands, to what the help says of them."""


def command(words: str) -> Command:
    """The function of a command."""
    module, _, name = COMMANDS[words].partition(":")
    found: Command = getattr(import_module(f"stackspec.cli.{module}"), name)
    return found
