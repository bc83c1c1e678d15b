"""The expressions inside values: read once, evaluated as far as can be, on one budget a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stackspec.core.address import FieldPath
from stackspec.core.expression import (
    Budget,
    ComponentOutput,
    Deferred,
    ExhaustedError,
    Expression,
    ExpressionError,
    Hidden,
    Join,
    Literal,
    ReportedError,
    Scope,
    UndefinedNameError,
    reduce,
)
from stackspec.core.hints import Hints
from stackspec.core.values import Value
from stackspec.manifest.jinja import names_only, parsed_by_jinja, words_in

SCANNING_WORK, PARSING_WORK = 30, 1_500
"""What it takes to look at a character of a text, and to have Jinja2 parse a word or sign of an expression."""

ERROR_WORK = 10_000
"""What it takes to tell of a mistake: nobody reads more than some thousands."""


def is_expression(text: str) -> bool:
    """Whether a text value holds an expression or a statement."""
    return "{{" in text or "{%" in text


@dataclass(slots=True)
class Resolution:
    """A value with its expressions evaluated, and by their paths those that wait for outputs and those that failed.

    What failed stands in the value as a `Deferred` of its own text, so that nothing is said of it twice.
    """

    value: Value
    deferred: list[tuple[FieldPath, Deferred]] = field(default_factory=list)
    errors: list[tuple[FieldPath, ExpressionError]] = field(default_factory=list)


class ValueResolver:
    """Replaces the expressions inside values; one serves a whole run, for its budget and what it has read before.

    Attributes:
        hints: What undefined names were meant to be.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.hints = Hints()
        self._budget = budget or Budget()
        self._exhausted = False
        self._read: dict[str, Expression | ExpressionError] = {}

    @property
    def work(self) -> int:
        """What was spent of the budget."""
        return self._budget.spent

    def scope(
        self,
        roots: Mapping[str, Any],
        output: Callable[[ComponentOutput], Expression],
        explain: Mapping[str, str],
        secret: Callable[[Hidden], Expression] = lambda hidden: hidden,
    ) -> Scope:
        """A scope whose expressions are evaluated on the run's budget."""
        return Scope(roots, output, explain, secret, self._budget, self.hints)

    def resolve(self, value: Value, scope: Scope) -> Resolution:
        """Evaluate every expression in a value; a value without any is returned as it is."""
        result = Resolution(value)
        result.value = self._resolve(value, scope, result, ())
        return result

    def read(self, value: Value) -> Resolution:
        """Read every expression in a value and evaluate none: each waits, unless nobody could read it."""
        result = Resolution(value)
        result.value = self._resolve(value, None, result, ())
        return result

    def _resolve(self, value: Value, scope: Scope | None, result: Resolution, path: FieldPath) -> Value:
        if isinstance(value, str):
            return self._text(value, scope, result, path) if is_expression(value) else value
        if isinstance(value, dict):
            items: Iterable[tuple[str | int, Value]] = value.items()
        elif isinstance(value, list):
            items = enumerate(value)
        else:
            return value
        copy = None
        for key, item in items:
            resolved = self._resolve(item, scope, result, (*path, key))
            if resolved is not item:
                copy = copy if copy is not None else value.copy()
                copy[key] = resolved
        return value if copy is None else copy

    def _text(self, text: str, scope: Scope | None, result: Resolution, path: FieldPath) -> Value:
        try:
            reduced = expression = self._parsed(text)
            if scope is None:
                result.deferred.append((path, Deferred(expression, text)))
                return result.deferred[-1][1]
            try:
                reduced = reduce(expression, scope)
                if isinstance(reduced, Literal):
                    scope.budget.read(reduced.value)
                    return reduced.value
            except UndefinedNameError as error:
                scope.budget.spend(ERROR_WORK)
                found = _mistakes(expression, scope) if isinstance(expression, Join) else [error]
                result.errors += [(path, one) for one in found]
                return Deferred(Literal(text), text)
            scope.budget.read(text)
        except ExhaustedError as error:
            told, self._exhausted = self._exhausted, True
            result.errors.append((path, ReportedError(error.code, error.message) if told else error))
            return Deferred(Literal(text), text)
        except ExpressionError as error:
            result.errors.append((path, error.with_traceback(None)))
            return Deferred(Literal(text), text)
        deferred = Deferred(reduced, text)
        result.deferred.append((path, deferred))
        return deferred

    def _parsed(self, text: str) -> Expression:
        parsed = self._read.get(text)
        if parsed is None:
            parsed = self._read[text] = self._parse(text)
        if isinstance(parsed, ExpressionError):
            self._budget.spend(ERROR_WORK)
            raise ExpressionError(parsed.code, parsed.message, parsed.hint)
        return parsed

    def _parse(self, text: str) -> Expression | ExpressionError:
        self._budget.spend(SCANNING_WORK * len(text))
        names = names_only(text)
        if names is not None:
            return names
        self._budget.spend(PARSING_WORK * words_in(text))
        try:
            return parsed_by_jinja(text)
        except ExpressionError as error:
            return error


def _mistakes(text: Join, scope: Scope) -> list[ExpressionError]:
    """What is wrong with each part of a text, each once.

    Raises:
        ExhaustedError: the budget is spent.
    """
    found: dict[str, ExpressionError] = {}
    for part in text.parts:
        try:
            reduce(part, scope)
        except ExhaustedError:
            raise
        except ExpressionError as error:
            scope.budget.spend(ERROR_WORK)
            found.setdefault(error.message, error.with_traceback(None))
    return list(found.values())
