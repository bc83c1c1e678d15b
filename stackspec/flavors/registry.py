"""Which flavors there are, and their specs; a flavor's module is imported when a manifest names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from importlib import import_module
from pkgutil import iter_modules

from stackspec.flavors import __path__ as _home
from stackspec.flavors.contract import Flavor, FlavorSpec, spec_of
from stackspec.flavors.types import COMPONENT_TYPES


class Registry:
    """The catalogue of flavors: the built-in ones, a file each, and any classes given beside them."""

    def __init__(self, extra: Iterable[type[Flavor]] = ()) -> None:
        self._extra = {(cls.type, cls.flavor): cls for cls in extra}
        self._specs: dict[tuple[str, str], FlavorSpec] = {}
        self._of_any: dict[tuple[str, str], type[Flavor]] = {}

    @cached_property
    def _built_in(self) -> Mapping[str, tuple[str, ...]]:
        of_any = _modules("any_type")
        return {name: (*_modules(name), *of_any) for name in COMPONENT_TYPES}

    @cached_property
    def _names(self) -> Mapping[str, tuple[str, ...]]:
        names = {kind: set(built_in) for kind, built_in in self._built_in.items()}
        for kind, flavor in self._extra:
            names.setdefault(kind, set()).add(flavor)
        return {kind: tuple(sorted(found)) for kind, found in names.items()}

    def flavors_of(self, component_type: str) -> tuple[str, ...]:
        """The names of a type's flavors, sorted; none for an unknown type."""
        return self._names.get(component_type, ())

    def flavor(self, component_type: str, flavor: str) -> type[Flavor]:
        """The class of a flavor.

        Raises:
            KeyError: there is no such flavor.
        """
        key = (component_type, flavor)
        if key in self._extra:
            return self._extra[key]
        if flavor not in self._built_in.get(component_type, ()):
            raise KeyError(key)
        if flavor in _modules(component_type):
            return _class_in(f"stackspec.flavors.{component_type}.{flavor}")
        if key not in self._of_any:
            self._of_any[key] = _of_type(_class_in(f"stackspec.flavors.any_type.{flavor}"), component_type)
        return self._of_any[key]

    def spec(self, component_type: str, flavor: str) -> FlavorSpec:
        """The spec of a flavor.

        Raises:
            KeyError: there is no such flavor.
        """
        key = (component_type, flavor)
        if key not in self._specs:
            self._specs[key] = spec_of(self.flavor(component_type, flavor))
        return self._specs[key]

    def all_specs(self) -> list[FlavorSpec]:
        """Every flavor's spec, by type and name."""
        return [self.spec(kind, flavor) for kind in COMPONENT_TYPES for flavor in self.flavors_of(kind)]


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


def _of_type(flavor: type[Flavor], component_type: str) -> type[Flavor]:
    """A flavor that leaves its type open, as one of a type, which gives the outputs of that type."""
    parent = _class_in(f"stackspec.flavors.{component_type}")
    said = {"__doc__": flavor.__doc__, "__module__": flavor.__module__, "Outputs": parent.Outputs}
    return type(f"{flavor.__name__}{parent.__name__}", (flavor, parent), said)
