"""Expressions as data, and the one function that evaluates them.

`stackspec.manifest.expressions` reads Jinja2 text into these nodes; nothing here knows Jinja2. `reduce` is a partial
evaluator: what can be known now becomes a `Literal`, what waits for a component's outputs stays an expression, so the
same function serves the compiler (no outputs known), the planner (applied outputs) and the executor (all outputs).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from itertools import islice
from typing import Any, assert_never

from stackspec.core.frozen import dataclass
from stackspec.core.hints import Hints

LONGEST_TEXT = 65_536
"""The most characters that one expression may produce."""

MOST_WORK = 200_000_000
"""The most work that the expressions of one run may make, in units of about ten nanoseconds."""

STEP_WORK, CHARACTER_WORK, NODE_WORK = 200, 4, 200
"""What it takes to evaluate one part of an expression, and to read, copy and record a character or node of a value."""


HIDDEN = "(sensitive)"
"""What stands where a value is not shown."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is known."""

    value: Any


@dataclass(frozen=True, slots=True)
class Lookup:
    """A path from a root: `vars.region`, `environment.name`, `env['HOME']`."""

    root: str
    steps: tuple[str | int, ...]

    def __str__(self) -> str:
        return self.root + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in self.steps)


@dataclass(frozen=True, slots=True)
class ComponentOutput:
    """`components['type/name'].outputs.NAME`; `component` is an address, or inside a stack a component type."""

    component: str
    output: str

    def __str__(self) -> str:
        return f"components['{self.component}'].outputs.{self.output}"


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret's value is kept: the type of the store, how the store is reached, and the value's place in it."""

    store: str
    config: Mapping[str, Any] = field(hash=False)
    path: str


@dataclass(frozen=True, slots=True)
class SecretReference:
    """`secrets.NAME.KEY`; `source` is what the manifests say of it, None before they were asked."""

    name: str
    key: str
    source: SecretSource | None = None

    def __str__(self) -> str:
        return f"secrets.{self.name}.{self.key}"


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A value that only the holder of the project's key can read, such as a sensitive output.

    The token of the same value is another each time, so it does not tell two expressions apart.
    """

    token: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Join:
    """Texts put one after another."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """A named filter applied to an operand."""

    name: str
    operand: Expression
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`then if condition else otherwise`."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Equal:
    """`left == right`, or with `negated` its opposite; by canonical value, so `1` is not `true`."""

    left: Expression
    right: Expression
    negated: bool


Hidden = SecretReference | Encrypted
"""What never turns into a value before the hook that needs it."""

Expression = Literal | Lookup | ComponentOutput | Hidden | Join | Filter | Choice | Equal


@dataclass(frozen=True, slots=True)
class Deferred:
    """A config value that waits for outputs or secrets: what is left of its expression, and the text as written."""

    expression: Expression
    text: str

    @property
    def references(self) -> tuple[ComponentOutput, ...]:
        """The outputs it waits for, each once, in order of appearance."""
        return tuple(dict.fromkeys(outputs_in(self.expression)))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value with a secret in it, as plans and state hold it: how to come by it, and what tells it from another.

    Attributes:
        expression: Of constants and what is hidden; nothing in it waits for an apply.
        digest: Under the project's key; two of one component are equal where the values are. Without the key nobody
            can find the value by trying.
        kept: The value as it was recorded, encrypted; of what a thing is and cannot change, such as its place.
    """

    expression: Expression
    digest: str
    kept: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return HIDDEN

    def is_rekeyed(self, other: object) -> bool:
        """Whether another value is made in the same way, and under another key: then nobody can tell them apart."""
        if not isinstance(other, Sealed) or self.expression != other.expression:
            return False
        return self.digest.partition(":")[0] != other.digest.partition(":")[0]

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets in it, as `secrets.NAME.KEY`, each once."""
        return tuple(dict.fromkeys(map(str, secrets_in(self.expression))))


class ExpressionError(Exception):
    """An expression that cannot be read or evaluated: the code of its diagnostic, a headline and a hint."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class ReportedError(ExpressionError):
    """What it speaks of has a mistake of its own, which was reported."""


class ExhaustedError(ExpressionError):
    """The budget of a run is spent: no expression can be evaluated any more."""


