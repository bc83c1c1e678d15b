"""`dataclass(frozen=True, slots=True)`, made in a quarter of the time.

The standard library's compiles six methods of each such class at every start, of which there are so many here that they
were a third of what a small command takes. Only `__init__` needs to be compiled. The other methods are the same for all
classes, given the names of the fields. To checkers of types, and to `fields`, `replace` and `match`, these are
dataclasses like any other. (Python 3.13 compiles a class's methods in one go, and is still twice as slow.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool = False, slots: bool = False, **options: bool) -> Callable[[type], type]:
        """See `dataclasses.dataclass`."""
        if frozen and slots and not options:
            return _frozen
        return dataclasses.dataclass(frozen=frozen, slots=slots, **options)


def _frozen(cls: type) -> type:
    if any(dataclasses.is_dataclass(one) for one in cls.__mro__[1:]):
        return dataclasses.dataclass(frozen=True, slots=True)(cls)
    # Python has put a None there itself, where a class has an `__eq__` of its own.
    own = {name for name, value in cls.__dict__.items() if name != "__hash__" or value is not None}
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    fields = dataclasses.fields(made)
    compared = _values([one for one in fields if one.compare])
    hashed = _values([one for one in fields if (one.compare if one.hash is None else one.hash)])
    methods: dict[str, Any] = {
        "__init__": _init(made, fields),
        "__eq__": _equality(compared),
        "__hash__": lambda record: hash(hashed(record)),
        "__repr__": _representation([one.name for one in fields if one.repr]),
        "__setattr__": _no_assignment,
        "__delattr__": _no_deletion,
        "__getstate__": _values(fields),
        "__setstate__": _set_state,
    }
    for name in methods.keys() - own:
        setattr(made, name, methods[name])
    told = made.__dataclass_params__
    told.init = told.repr = told.eq = told.frozen = True
    whole: type = made
    return whole


def _init(cls: Any, fields: tuple[Field[Any], ...]) -> Callable[..., None]:
    """The method that takes the values, the only one that is compiled.

    Raises:
        TypeError: a field is of a kind that only the standard library knows.
    """
    if any(not one.init or one.kw_only or one.name == "self" for one in fields):
        raise TypeError(f"{cls.__qualname__} has a field that only 'dataclasses.dataclass' takes")
    names: dict[str, Any] = {"__name__": cls.__module__}
    parameters, lines = ["self"], []
    for number, one in enumerate(fields):
        # No field is called so: what begins with two underscores is renamed in a class.
        default, value, known = "", one.name, f"__{number}__"
        if one.default is not MISSING:
            names[known], default = one.default, f"={known}"
        elif one.default_factory is not MISSING:
            names[known], default = one.default_factory, "=__made__"
            value = f"{known}() if {one.name} is __made__ else {one.name}"
        parameters.append(one.name + default)
        lines.append(f" __set__(self, {one.name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    names |= {"__set__": object.__setattr__, "__made__": _MADE}
    exec("\n".join([f"def __init__({', '.join(parameters)}):", *(lines or [" pass"])]), names)  # noqa: S102  of names alone
    made: Callable[..., None] = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {**{one.name: one.type for one in fields}, "return": None}
    return made


class _Made:
    """Stands for a default that is made anew for each record."""

    def __repr__(self) -> str:
        return "<factory>"


_MADE = _Made()


def _values(fields: list[Field[Any]] | tuple[Field[Any], ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of some fields of a record."""
    names = [one.name for one in fields]
    several: Callable[[Any], Any] = attrgetter(*names) if names else lambda _record: ()
    if len(names) == 1:
        return lambda record: (several(record),)
    return lambda record: several(record)


def _equality(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any, object], Any]:
    def equals(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return equals


def _representation(names: list[str]) -> Callable[[Any], str]:
    @recursive_repr()
    def represented(self: Any) -> str:
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({told})"

    return represented


def _no_assignment(self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r} of {type(self).__qualname__}")


def _no_deletion(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r} of {type(self).__qualname__}")


def _set_state(self: Any, state: tuple[Any, ...]) -> None:
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)
