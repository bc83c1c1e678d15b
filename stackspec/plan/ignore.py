"""`lifecycle.ignore_changes`: fields whose value is left as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackspec.core.address import FieldPath, parse_path
from stackspec.core.values import Value, ValueMap


def ignoring(config: ValueMap, ignored: Iterable[str], source: ValueMap) -> ValueMap:
    """A config with the fields that are ignored as another has them.

    Args:
        ignored: Paths like `config.tags`; `config` alone is everything.
    """
    for text in ignored:
        path = parse_path(text)[1:]
        if not path:
            return source
        config = _with(config, path, source)
    return config


def _with(target: Value, path: FieldPath, source: Value) -> Value:
    step = path[0]
    if isinstance(target, Mapping) and isinstance(source, Mapping) and step in source:
        inner = source[step] if len(path) == 1 else _with(target.get(step), path[1:], source[step])
        return {**target, step: inner}
    if (
        isinstance(target, list)
        and isinstance(source, list)
        and isinstance(step, int)
        and step < min(len(target), len(source))
    ):
        inner = source[step] if len(path) == 1 else _with(target[step], path[1:], source[step])
        return [*target[:step], inner, *target[step + 1 :]]
    return target