class Budget:
    """How much work all expressions of a run may still make, so that no manifest can exhaust time or memory.

    Every step of an evaluation, and every value that a step reads or makes, is charged before the work is done.
    """

    def __init__(self, work: int = MOST_WORK) -> None:
        self._given = self._left = work

    @property
    def spent(self) -> int:
        """How much was made."""
        return self._given - self._left

    def spend(self, work: int) -> None:
        """Take from what is left.

        Raises:
            ExhaustedError: nothing is left.
        """
        self._left -= work
        if self._left < 0:
            message = "the expressions of this project together make too much work; from here on none is evaluated"
            raise ExhaustedError("SS0307", message, "use fewer or smaller expressions, and smaller values in them")

    def read(self, *values: Any) -> None:
        """Pay for values that are read or made, however deep.

        Raises:
            ExhaustedError: nothing is left.
        """
        work, waiting = 0, [*values]
        while waiting and work <= self._left:
            value = waiting.pop()
            if isinstance(value, str):
                work += CHARACTER_WORK * len(value)
            elif isinstance(value, dict):
                work += NODE_WORK * len(value) + CHARACTER_WORK * sum(map(len, value))
                waiting.extend(value.values())
            elif isinstance(value, list):
                work += NODE_WORK * len(value)
                waiting.extend(value)
        self.spend(work)


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean: the value of each root, and a function that tells an output or, by `None`, that it is not known.

    A root may hold an `ExpressionError` in the place of a value that cannot be read. `output` may also return the
    `ComponentOutput` to keep, under its full address, or the expression that stands for a hidden output. `secret` tells
    a secret's value, where it may be known, or what to keep of it.
    """

    roots: Mapping[str, Any]
    output: Callable[[ComponentOutput], Expression]
    explain: Mapping[str, str]
    """Root to the hint shown when a name is missing under it."""
    secret: Callable[[Hidden], Expression] = lambda hidden: hidden
    budget: Budget = field(default_factory=Budget)
    hints: Hints = field(default_factory=Hints)


def roots_in(expression: Expression) -> Iterator[str]:
    """The root of every path that an expression looks up, such as `vars` or `stack`."""
    return (one.root for one in _leaves(expression) if isinstance(one, Lookup))


def outputs_in(expression: Expression) -> Iterator[ComponentOutput]:
    """Every output that an expression mentions."""
    return (one for one in _leaves(expression) if isinstance(one, ComponentOutput))


def secrets_in(expression: Expression) -> Iterator[SecretReference]:
    """Every secret that an expression mentions."""
    return (one for one in _leaves(expression) if isinstance(one, SecretReference))


def encrypted_in(expression: Expression) -> Iterator[Encrypted]:
    """Every encrypted value that an expression mentions."""
    return (one for one in _leaves(expression) if isinstance(one, Encrypted))


def _leaves(expression: Expression) -> Iterator[Literal | Lookup | ComponentOutput | Hidden]:
    match expression:
        case Join(parts):
            inner: tuple[Expression, ...] = parts
        case Filter(_, operand, arguments):
            inner = (operand, *arguments)
        case Choice(condition, then, otherwise):
            inner = (condition, then, otherwise)
        case Equal(left, right):
            inner = (left, right)
        case Literal() | Lookup() | ComponentOutput() | SecretReference() | Encrypted():
            yield expression
            return
        case _:
            assert_never(expression)
    for part in inner:
        yield from _leaves(part)


def reduce(expression: Expression, scope: Scope) -> Expression:
    """Evaluate as far as `scope` knows; a result other than `Literal` waits for outputs or secrets.

    Raises:
        ExpressionError: a name is undefined, a filter cannot take its operand, a text grows past its bound, or the
            scope's budget is spent.
    """
    scope.budget.spend(STEP_WORK)
    match expression:
        case Literal():
            return expression
        case Lookup():
            return Literal(_look_up(expression, scope))
        case ComponentOutput():
            return scope.output(expression)
        case SecretReference() | Encrypted():
            return scope.secret(expression)
        case Join(parts):
            return _join([reduce(part, scope) for part in parts], scope.budget)
        case Filter(name, operand, arguments):
            return _filter(name, operand, arguments, scope)
        case Choice(condition, then, otherwise):
            decided = reduce(condition, scope)
            if isinstance(decided, Literal):
                return reduce(then if decided.value else otherwise, scope)
            return Choice(decided, reduce(then, scope), reduce(otherwise, scope))
        case Equal(left, right, negated):
            first, second = reduce(left, scope), reduce(right, scope)
            if isinstance(first, Literal) and isinstance(second, Literal):
                scope.budget.read(first.value, second.value)
                return Literal(_same(first.value, second.value) is not negated)
            return Equal(first, second, negated)
        case _:
            assert_never(expression)


class UndefinedNameError(ExpressionError):
    """A name that nothing defines; the `default` filter forgives it."""


def _look_up(lookup: Lookup, scope: Scope) -> Any:
    value = scope.roots[lookup.root]
    for depth, step in enumerate(lookup.steps):
        if isinstance(value, dict):
            if step in value:
                value = value[step]
                continue
            known: Mapping[str, Any] = value
        elif isinstance(value, list) and isinstance(step, int):
            if -len(value) <= step < len(value):
                value = value[step]
                continue
            known = {}
        else:
            known = {}
        missing = Lookup(lookup.root, lookup.steps[: depth + 1])
        hint = scope.hints.did_you_mean(str(step), known) if known else None
        hint = hint or (scope.explain.get(lookup.root) if depth == 0 else None)
        raise UndefinedNameError("SS0303", f"'{missing}' is not defined", hint)
    if not lookup.steps:
        scope.budget.read(value)
    for one in (value,) if lookup.steps else value.values():
        if isinstance(one, ExpressionError):
            raise ExpressionError(one.code, one.message, one.hint)
    return value


def _join(parts: list[Expression], budget: Budget) -> Expression:
    if not all(isinstance(part, Literal) for part in parts):
        return Join(tuple(parts))
    text = _together(_as_text(part.value) for part in parts if isinstance(part, Literal))
    budget.spend(CHARACTER_WORK * len(text))
    return Literal(text)


def _together(texts: Iterable[str]) -> str:
    taken, length = [], 0
    for text in texts:
        length += len(text)
        if length > LONGEST_TEXT:
            raise _too_long()
        taken.append(text)
    return "".join(taken)


def _too_long() -> ExpressionError:
    return ExpressionError("SS0307", f"an expression's text may have at most {LONGEST_TEXT:,} characters")


def _same(one: Any, other: Any) -> bool:
    """Whether two values have the same canonical text."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and (repr(one) == repr(other) if isinstance(one, float) else bool(one == other))


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=dict)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    raise ExpressionError("SS0304", f"a {_kind(value)} cannot stand inside a text", "write it with the filter 'tojson'")


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if value is None or isinstance(value, bool):
        return "value"
    return "number" if isinstance(value, int | float) else "mapping" if isinstance(value, Mapping) else "list"


