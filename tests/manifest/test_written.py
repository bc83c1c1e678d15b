"""Expressions written as manifests have them: what is known filled in, and read again they mean the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackspec.core.expression import (
    Choice,
    ComponentOutput,
    Deferred,
    Equal,
    Expression,
    ExpressionError,
    Filter,
    Hidden,
    Join,
    Literal,
    Lookup,
    Scope,
    SecretReference,
    reduce,
)
from stackspec.manifest.jinja import parse_text
from stackspec.manifest.written import rewritten, written

VARS = {"text": "hello", "brace": "{", "code": "{{ env.X }}", "number": -7, "list": ["a", 1], "odd": "it's \\ \n {%"}
OUTPUTS = {"uri": "s3://b/{{", "port": 8080}
SECRETS = {"db.password": "p'w }}", "a-b.c.d": "{%"}


def scope(*, known: bool) -> Scope:
    """What names mean before an apply, and after."""

    def output(one: ComponentOutput) -> Expression:
        return Literal(OUTPUTS[one.output]) if known else one

    def secret(one: Hidden) -> Expression:
        assert isinstance(one, SecretReference)
        return Literal(SECRETS[f"{one.name}.{one.key}"]) if known else one

    return Scope({"vars": VARS}, output, {}, secret)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ secrets.db.password }}", "{{ secrets.db.password }}"),
        ("{{secrets['a-b']['c.d']}}", "{{ secrets['a-b']['c.d'] }}"),
        ("{{ vars.text }}:{{ secrets.db.password }}@{{ vars.number }}", "hello:{{ secrets.db.password }}@-7"),
        ("{{ vars.text ~ '-' ~ secrets.db.password }}", "hello-{{ secrets.db.password }}"),
        ("{{ secrets.db.password ~ '' }}", "{{ secrets.db.password ~ '' }}"),
        ("{{ secrets.db.password | upper }}", "{{ secrets.db.password | upper }}"),
        ("{{ (vars.text ~ secrets.a.b) | upper | trim }}", "{{ ('hello' ~ secrets.a.b) | upper | trim }}"),
        ("{{ secrets.db.password | replace(vars.text, 'x') }}", "{{ secrets.db.password | replace('hello', 'x') }}"),
        ("{{ vars.text if vars.number == 3 else secrets.db.password }}", "{{ secrets.db.password }}"),
        (
            "{{ vars.text if secrets.db.password != 'x' else (1 if secrets.db.password == vars.text else none) }}",
            "{{ 'hello' if secrets.db.password != 'x' else 1 if secrets.db.password == 'hello' else none }}",
        ),
        ("{{ components['t/n'].outputs.uri }}/x", "{{ components['t/n'].outputs.uri }}/x"),
        ("{{ vars.brace }}{{ secrets.db.password }}", "{{ '{' }}{{ secrets.db.password }}"),
        ("{{ vars.code }}{{ secrets.db.password }}", "{{ '\\x7b{ env.X }}' }}{{ secrets.db.password }}"),
        ("{{ vars.odd }}{{ secrets.db.password }}", "{{ 'it\\'s \\\\ \\n \\x7b%' }}{{ secrets.db.password }}"),
        # Where no text says what it has become it stays as it was.
        ("{{ vars.list | join(secrets.db.password) }}", "{{ vars.list | join(secrets.db.password) }}"),
    ],
)  # fmt: skip
def test_what_is_known_is_filled_in(text: str, says: str) -> None:
    assert rewritten(Deferred(reduce(parse_text(text), scope(known=False)), text)) == says


def test_people_are_shown_a_list_that_no_manifest_could_hold() -> None:
    left = reduce(parse_text("{{ vars.list | join(secrets.db.password) }}"), scope(known=False))
    assert written(left) == '{{ ["a", 1] | join(secrets.db.password) }}'


def test_what_failed_is_as_it_was_written() -> None:
    assert rewritten(Deferred(Literal("{{ vars.nothing }}"), "{{ vars.nothing }}")) == "{{ vars.nothing }}"


TEXTS = st.text(st.sampled_from("ab{}%#'\"\\ \n\r~|-0é✓🔑"), max_size=6)
LEAVES = (
    st.builds(Literal, TEXTS | st.integers(-20, 20) | st.booleans() | st.none() | st.sampled_from([-1.5, 2e30, 1e-7]))
    | st.sampled_from([SecretReference("db", "password"), SecretReference("a-b", "c.d")])
    | st.sampled_from([ComponentOutput("t/n", "uri"), ComponentOutput("t/n", "port")])
    | st.sampled_from([Lookup("vars", ("text",)), Lookup("vars", ("odd",)), Lookup("vars", ("list", -1))])
)


def grown(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    """Everything that may be made of expressions."""
    one_more = st.sampled_from(["lower", "upper", "trim", "string", "tojson", "length"])
    return (
        st.builds(Join, st.lists(inner, min_size=1, max_size=4).map(tuple))
        | st.builds(lambda name, operand: Filter(name, operand, ()), one_more, inner)
        | st.builds(lambda operand, old, new: Filter("replace", operand, (old, new)), inner, inner, inner)
        | st.builds(Choice, inner, inner, inner)
        | st.builds(Equal, inner, inner, st.booleans())
    )


def meant(expression: Expression) -> Any:
    """The value of an expression once everything is known, or the code of what is wrong with it."""
    try:
        found = reduce(expression, scope(known=True))
    except ExpressionError as error:
        return error.code
    assert isinstance(found, Literal)
    return type(found.value), found.value


@settings(max_examples=500)
@given(st.recursive(LEAVES, grown, max_leaves=8))
def test_what_is_rewritten_means_the_same(expression: Expression) -> None:
    assert meant(parse_text(written(expression))) == meant(expression)
    try:
        left = reduce(expression, scope(known=False))
    except ExpressionError:
        return
    if not isinstance(left, Literal):
        assert meant(parse_text(written(left))) == meant(expression)
        assert "vars." not in written(left)
