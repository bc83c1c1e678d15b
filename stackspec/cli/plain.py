"""Everyday arguments read without Typer, which takes longer to import than many a command to run.

Only what can be meant in one way is read here: whole options by their names, each value a word of its own or after
`=`. For anything else (help, mistakes, bundled letters, options from process variables) the answer
is None, and Typer reads the same declarations; a test holds the two to the same meaning.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import EnumMeta
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from stackspec.cli.commands import Command, command, found
from stackspec.cli.options import Argument, Option
from stackspec.cli.start import start


class Call(NamedTuple):
    """What a command line asks for: the options before the command, the command, and its own."""

    before: Mapping[str, Any]
    command: Command
    values: Mapping[str, Any]

    def __call__(self) -> int:
        """Do it; the exit code."""
        start(**self.before)
        return self.command(**self.values)


class _NotPlainError(Exception):
    """Typer has to read these arguments."""


class _Parameter(NamedTuple):
    """A parameter of a command; `kind` is the type of one value, of which there may be `many`."""

    name: str
    kind: Any
    many: bool
    declared: Option | Argument
    required: bool


def read(arguments: Iterable[str]) -> Call | None:
    """The call that the arguments make; None where Typer must read them."""
    words = deque(arguments)
    before: dict[str, Any] = {}
    values: dict[str, Any] = {}
    try:
        _take_options(words, _parameters(start), before)
        name = found([words[index] for index in range(min(len(words), 3))])
        if name is None:
            return None
        for _ in name.split():
            words.popleft()
        called = command(name)
        parameters = _parameters(called)
        _take_options(words, parameters, values)
        takers = [one for one in parameters if isinstance(one.declared, Argument)]
        while words:
            if not takers:
                return None
            given = _converted(takers[0], words.popleft())
            if takers[0].many:
                values.setdefault(takers[0].name, []).append(given)
            else:
                values[takers.pop(0).name] = given
            _take_options(words, parameters, values)
    except _NotPlainError:
        return None
    if any(one.required and one.name not in values for one in parameters):
        return None
    return Call(before, called, values)


def _parameters(function: Callable[..., Any]) -> list[_Parameter]:
    found = []
    for name, hint in get_type_hints(function, include_extras=True).items():
        if name == "return":
            continue
        kind, declared = get_args(hint)
        optional = NoneType in get_args(kind)
        if optional:
            kind = get_args(kind)[0]
        required = isinstance(declared, Argument) and not optional
        many = get_origin(kind) is list
        found.append(_Parameter(name, get_args(kind)[0] if many else kind, many, declared, required))
    return found


def _take_options(words: deque[str], parameters: list[_Parameter], values: dict[str, Any]) -> None:
    """Move the options at the front of the words to `values`."""
    options: dict[str, _Parameter] = {}
    for parameter in parameters:
        if isinstance(parameter.declared, Option):
            options |= dict.fromkeys(parameter.declared.names, parameter)
            if parameter.declared.variable in os.environ:
                raise _NotPlainError
    while words and words[0].startswith("-") and words[0] != "-":
        name, equals, value = words.popleft().partition("=")
        if name not in options or (equals and not name.startswith("--")):
            raise _NotPlainError
        given = _value(options[name], value if equals else None, words)
        if options[name].many:
            values.setdefault(options[name].name, []).append(given)
        else:
            values[options[name].name] = given


def _value(parameter: _Parameter, value: str | None, words: deque[str]) -> Any:
    if parameter.kind is bool:
        if value is not None:
            raise _NotPlainError
        return True
    if value is None:
        if not words or (words[0].startswith("-") and words[0] != "-"):
            raise _NotPlainError
        value = words.popleft()
    return _converted(parameter, value)


def _converted(parameter: _Parameter, value: str) -> Any:
    if isinstance(parameter.kind, EnumMeta):
        try:
            return parameter.kind(value)
        except ValueError:
            raise _NotPlainError from None
    if parameter.kind is int:
        declared = parameter.declared
        least, most = (declared.least or 0, declared.most) if isinstance(declared, Option) else (0, None)
        if not (value.isascii() and value.isdecimal()) or int(value) < least or (most and int(value) > most):
            raise _NotPlainError
        return int(value)
    return value
