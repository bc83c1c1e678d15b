"""Jinja2 text into expressions: parsed by Jinja2, never compiled or run by it.

Jinja2's own evaluation folds constants while compiling and has had five sandbox escapes since 2016, so its parser is
all that is used here. The syntax tree is walked against an allow-list, and what is left is data for
`stackspec.core.expression`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeGuard

from stackspec.core.diagnostic import did_you_mean
from stackspec.core.expression import (
    FILTER_ARGUMENTS,
    FILTERS,
    LONGEST_TEXT,
    Choice,
    ComponentOutput,
    Equal,
    Expression,
    ExpressionError,
    Filter,
    Join,
    Literal,
    Lookup,
    SecretReference,
)

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

ROOTS = ("vars", "environment", "env", "stack", "components", "secrets")
"""The names that an expression may begin with."""

LONGEST_EXPRESSION = 4_096
"""Characters between one `{{` and its `}}`, so that no expression nests past the parser's recursion."""

MOST_DEPTH = 64
"""How deep an expression's operations may nest, so that what evaluates it step by step can recurse."""


@lru_cache(maxsize=1)
def _jinja() -> Environment:
    from jinja2 import Environment

    # Comments get a mark that no manifest can hold (control characters are refused), so '{#' stays plain text.
    return Environment(
        comment_start_string="\x00{", comment_end_string="}\x00", keep_trailing_newline=True, autoescape=False
    )


def parse_text(text: str) -> Expression:
    """The expression of a text: itself where the whole text is one `{{ … }}`, else its parts joined.

    Raises:
        ExpressionError: Jinja2 cannot parse it, or it uses what manifests may not.
    """
    return names_only(text) or parsed_by_jinja(text)


_NAMES = re.compile(
    rf"\{{\{{ *({'|'.join(ROOTS)})((?:\.[A-Za-z_][A-Za-z0-9_]*|\['[A-Za-z0-9_./ -]*'\])*) *\}}\}}(?!\}})"
)
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\['([^']*)'\]")


def names_only(text: str) -> Expression | None:
    """What Jinja2 would make of a text whose expressions only name something, as most do: fifty times as fast.

    None where any of them does more, or where the text holds what Jinja2 may read in another way.
    """
    if "{%" in text or "\r" in text or len(text) > LONGEST_TEXT:
        return None
    parts: list[Expression] = []
    end = 0
    for match in _NAMES.finditer(text):
        before = text[end : match.start()]
        if "{{" in before or before.endswith("{") or match.end() - match.start() > LONGEST_EXPRESSION:
            return None
        if before:
            parts.append(Literal(before))
        parts.append(_named(match[1], [plain or item for plain, item in _STEP.findall(match[2])]))
        end = match.end()
    if not parts or "{{" in text[end:]:
        return None
    if end < len(text):
        parts.append(Literal(text[end:]))
    return parts[0] if len(parts) == 1 else Join(tuple(parts))


_WORDS_AND_SIGNS = re.compile(r"\w+|[^\w\s]")


def _insides(text: str) -> list[str]:
    return [part.partition("}}")[0] for part in text.split("{{")[1:]]


def words_in(text: str) -> int:
    """How many words and signs Jinja2 would have to read in the expressions of a text."""
    return sum(len(_WORDS_AND_SIGNS.findall(one)) for one in _insides(text))


