"""Whether two components can exist at the same time under one address, as `create_before_destroy` needs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from stackspec.core.values import ValueMap, canonical, contains_deferred
from stackspec.flavors.contract import FlavorSpec

Kind = tuple[FlavorSpec, ValueMap]
"""A component's flavor and its config, complete; a value that is not known yet is taken to differ from any other."""


def clash(one: Kind, other: Kind) -> str | None:
    """Why the two cannot exist at the same time, as the end of a sentence; None where they can."""
    for spec, _ in (one, other):
        if spec.occupies is None:
            return f"there can be only one {spec.type} of the flavor '{spec.flavor}' under an address"
    (spec, config), (other_spec, other_config) = one, other
    for name in sorted((spec.occupies or frozenset()) & (other_spec.occupies or frozenset())):
        value, other_value = config.get(name), other_config.get(name)
        if name in spec.paths or contains_deferred([value, other_value]):
            continue
        if canonical(value) == canonical(other_value):
            return f"both would have the same config.{name}"
    for name, place in _places(spec, config):
        if any(_overlap(place, other_place) for _, other_place in _places(other_spec, other_config)):
            return f"config.{name} would have one lie where the other is"
    return None


def _places(spec: FlavorSpec, config: ValueMap) -> Iterable[tuple[str, str]]:
    """The fields that name places to the places, the component's private folder being the empty one."""
    for name in sorted((spec.occupies or frozenset()) & spec.paths):
        value = config.get(name)
        if value is None:
            yield name, ""
        elif isinstance(value, str):
            yield name, posixpath.normpath(value)


def _overlap(place: str, other: str) -> bool:
    if not place or not other:
        return place == other
    return place == other or place.startswith(f"{other}/") or other.startswith(f"{place}/") or "." in (place, other)
