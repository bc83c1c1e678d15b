"""Which fields of two configs differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stackspec.core.address import FieldPath
from stackspec.core.expression import Expression, Literal, Sealed
from stackspec.core.values import UNKNOWN, Unknown, Value, ValueMap, canonical, contains_deferred, contains_sealed
from stackspec.flavors.contract import FlavorSpec
from stackspec.plan.model import FieldChange


def created_fields(config: ValueMap, spec: FlavorSpec) -> tuple[FieldChange, ...]:
    """The fields of a new component that say something: those without a value are left out."""
    return tuple(
        FieldChange(("config", name), None, _shown(value), name in spec.sensitive or contains_sealed(value))
        for name, value in config.items()
        if value is not None
    )


def changed_fields(
    before: ValueMap, after: ValueMap, spec: FlavorSpec | None, former: FlavorSpec | None
) -> tuple[FieldChange, ...]:
    """Every value that differs, at its own path, in the order of paths.

    Args:
        spec, former: What it is of now, and what it was of before. What one of the two hides is hidden, and what
            neither knows, as where a flavor is not installed any more.
    """
    specs = [one for one in (spec, former) if one is not None]
    changes: list[FieldChange] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if canonical(old) == canonical(new):
            continue
        known = any(name in one.schema["properties"] for one in specs)
        sensitive = not known or any(name in one.sensitive for one in specs)
        # What differs inside a value with secrets in it is not told: the rest of it may tell of them.
        if contains_sealed(old) or contains_sealed(new):
            if _is_replacing(name, spec) and isinstance(old, Sealed) and old.is_rekeyed(new):
                continue  # nothing is torn down because a key was lost
            changes.append(FieldChange(("config", name), old, _shown(new), True, _is_replacing(name, spec)))
            continue
        for path, was, becomes in differences(old, new):
            changes.append(FieldChange(("config", name, *path), was, becomes, sensitive, _is_replacing(name, spec)))
    return tuple(changes)


def alike(old: Value, new: Value, seal: Callable[[Expression], Sealed]) -> Value:
    """The old value, with what is the same in the new one as it is there, though only one of them has it as a secret.

    Args:
        seal: Seals values of the component whose both are.
    """
    if isinstance(new, Sealed) is not isinstance(old, Sealed):
        sealed, plain = (new, old) if isinstance(new, Sealed) else (old, new)
        same = sealed.digest and not contains_deferred(plain) and seal(Literal(plain)).digest == sealed.digest
        return new if same else old
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {name: alike(value, new[name], seal) if name in new else value for name, value in old.items()}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [alike(*both, seal) for both in zip(old, new, strict=True)]
    return old


def _is_replacing(name: str, spec: FlavorSpec | None) -> bool:
    return spec is not None and (name in spec.replacing or not spec.can_update)


def differences(old: Value, new: Value) -> Iterator[tuple[FieldPath, Any, Any]]:
    """The path of each value that differs inside two that do, with what it is in the one and in the other."""
    nested = (isinstance(old, Mapping) and isinstance(new, Mapping)) or (
        isinstance(old, list) and isinstance(new, list)
    )
    if not nested or contains_deferred(new):
        yield (), old, _shown(new)
        return
    from deepdiff import DeepDiff

    tree = DeepDiff(old, new, view="tree", ignore_order=False, threshold_to_diff_deeper=0)
    levels = [level for group in tree.values() for level in group]
    found = [(tuple(level.path(output_format="list")), _absent(level.t1), _absent(level.t2)) for level in levels]
    yield from sorted(found, key=lambda one: [(isinstance(step, int), str(step).zfill(9)) for step in one[0]])


def _absent(value: Any) -> Any:
    return None if type(value).__name__ == "NotPresent" else value


def _shown(value: Value) -> Value:
    """The value with what is not known yet shown as such, whole where a part of it is not."""
    return UNKNOWN if contains_deferred(value) or isinstance(value, Unknown) else value