def parsed_by_jinja(text: str) -> Expression:
    """The expression of any text; raises as `parse_text`."""
    from jinja2 import TemplateSyntaxError, nodes

    if "{%" in text:
        raise ExpressionError(
            "SS0302", "statements '{% … %}' are not allowed", "use an expression: {{ a if condition else b }}"
        )
    if len(text) > LONGEST_TEXT:
        raise ExpressionError("SS0307", f"a text with an expression may have at most {LONGEST_TEXT:,} characters")
    if any(len(inside) > LONGEST_EXPRESSION for inside in _insides(text)):
        raise ExpressionError("SS0307", f"an expression may have at most {LONGEST_EXPRESSION:,} characters")
    try:
        template = _jinja().parse(text)
        parts = [part for output in template.body for part in _output(output)]
        expressions = [_convert(part) for part in parts]
    except TemplateSyntaxError as error:
        raise ExpressionError(
            "SS0301", f"the expression cannot be read: {_worded(error.message or 'not Jinja2')}"
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    if any(_is_deep(expression) for expression in expressions):
        raise _too_deep()
    if len(expressions) == 1 and not isinstance(parts[0], nodes.TemplateData):
        return expressions[0]
    return Join(tuple(expressions))


def _too_deep() -> ExpressionError:
    return ExpressionError("SS0307", "the expression nests too deep")


def _is_deep(expression: Expression) -> bool:
    pending = [(expression, 1)]
    while pending:
        one, depth = pending.pop()
        if depth > MOST_DEPTH:
            return True
        match one:
            case Join(parts):
                inner = parts
            case Filter(_, operand, arguments):
                inner = (operand, *arguments)
            case Choice(condition, then, otherwise):
                inner = (condition, then, otherwise)
            case Equal(left, right):
                inner = (left, right)
            case _:
                inner = ()
        pending += [(part, depth + 1) for part in inner]
    return False


_PLAIN = {
    "'end of print statement'": "'}}'",
    "end of print statement": "'}}'",
    "end of template": "end of the text",
    "expected token": "expected",
    "unexpected char ": "unexpected character ",
}
"""Words of Jinja2's messages to what a reader of manifests knows."""


def _worded(message: str) -> str:
    first = message.splitlines()[0].rstrip(".")
    for jargon, plain in _PLAIN.items():
        first = first.replace(jargon, plain)
    return first[:1].lower() + first[1:]


def _output(node: nodes.Node) -> list[nodes.Node]:
    from jinja2 import nodes

    if not isinstance(node, nodes.Output):
        raise ExpressionError("SS0302", "statements '{% … %}' are not allowed")
    return list(node.nodes)


def _convert(node: nodes.Node) -> Expression:
    from jinja2 import nodes

    match node:
        case nodes.TemplateData(data=data):
            return Literal(data)
        case nodes.Const(value=value) if value is None or isinstance(value, str | bool | int | float):
            return _constant(value)
        case nodes.Neg(node=nodes.Const(value=int() | float() as value)):
            return Literal(-value)
        case nodes.Name() | nodes.Getattr() | nodes.Getitem():
            return _path(node)
        case nodes.Concat(nodes=parts):
            return Join(tuple(_convert(part) for part in parts))
        case nodes.Filter(node=operand, name=name, args=arguments, kwargs=[], dyn_args=None, dyn_kwargs=None) if (
            operand
        ):
            return _filter(_convert(operand), "default" if name == "d" else name, arguments)
        case nodes.CondExpr(test=test, expr1=then, expr2=otherwise) if otherwise is not None:
            return Choice(_convert(test), _convert(then), _convert(otherwise))
        case nodes.Compare(expr=left, ops=[nodes.Operand(op="eq" | "ne" as operator, expr=right)]):
            return Equal(_convert(left), _convert(right), operator == "ne")
        case _:
            kind = type(node).__name__.lower()
            raise ExpressionError(
                "SS0302",
                f"{_CALLED.get(kind, f'a {kind}')} is not allowed in an expression",
                "allowed are names, attributes, items, '~', '==', '!=', 'if … else …' and the filters "
                + ", ".join(FILTERS),
            )


_CALLED = {
    "add": "'+' (join texts with '~')",
    "and": "'and'",
    "call": "a call",
    "compare": "a comparison other than '==' and '!='",
    "condexpr": "a choice without 'else'",
    "dict": "a mapping",
    "filter": "a filter with such arguments",
    "mul": "'*'",
    "not": "'not'",
    "or": "'or'",
    "test": "a test ('is')",
}


def _constant(value: str | bool | int | float | None) -> Literal:
    if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and value >= 10**19):
        raise ExpressionError("SS0304", "the number is too large")
    return Literal(value)


def _filter(operand: Expression, name: str, arguments: list[nodes.Expr]) -> Expression:
    if name not in FILTERS:
        raise ExpressionError("SS0302", f"the filter '{name}' is not allowed", did_you_mean(name, FILTERS))
    least, most = FILTER_ARGUMENTS.get(name, (0, 0))
    if not least <= len(arguments) <= most:
        wanted = str(most) if least == most else f"{least} to {most}"
        raise ExpressionError("SS0302", f"the filter '{name}' takes {wanted} arguments, not {len(arguments)}")
    return Filter(name, operand, tuple(_convert(argument) for argument in arguments))


def _is_index(node: nodes.Expr) -> TypeGuard[nodes.Const]:
    from jinja2 import nodes

    return isinstance(node, nodes.Const) and type(node.value) is int


def _path(node: nodes.Node) -> Expression:
    from jinja2 import nodes

    steps: list[str | int] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            steps.append(node.attr)
            node = node.node
        elif (
            isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and type(node.arg.value) in (str, int)
        ):
            steps.append(node.arg.value)
            node = node.node
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Neg) and _is_index(node.arg.node):
            steps.append(-node.arg.node.value)
            node = node.node
        else:
            raise ExpressionError("SS0302", "only names can be followed by '.name' or '[…]', and only by constants")
    steps.reverse()
    return _named(node.name, steps)


def _named(root: str, steps: Sequence[str | int]) -> Expression:
    if root not in ROOTS:
        hint = "'git' is not available in this version" if root == "git" else did_you_mean(root, ROOTS)
        raise ExpressionError("SS0303", f"'{root}' is not defined", hint)
    if root == "secrets":
        if len(steps) == 2 and isinstance(steps[0], str) and isinstance(steps[1], str):
            return SecretReference(steps[0], steps[1])
        raise ExpressionError("SS0301", "a secret is read by its key", "write secrets.NAME.KEY")
    if root != "components":
        return Lookup(root, tuple(steps))
    if len(steps) == 3 and isinstance(steps[0], str) and steps[1] == "outputs" and isinstance(steps[2], str):
        return ComponentOutput(steps[0], steps[2])
    raise ExpressionError("SS0301", "a component is read by its outputs", "write components['type/name'].outputs.NAME")
