"""What is sealed, as JSON and back: expressions of constants and of what is hidden."""

from __future__ import annotations

from typing import Any

from stackspec.core.expression import (
    Choice,
    Encrypted,
    Equal,
    Expression,
    Filter,
    Join,
    Literal,
    SecretReference,
    SecretSource,
)


def expression_to_json(expression: Expression) -> dict[str, Any]:
    """The record of an expression in which nothing waits for an apply."""
    match expression:
        case Literal(value):
            return {"literal": value}
        case SecretReference(name, key, source):
            kept = source and {"type": source.store, "config": source.config, "path": source.path}
            return {"secret": [name, key], "source": kept}
        case Encrypted(token):
            return {"encrypted": token}
        case Join(parts):
            return {"join": [expression_to_json(part) for part in parts]}
        case Filter(name, operand, arguments):
            given = [expression_to_json(one) for one in arguments]
            return {"filter": name, "of": expression_to_json(operand), "arguments": given}
        case Choice(condition, then, otherwise):
            return {"if": [expression_to_json(part) for part in (condition, then, otherwise)]}
        case Equal(left, right, negated):
            return {"equal": [expression_to_json(part) for part in (left, right)], "negated": negated}
        case _:
            raise TypeError(f"a {type(expression).__name__} is never sealed")


def expression_from_json(record: dict[str, Any]) -> Expression:
    """The inverse of `expression_to_json`.

    Raises:
        KeyError, TypeError, ValueError: the record is not one.
    """
    if "literal" in record:
        return Literal(record["literal"])
    if "secret" in record:
        name, key = record["secret"]
        kept = record["source"]
        source = kept and SecretSource(kept["type"], kept["config"], kept["path"])
        return SecretReference(name, key, source)
    if "encrypted" in record:
        return Encrypted(record["encrypted"])
    if "join" in record:
        return Join(tuple(map(expression_from_json, record["join"])))
    if "filter" in record:
        arguments = tuple(map(expression_from_json, record["arguments"]))
        return Filter(record["filter"], expression_from_json(record["of"]), arguments)
    if "if" in record:
        condition, then, otherwise = map(expression_from_json, record["if"])
        return Choice(condition, then, otherwise)
    left, right = map(expression_from_json, record["equal"])
    return Equal(left, right, record["negated"])
