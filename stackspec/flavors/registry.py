"""Which flavors there are, and their specs; a flavor's module is imported when a manifest names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from stackspec.flavors import __path__ as _home
from stackspec.flavors.contract import Flavor, FlavorOutputs, FlavorSpec, spec_of
from stackspec.flavors.plugins import PluginError, by_entry_point, entry_points, in_module
from stackspec.flavors.types import COMPONENT_TYPES

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


_FAMILIES = {"secrets_manager": "stackspec.flavors.stored_secrets"}
"""Component type to the module that makes flavors for it: `names` of them, and each by `flavor`."""


class Registry:
    """The catalogue of flavors: the built-in ones, a file each, and those of other packages.

    Args:
        extra: Classes of flavors beside all others; they come first.
        plugins: Modules that define flavors.
        foreign: Whether code of other packages may be imported at all.
    """

    def __init__(
        self, extra: Iterable[type[Flavor]] = (), *, plugins: Sequence[str] = (), foreign: bool = True
    ) -> None:
        self._extra = {(cls.type, cls.flavor): cls for cls in extra}
        self._plugins = plugins if foreign else ()
        self._foreign = foreign
        self._specs: dict[tuple[str, str], FlavorSpec] = {}
        self._classes: dict[tuple[str, str], type[Flavor]] = {}

    def knows(self, component_type: str, flavor: str) -> bool:
        """Whether there is such a flavor; what other packages have is looked for only where no other is meant."""
        key = (component_type, flavor)
        return key in self._extra or flavor in _built_in(component_type) or key in self._others

    @property
    def was_ours_alone(self) -> bool:
        """Whether no flavor was looked for yet that is not part of stackspec."""
        return not self._extra and not self._plugins and "_others" not in vars(self)

    def flavors_of(self, component_type: str) -> tuple[str, ...]:
        """The names of a type's flavors, sorted; none for an unknown type."""
        others = (flavor for kind, flavor in (*self._extra, *self._others) if kind == component_type)
        return tuple(sorted({*_built_in(component_type), *others}))

    def flavor(self, component_type: str, flavor: str) -> type[Flavor]:
        """The class of a flavor.

        Raises:
            KeyError: there is no such flavor.
            PluginError: another package's class cannot be used.
        """
        key = (component_type, flavor)
        if key not in self._classes:
            self._classes[key] = self._found(key)
        return self._classes[key]

    def _found(self, key: tuple[str, str]) -> type[Flavor]:
        kind, flavor = key
        if key in self._extra:
            return self._extra[key]
        if flavor in _modules(kind):
            return _class_in(f"stackspec.flavors.{kind}.{flavor}")
        if flavor in _family(kind):
            found: type[Flavor] = import_module(_FAMILIES[kind]).flavor(flavor)
            return found
        if flavor in _built_in(kind):
            return _of_type(_class_in(f"stackspec.flavors.any_type.{flavor}"), kind)
        other = self._others[key]
        return other if isinstance(other, type) else by_entry_point(other)

    @cached_property
    def broken(self) -> Mapping[str, PluginError]:
        """Module that is named as a plugin to why it cannot be used; it imports them all."""
        return {name: one for name, one in self._loaded.items() if isinstance(one, PluginError)}

    @cached_property
    def _loaded(self) -> Mapping[str, list[type[Flavor]] | PluginError]:
        found: dict[str, list[type[Flavor]] | PluginError] = {}
        for name in self._plugins:
            try:
                found[name] = in_module(name)
            except PluginError as error:
                found[name] = error
        return found

    @cached_property
    def _others(self) -> Mapping[tuple[str, str], type[Flavor] | EntryPoint]:
        """The flavors of other packages; those of the modules that are named come before entry points."""
        if not self._foreign:
            return {}
        modules = (one for one in self._loaded.values() if not isinstance(one, PluginError))
        return {**entry_points(), **{(cls.type, cls.flavor): cls for found in modules for cls in found}}

    def spec(self, component_type: str, flavor: str) -> FlavorSpec:
        """The spec of a flavor.

        Raises:
            KeyError: there is no such flavor.
            PluginError: another package's class cannot be used.
        """
        key = (component_type, flavor)
        if key not in self._specs:
            self._specs[key] = spec_of(self.flavor(component_type, flavor))
        return self._specs[key]

    def all_specs(self) -> list[FlavorSpec]:
        """The spec of every flavor that is part of stackspec, by type and name."""
        return [self.spec(kind, flavor) for kind in COMPONENT_TYPES for flavor in sorted(_built_in(kind))]


def of_any_type() -> tuple[str, ...]:
    """The names of the flavors that every type has."""
    return tuple(sorted(_modules("any_type")))


@cache
def _built_in(component_type: str) -> tuple[str, ...]:
    if component_type not in COMPONENT_TYPES:
        return ()
    return (*_modules(component_type), *_family(component_type), *_modules("any_type"))


def _family(component_type: str) -> tuple[str, ...]:
    """The flavors that a module makes of something else."""
    if component_type not in _FAMILIES:
        return ()
    found: tuple[str, ...] = import_module(_FAMILIES[component_type]).names()
    return found


@cache
def _modules(folder: str) -> tuple[str, ...]:
    places = [f"{home}/{folder}" for home in _home]
    return tuple(module.name for module in iter_modules(places) if not module.name.startswith("_"))


def _class_in(name: str) -> type[Flavor]:
    """The flavor that a module defines."""
    module = import_module(name)
    return next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Flavor) and value.__module__ == module.__name__
    )


@cache
def _of_type(flavor: type[Flavor], component_type: str) -> type[Flavor]:
    """A flavor that leaves its type open, as one of a type, with the outputs of that type beside its own, if any."""
    parent = _class_in(f"stackspec.flavors.{component_type}")
    outputs: type[FlavorOutputs] = parent.Outputs
    if own := vars(flavor).get("Outputs"):
        outputs = type("Outputs", (own, parent.Outputs), {"__doc__": own.__doc__, "__module__": flavor.__module__})
    said = {"__doc__": flavor.__doc__, "__module__": flavor.__module__, "Outputs": outputs}
    return type(f"{flavor.__name__}{parent.__name__}", (flavor, parent), said)
