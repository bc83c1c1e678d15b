"""Which types of secret stores there are; a store's module is imported when a manifest names it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from keyword import iskeyword
from pkgutil import iter_modules

from stackspec.core.fields import Schema, json_schema
from stackspec.secret_stores.contract import SecretStore
from stackspec.secret_stores.stores import __path__ as _home


@cache
def store_types() -> tuple[str, ...]:
    """The names of all types, sorted."""
    return tuple(sorted(module.name.rstrip("_") for module in iter_modules(_home)))


@cache
def store_type(name: str) -> type[SecretStore]:
    """The class of a type.

    Raises:
        KeyError: there is no such type.
    """
    if name not in store_types():
        raise KeyError(name)
    module = import_module(f"stackspec.secret_stores.stores.{name}{'_' if iskeyword(name) else ''}")
    return next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, SecretStore) and value.__module__ == module.__name__
    )


@cache
def config_schema(name: str) -> Schema:
    """The JSON Schema of the `config` of a type; raises as `store_type`."""
    return json_schema(store_type(name).Config)