def _filter(name: str, operand: Expression, arguments: tuple[Expression, ...], scope: Scope) -> Expression:
    if name == "default":
        try:
            return reduce(operand, scope)
        except UndefinedNameError:
            return reduce(arguments[0], scope)
    reduced, given = reduce(operand, scope), tuple(reduce(argument, scope) for argument in arguments)
    values = [argument.value for argument in given if isinstance(argument, Literal)]
    if not isinstance(reduced, Literal) or len(values) < len(given):
        return Filter(name, reduced, given)
    scope.budget.read(reduced.value, *values)
    try:
        result = FILTERS[name](reduced.value, *values)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ExpressionError("SS0304", f"the filter '{name}' cannot take this {_kind(reduced.value)}") from error
    if isinstance(result, str) and len(result) > LONGEST_TEXT:
        raise _too_long()
    scope.budget.read(result)
    return Literal(result)


def _replace(text: str, old: str, new: str) -> str:
    if len(text) + text.count(old) * max(0, len(new) - len(old)) > LONGEST_TEXT:
        raise _too_long()
    return text.replace(old, new)


def _joined(items: list[Any], separator: str = "") -> str:
    return _together(islice((_as_text(part) for item in items for part in (separator, item)), 1, None))


def _integer(value: Any) -> int:
    if isinstance(value, str) and len(value) > 20:
        raise ValueError("too long for an integer")
    number = int(value)
    if abs(number) >= 10**19:
        raise ValueError("an integer has at most 19 digits")
    return number


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a number that JSON can carry")
    return number


def _text_only(function: Callable[[str], str]) -> Callable[[Any], str]:
    def apply(value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError("not a text")
        return function(value)

    return apply


FILTERS: Mapping[str, Callable[..., Any]] = {
    "default": lambda value, _fallback: value,
    "float": _finite,
    "int": _integer,
    "join": _joined,
    "length": len,
    "lower": _text_only(str.lower),
    "replace": _replace,
    "string": _as_text,
    "tojson": _as_json,
    "trim": _text_only(str.strip),
    "upper": _text_only(str.upper),
}
"""The filters an expression may use, with Jinja2's names and meaning."""

FILTER_ARGUMENTS: Mapping[str, tuple[int, int]] = {"default": (1, 1), "join": (0, 1), "replace": (2, 2)}
"""Filter to the least and most arguments; the others take none."""
