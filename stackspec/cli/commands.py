"""The commands there are, and where each lives: a module is imported when its command is called."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

Command = Callable[..., int]
"""Options and arguments in, by name; the exit code out."""

COMMANDS = {
    "init": "init:init",
    "validate": "validate:validate",
    "render": "render:render",
    "plan": "plan:plan",
    "apply": "apply:apply",
    "destroy": "apply:destroy",
    "import": "apply:import_",
    "rollback": "apply:rollback",
    "drift": "drift:drift",
    "status": "status:status",
    "output": "output:output",
    "exec": "exec:exec_",
    "state list": "state:list_",
    "state show": "state:show",
    "state history": "state:history",
    "state mv": "state:mv",
    "state rm": "state:rm",
    "state pull": "state:pull",
    "state push": "state:push",
    "state unlock": "state:unlock",
    "secret list": "secret:list_",
    "secret check": "secret:check",
    "flavor list": "flavor:list_",
    "flavor describe": "flavor:describe",
    "schema": "schema:schema",
    "version": "version:version",
}
"""Words that call a command, in the order of the help, to its module and function."""

GROUPS = {
    "state": "Look at the applied state and its past, and change it by hand.",
    "flavor": "Look at what flavors there are, and what each takes and gives.",
    "secret": "Look at what secrets there are, and whether they can be had; never at a value.",
}
"""First words that stand for several commands, to what the help says of them."""


def command(words: str) -> Command:
    """The function of a command."""
    module, _, name = COMMANDS[words].partition(":")
    found: Command = getattr(import_module(f"stackspec.cli.{module}"), name)
    return found
