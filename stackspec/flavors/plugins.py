"""Flavors of other packages: found by what is installed, or by the modules that a Project names.

Both are imported from where Python finds installed packages; the command keeps the project's own folders off that path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from stackspec.flavors.contract import Flavor
from stackspec.flavors.types import COMPONENT_TYPES

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "stackspec.flavors"
"""The group of entry points; each is called `TYPE.FLAVOR` and leads to the flavor's class."""


class PluginError(Exception):
    """A plugin that cannot be used: a headline, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def entry_points() -> Mapping[tuple[str, str], EntryPoint]:
    """Type and flavor to what installed packages say; nothing of them is imported."""
    from importlib import metadata

    found = {}
    for one in metadata.entry_points(group=GROUP):
        kind, _, flavor = one.name.partition(".")
        found[kind, flavor] = one
    return found


def by_entry_point(point: EntryPoint) -> type[Flavor]:
    """The flavor that an entry point leads to.

    Raises:
        PluginError: it cannot be imported, or is not the flavor that it is called.
    """
    whose = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
    what = f"the entry point '{point.name}'{whose}"
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
        raise _broken(what, error) from error
    if not _is_flavor(found) or f"{found.type}.{found.flavor}" != point.name:
        hint = f"it must lead to a class of a flavor whose type and flavor are called '{point.name}'"
        raise PluginError(f"{what} leads to no such flavor", hint)
    return _sound(found, what)


def in_module(name: str) -> list[type[Flavor]]:
    """The flavors that a module defines, or takes from others into its `__all__`.

    Raises:
        PluginError: it cannot be imported, or defines none.
    """
    what = f"the plugin '{name}'"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            hint = "install what provides it beside stackspec; folders of the project are not searched"
            raise PluginError(f"{what} is not installed", hint) from error
        raise _broken(what, error) from error
    except (Exception, SystemExit) as error:
        raise _broken(what, error) from error
    listed = set(getattr(module, "__all__", ()))
    found = [
        _sound(value, what)
        for attribute, value in vars(module).items()
        if _is_flavor(value) and (value.__module__ == name or attribute in listed)
    ]
    if not found:
        raise PluginError(f"{what} defines no flavor", "define one in it, or name those of other modules in __all__")
    return found


def _is_flavor(value: object) -> bool:
    """Whether it is a class of a flavor, and not only a parent of such classes, which has no name of one."""
    return isinstance(value, type) and issubclass(value, Flavor) and isinstance(getattr(value, "flavor", None), str)


def _sound(flavor: type[Flavor], what: str) -> type[Flavor]:
    for problem in _problems(flavor):
        raise PluginError(f"{what}: {flavor.__name__} {problem}", "see the guide 'Writing a flavor'")
    return flavor


def _problems(flavor: type[Flavor]) -> Iterator[str]:
    """What is wrong with a class as a flavor."""
    if getattr(flavor, "type", None) not in COMPONENT_TYPES:
        yield f"is of no component type: '{getattr(flavor, 'type', '')}'"
    for name in ("Config", "Outputs"):
        if not isinstance(getattr(flavor, name, None), type):
            yield f"has no class {name}"
    if missing := sorted(getattr(flavor, "__abstractmethods__", ())):
        yield f"lacks {', '.join(missing)}"


def _broken(what: str, error: BaseException) -> PluginError:
    return PluginError(f"{what} cannot be imported: {type(error).__name__}: {error}", "mend the plugin, or remove it")
