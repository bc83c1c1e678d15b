"""Expressions as manifests write them: the way back from `stackspec.manifest.jinja`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from json import dumps
from typing import Any, assert_never

from stackspec.core.expression import (
    HIDDEN,
    Choice,
    ComponentOutput,
    Deferred,
    Encrypted,
    Equal,
    Expression,
    ExpressionError,
    Filter,
    Join,
    Literal,
    Lookup,
    SecretReference,
)
from stackspec.core.values import Value
from stackspec.manifest.jinja import parse_text


def rewritten(value: Deferred) -> str:
    """A text that means what a value has become: what is known filled in, the rest in `{{ … }}`.

    The value's own text where there is no such one: a known list or mapping cannot stand inside an expression.
    """
    if isinstance(value.expression, Literal):
        return value.text
    text = written(value.expression)
    try:
        parse_text(text)
    except ExpressionError:
        return value.text
    return text


def written(expression: Expression) -> str:
    """The text of an expression, for people where it holds a list or mapping: those stand in it as JSON has them."""
    if not isinstance(expression, Join):
        return _braced(expression)
    pieces: list[str] = []
    for plain, parts in groupby(_flat(expression), key=_is_plain):
        if plain:
            pieces.append(as_text("".join(map(_text, parts))))
        else:
            pieces += map(_braced, parts)
    return "".join(pieces) if len(pieces) != 1 else _braced(Join(tuple(_flat(expression))))


def _flat(join: Join) -> Iterator[Expression]:
    for part in join.parts:
        if isinstance(part, Join):
            yield from _flat(part)
        elif part != Literal(""):
            yield part


def _is_plain(part: Expression) -> bool:
    return isinstance(part, Literal) and not isinstance(part.value, dict | list)


def _text(part: Expression) -> str:
    assert isinstance(part, Literal)
    return part.value if isinstance(part.value, str) else dumps(part.value)


def as_text(text: str) -> str:
    """A text outside of expressions; where it would be read as one, or as a line end of another kind, inside."""
    return _braced(Literal(text)) if _AMBIGUOUS.search(text) else text


_AMBIGUOUS = re.compile(r"\{[{%]|\{\Z|\r")

_CHOICE, _EQUAL, _JOIN, _OPERAND = range(4)
"""How firmly what an expression is made of holds together, the loosest first."""


def _braced(expression: Expression) -> str:
    return f"{{{{ {_term(expression, _CHOICE)} }}}}"


def _term(expression: Expression, firm: int) -> str:
    """An expression where one must hold together as firmly as this."""
    text, own = _said(expression)
    return text if own >= firm else f"({text})"


def _said(expression: Expression) -> tuple[str, int]:
    match expression:
        case Literal(value):
            return _constant(value), _JOIN if isinstance(value, int | float) and value < 0 else _OPERAND
        case Lookup(root, steps):
            return _path(root, steps), _OPERAND
        case ComponentOutput(component, output):
            return _path("components", (component, "outputs", output)), _OPERAND
        case SecretReference(name, key):
            return _path("secrets", (name, key)), _OPERAND
        case Encrypted():
            return HIDDEN, _OPERAND
        case Filter(name, operand, arguments):
            given = ", ".join(_term(one, _CHOICE) for one in arguments)
            return f"{_term(operand, _OPERAND)} | {name}{f'({given})' if given else ''}", _OPERAND
        case Join(parts):
            # One alone would keep its type.
            several = parts if len(parts) > 1 else (*parts, Literal(""))
            return " ~ ".join(_term(part, _OPERAND) for part in several), _JOIN
        case Equal(left, right, negated):
            return f"{_term(left, _JOIN)} {'!=' if negated else '=='} {_term(right, _JOIN)}", _EQUAL
        case Choice(condition, then, otherwise):
            decided = f"{_term(then, _EQUAL)} if {_term(condition, _EQUAL)}"
            return f"{decided} else {_term(otherwise, _CHOICE)}", _CHOICE
        case _:
            assert_never(expression)


def _constant(value: Any) -> str:
    return f"'{_QUOTED.sub(_escaped, value)}'" if isinstance(value, str) else "none" if value is None else dumps(value)


_QUOTED = re.compile(r"[\\'\n\r]|\{(?=[{%])")


def _escaped(found: re.Match[str]) -> str:
    return {"\n": "\\n", "\r": "\\r", "{": "\\x7b"}.get(found[0], f"\\{found[0]}")


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def _path(root: str, steps: Sequence[str | int]) -> str:
    return root + "".join(
        f".{step}" if isinstance(step, str) and _NAME.match(step) else f"[{_constant(step)}]" for step in steps
    )


Tell = Callable[[Deferred], str]
"""Tells a value that waits for outputs or secrets, as a text."""


def told(value: Value, tell: Tell) -> Value:
    """A value with what waits in it as a text."""
    if isinstance(value, Deferred):
        return tell(value)
    if isinstance(value, Mapping):
        return {key: told(item, tell) for key, item in value.items()}
    return [told(item, tell) for item in value] if isinstance(value, list) else value
