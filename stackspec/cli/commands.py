"""The commands there are, and where each lives: a module is imported when its command is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

Command = Callable[..., int]
"""Options and arguments in, by name; the exit code out."""

COMMANDS = {
    "init": "init:init",
    "validate": "validate:validate",
    "fmt": "fmt:fmt",
    "render": "render:render",
    "plan": "plan:plan",
    "apply": "apply:apply",
    "destroy": "apply:destroy",
    "up": "up:up",
    "down": "up:down",
    "import": "apply:import_",
    "rollback": "apply:rollback",
    "drift": "drift:drift",
    "reconcile": "reconcile:reconcile",
    "reconcile suspend": "reconcile_suspension:suspend",
    "reconcile resume": "reconcile_suspension:resume",
    "reconcile status": "reconcile_suspension:status",
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
    "stack list": "stack:list_",
    "stack describe": "stack:describe",
    "stack set": "stack:set_",
    "stack get": "stack:get",
    "stack register": "stack:register",
    "stack update": "stack:update",
    "stack copy": "stack:copy",
    "stack rename": "stack:rename",
    "stack delete": "stack:delete",
    "stack validate": "stack:validate",
    "stack import": "stack:import_",
    "stack export": "stack:export",
    "stack up": "up:up",
    "stack down": "up:down",
    "flavor list": "flavor:list_",
    "flavor describe": "flavor:describe",
    "flavor register": "flavor:register",
    "flavor new": "flavor:new",
    "graph": "graph:graph",
    "explain": "explain:explain",
    "schema": "schema:schema",
    "version": "version:version",
}
"""Words that call a command, in the order of the help, to its module and function."""

TYPE_COMMANDS = {
    "list": "component:list_",
    "describe": "component:describe",
    "register": "component:register",
    "update": "component:update",
    "copy": "component:copy",
    "delete": "component:delete",
    "up": "up:up_of_type",
    "down": "up:down_of_type",
    "flavor list": "flavor:list_of_type",
    "flavor describe": "flavor:describe_of_type",
    "flavor register": "flavor:register_of_type",
}
"""The same for the commands that each component type has, behind its name with dashes; they get the type first."""

GROUPS = {
    "stack": "Change stacks in the manifests, and choose the active one; 'apply' makes it real.",
    "state": "Look at the applied state and its past, and change it by hand.",
    "flavor": "Look at what flavors there are, and what each takes and gives.",
    "secret": "Look at what secrets there are, and whether they can be had; never at a value.",
}
"""First words that stand for several commands and are none themselves, to what the help says of them."""


def found(words: Sequence[str]) -> str | None:
    """The words that call a command, of those that a command line begins with; None where they call none."""
    if not words:
        return None
    known = COMMANDS if words[0] in _FIRST else type_commands(words[0])
    names = (" ".join(words[:count]) for count in (3, 2, 1) if count <= len(words))
    return next((name for name in names if name in known), None)


_FIRST = {words.partition(" ")[0] for words in COMMANDS}


def type_commands(group: str) -> Mapping[str, str]:
    """The commands of a component type, called by its name with dashes; none where there is no such type."""
    from stackspec.flavors.types import COMPONENT_TYPES

    known = group == group.lower() and "_" not in group and group.replace("-", "_") in COMPONENT_TYPES
    return {f"{group} {words}": target for words, target in TYPE_COMMANDS.items()} if known else {}


def command(words: str) -> Command:
    """The function of a command."""
    group = words.partition(" ")[0]
    of_type = group not in _FIRST
    module, _, name = (type_commands(group) if of_type else COMMANDS)[words].partition(":")
    function: Command = getattr(import_module(f"stackspec.cli.{module}"), name)
    return _of_type(function, group.replace("-", "_")) if of_type else function


def _of_type(function: Command, component_type: str) -> Command:
    """A command of component types as that of one."""
    import inspect
    from functools import wraps

    @wraps(function)
    def call(**values: Any) -> int:
        return function(component_type=component_type, **values)

    signature = inspect.signature(function)
    rest = [one for name, one in signature.parameters.items() if name != "component_type"]
    call.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]  # as the inspect module reads
    call.__annotations__ = {name: hint for name, hint in function.__annotations__.items() if name != "component_type"}
    return call
