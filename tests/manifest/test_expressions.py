"""Expressions: values keep their types, names keep to their roots, and nothing runs that the list does not name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackspec.core.expression import (
    Budget,
    ComponentOutput,
    ExhaustedError,
    ExpressionError,
    Literal,
    ReportedError,
    Scope,
    outputs_in,
    reduce,
)
from stackspec.manifest.expressions import ValueResolver
from stackspec.manifest.jinja import parse_text

VARS = {
    "text": "hello",
    "number": 7,
    "float": 1.5,
    "yes": True,
    "nothing": None,
    "list": ["a", "b", 3],
    "map": {"key": "value", "a-b": {"c": [10, 20]}},
    "long": "x" * 60_000,
    "template": "{{ env.SECRET }}",
}


def unknown_output(reference: ComponentOutput) -> ComponentOutput:
    return reference


SCOPE = Scope(
    {"vars": VARS, "environment": {"name": "dev"}, "env": {"HOME": "/home/me"}, "stack": {"name": "s", "labels": {}}},
    unknown_output,
    {"env": "list it", "stack": "no stack"},
)


def value_of(text: str) -> Any:
    resolution = ValueResolver().resolve(text, SCOPE)
    assert resolution.errors == []
    assert resolution.deferred == []
    return resolution.value


def refusal_of(text: str) -> ExpressionError:
    resolution = ValueResolver().resolve(text, SCOPE)
    ((path, error),) = resolution.errors
    assert path == ()
    return error


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("{{ vars.text }}", "hello"),
        ("{{vars.number}}", 7),
        ("{{ vars.float }}", 1.5),
        ("{{ vars.yes }}", True),
        ("{{ vars.nothing }}", None),
        ("{{ vars.list }}", ["a", "b", 3]),
        ("{{ vars.map }}", {"key": "value", "a-b": {"c": [10, 20]}}),
        ("{{ vars.map['a-b'].c[1] }}", 20),
        ("{{ vars.list[-1] }}", 3),
        (" {{ vars.number }}", " 7"),
        ("{{ vars.number }} ", "7 "),
        ("{{ vars.number }}{{ vars.number }}", "77"),
        ("a{{ vars.yes }}b{{ vars.nothing }}", "atruebnull"),
        ("{{ 'text' }}", "text"),
        ("{{ 12 }}", 12),
        ("{{ -1 }}", -1),
        ("{{ true }}", True),
        ("{{ none }}", None),
        ("{{ vars.text ~ '-' ~ vars.number }}", "hello-7"),
        ("{{ vars.text | upper }}", "HELLO"),
        ("{{ 'HELLO' | lower }}", "hello"),
        ("{{ ' x ' | trim }}", "x"),
        ("{{ vars.list | length }}", 3),
        ("{{ vars.list | join('/') }}", "a/b/3"),
        ("{{ vars.list | join }}", "ab3"),
        ("{{ vars.text | replace('l', 'L') }}", "heLLo"),
        ("{{ '42' | int }}", 42),
        ("{{ '1.5' | float }}", 1.5),
        ("{{ 7 | string }}", "7"),
        ("{{ vars.map.nope | default('d') }}", "d"),
        ("{{ vars.nope.deeper | default(5) }}", 5),
        ("{{ vars.text | d('x') }}", "hello"),
        ("{{ vars.text | default(vars.nope) }}", "hello"),
        ("{{ vars.nope | default(vars.text) }}", "hello"),
        ("{{ vars.map == vars.map }}", True),
        ("{{ vars.list != vars.map['a-b'].c }}", True),
        ("{{ vars.nothing | default('d') }}", None),
        ("{{ vars.list | tojson }}", '["a", "b", 3]'),
        ("{{ 'yes' if vars.yes else 'no' }}", "yes"),
        ("{{ 'yes' if vars.nothing else 'no' }}", "no"),
        ("{{ vars.text == 'hello' }}", True),
        ("{{ vars.text != 'hello' }}", False),
        ("{{ 1 == true }}", False),
        ("{{ 1 == 1.0 }}", False),
        ("{{ '{{' }} and '{#' stays", "{{ and '{#' stays"),
        ("a {# b #} c {{ 1 }}", "a {# b #} c 1"),
        ("{{ vars.template }}", "{{ env.SECRET }}"),
        ("keeps the end {{ 1 }}\n", "keeps the end 1\n"),
        ("}} alone {{ 1 }}", "}} alone 1"),
    ],
)
def test_value_and_type(text: str, value: Any) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ vars.text.__class__ }}", "SS0303"),
        ("{{ vars['__class__'] }}", "SS0303"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "SS0302"),
        ("{{ ''.__class__ }}", "SS0302"),
        ("{{ vars | attr('__class__') }}", "SS0302"),
        ("{{ vars.list.append }}", "SS0303"),
        ("{{ vars.map.items }}", "SS0303"),
        ("{{ vars.text.format }}", "SS0303"),
        ("{{ vars.text.format(vars) }}", "SS0302"),
        ("{{ '{0.__class__}' | format(vars) }}", "SS0302"),
        ("{{ '%1000000000d' | format(1) }}", "SS0302"),
        ("{{ '%1000000000d' % 1 }}", "SS0302"),
        ("{{ cycler }}", "SS0303"),
        ("{{ cycler.__init__.__globals__ }}", "SS0303"),
        ("{{ lipsum(1000000) }}", "SS0302"),
        ("{{ namespace() }}", "SS0302"),
        ("{{ joiner.__init__ }}", "SS0303"),
        ("{{ self }}", "SS0303"),
        ("{{ self.__dict__ }}", "SS0303"),
        ("{{ request }}", "SS0303"),
        ("{{ range(10**9) }}", "SS0302"),
        ("{{ 'a' * 10**9 }}", "SS0302"),
        ("{{ 10 ** 10 ** 10 }}", "SS0302"),
        ("{{ 9 // 0 }}", "SS0302"),
        ("{{ -vars.number }}", "SS0302"),
        ("{{ vars.list[-vars.number] }}", "SS0302"),
        ("{{ vars.text | center(1000000000) }}", "SS0302"),
        ("{{ vars.list | map('upper') }}", "SS0302"),
        ("{{ vars.list | batch(2) }}", "SS0302"),
        ("{{ vars.text | safe }}", "SS0302"),
        ("{{ vars.text | replace('h', 'j', count=1) }}", "SS0302"),
        ("{{ vars.text | replace(*vars.list) }}", "SS0302"),
        ("{{ vars.text | default }}", "SS0302"),
        ("{{ [1, 2] }}", "SS0302"),
        ("{{ {'a': 1} }}", "SS0302"),
        ("{{ (1, 2) }}", "SS0302"),
        ("{{ vars.list[0:2] }}", "SS0302"),
        ("{{ vars.list[vars.number] }}", "SS0302"),
        ("{{ vars.text in vars.list }}", "SS0302"),
        ("{{ 1 < 2 }}", "SS0302"),
        ("{{ 1 == 1 == 1 }}", "SS0302"),
        ("{{ vars.text is defined }}", "SS0302"),
        ("{{ not vars.yes }}", "SS0302"),
        ("{{ vars.yes or vars.text }}", "SS0302"),
        ("{{ vars.text if vars.yes }}", "SS0302"),
        ("{{ caller() }}", "SS0302"),
        ("{% import 'os' as os %}", "SS0302"),
        ("{% set x = 1 %}{{ 1 }}", "SS0302"),
        ("{%- include '/etc/passwd' -%}", "SS0302"),
        ("{{ '{%' }}", "SS0302"),
        ("{{ vars. }}", "SS0301"),
        ("{{ vars.text", "SS0301"),
        ("{{ }}", "SS0301"),
        ("{{ vars.text }", "SS0301"),
        ("{{ 'unclosed }}", "SS0301"),
        ("{{ {{ vars.text }} }}", "SS0301"),
        ("{{ components }}", "SS0301"),
        ("{{ components.x }}", "SS0301"),
        ("{{ components['a/b'].outputs }}", "SS0301"),
        ("{{ components['a/b'].outputs.uri.more }}", "SS0301"),
        ("{{ components['a/b'].config.password }}", "SS0301"),
        ("{{ nope }}", "SS0303"),
        ("{{ env.PATH }}", "SS0303"),
        ("{{ env['PATH'] }}", "SS0303"),
        ("{{ vars.nope | default(vars.nothing_either) }}", "SS0303"),
        ("{{ vars.list[3] }}", "SS0303"),
        ("{{ vars.list[-4] }}", "SS0303"),
        ("{{ vars.list.first }}", "SS0303"),
        ("{{ vars[0] }}", "SS0303"),
        ("text {{ vars.map }}", "SS0304"),
        ("{{ vars.list ~ 'x' }}", "SS0304"),
        ("{{ 'x' | int }}", "SS0304"),
        ("{{ vars.list | int }}", "SS0304"),
        ("{{ 'nan' | float }}", "SS0304"),
        ("{{ '1e999' | float }}", "SS0304"),
        ("{{ '" + "9" * 20 + "' | int }}", "SS0304"),
        ("{{ " + "9" * 20 + " }}", "SS0304"),
        ("{{ 1e999 }}", "SS0304"),
        ("{{ vars.number | upper }}", "SS0304"),
        ("{{ vars.nothing | length }}", "SS0304"),
        ("{{ vars.map | string }}", "SS0304"),
        ("{{ vars.number | join }}", "SS0304"),
        ("{{ vars.long ~ vars.long }}", "SS0307"),
        ("{{ vars.long }}{{ vars.long }}", "SS0307"),
        ("{{ vars.long | replace('x', vars.long) }}", "SS0307"),
        ("{{ vars.long | replace('', vars.long) }}", "SS0307"),
        ("{{ vars.list | join(vars.long) }}", "SS0307"),
        ("{{ " + "x" * 5_000 + " }}", "SS0307"),
        ("{{ " + "(" * 1_500 + "1" + ")" * 1_500 + " }}", "SS0307"),
        ("{{ vars" + ".a" * 2_040 + " }}", "SS0303"),
        ("x" * 70_000 + "{{ 1 }}", "SS0307"),
    ],
)
def test_refused(text: str, code: str) -> None:
    assert refusal_of(text).code == code


@pytest.mark.parametrize("filters", ["lower", "d('x')", "default(vars.text)"])
def test_long_chains_end_in_a_value_or_an_error_and_never_in_a_crash(filters: str) -> None:
    text = "{{ vars.text" + f" | {filters}" * (4_000 // (len(filters) + 3)) + " }}"
    resolution = ValueResolver().resolve(text, SCOPE)
    assert resolution.value == "hello" or [error.code for _, error in resolution.errors] == ["SS0307"]


@pytest.mark.parametrize("piece", [" ~ vars.text", " if vars.yes else vars.text", " == vars.text"])
def test_deep_trees_end_in_a_value_or_an_error(piece: str) -> None:
    text = "{{ vars.text" + piece * (4_000 // len(piece)) + " }}"
    resolution = ValueResolver().resolve(text, SCOPE)
    assert resolution.errors == [] or resolution.errors[0][1].code in ("SS0302", "SS0307")


def test_what_waits_for_outputs_keeps_its_text_and_its_references() -> None:
    text = "{{ components['a/b'].outputs.uri }}/{{ vars.text }}/{{ components.a.outputs.port | default(1) }}"
    resolution = ValueResolver().resolve({"x": [text]}, SCOPE)
    ((path, deferred),) = resolution.deferred
    assert path == ("x", 0)
    assert deferred.text == text
    assert deferred.references == (ComponentOutput("a/b", "uri"), ComponentOutput("a", "port"))
    known = Scope(SCOPE.roots, lambda reference: Literal(f"<{reference.output}>"), {})
    assert reduce(deferred.expression, known) == Literal("<uri>/hello/<port>")


@pytest.mark.parametrize("around", ["", "a", "a\n", "{", "}", "{#", "%", " "])
@pytest.mark.parametrize(
    "name",
    ["vars", "vars.text", "env['HOME']", "vars.map['a-b'].c", "vars.if", "vars['']", "components['a/b'].outputs.x"],
)
def test_names_alone_are_read_as_any_other_expression(name: str, around: str) -> None:
    """Texts that only name something take a short way; brackets lead around it."""
    for text in (
        "{{ NAME }}",
        "{{NAME}}",
        "{{ NAME}}",
        "{{ NAME }}AROUND",
        "AROUND{{ NAME }}",
        "{{ NAME }}AROUND{{NAME}}",
    ):
        written = text.replace("AROUND", around)
        outcomes: list[object] = []
        for one in (name, f"({name})"):
            try:
                outcomes.append(parse_text(written.replace("NAME", one)))
            except ExpressionError as error:
                outcomes.append(error.code)
        assert outcomes[0] == outcomes[1]


def test_a_choice_already_decided_waits_for_nothing() -> None:
    decided = reduce(parse_text("{{ components.a.outputs.uri if vars.nothing else 'local' }}"), SCOPE)
    assert decided == Literal("local")
    waiting = reduce(parse_text("{{ components.a.outputs.uri if vars.yes else 'local' }}"), SCOPE)
    assert list(outputs_in(waiting)) == [ComponentOutput("a", "uri")]


def test_all_expressions_of_a_project_share_one_budget() -> None:
    values = ValueResolver()
    scope = values.scope(SCOPE.roots, SCOPE.output, SCOPE.explain)
    errors = [error for _ in range(1_000) for _, error in values.resolve("{{ vars.long }}", scope).errors]
    assert {error.code for error in errors} == {"SS0307"}
    assert [type(error) for error in errors[:2]] == [ExhaustedError, ReportedError]


@pytest.mark.parametrize(
    "text",
    [
        "{{ vars.wide == vars.wide }}",
        "{{ vars.wide | length }}",
        "{{ 1 if vars else 2 }}",
        "{{ (vars.long | lower) if vars.yes else 1 }}",
        "{{ vars.long ~ vars.text }}",
        "{{ vars.wide | join }}",
        "{{ vars.long | replace('x', 'y') == 1 }}",
    ],
)
def test_what_is_read_on_the_way_is_paid_for(text: str) -> None:
    roots = {**SCOPE.roots, "vars": {**VARS, "wide": [""] * 1_000}}
    for budget, codes in ((Budget(1_000_000), []), (Budget(150_000), ["SS0307"])):
        values = ValueResolver(budget)
        found = values.resolve(text, values.scope(roots, SCOPE.output, {}))
        assert [error.code for _, error in found.errors] == codes


def test_every_undefined_name_of_a_text_is_told() -> None:
    resolution = ValueResolver().resolve({"a": "{{ vars.one }}-{{ vars.text }}-{{ vars.two ~ vars.one }}"}, SCOPE)
    assert [(path, error.message) for path, error in resolution.errors] == [
        (("a",), "'vars.one' is not defined"),
        (("a",), "'vars.two' is not defined"),
    ]
    resolution = ValueResolver().resolve("{{ vars.one }} {{ vars.text | int }}", SCOPE)
    assert [error.code for _, error in resolution.errors] == ["SS0303", "SS0304"]


def test_mistakes_that_exhaust_the_budget_are_told() -> None:
    values = ValueResolver(Budget(100_000))
    text = "".join(f"{{{{ vars.x{number} }}}}" for number in range(50))
    found = values.resolve([text, text], values.scope(SCOPE.roots, SCOPE.output, {}))
    assert [type(error) for _, error in found.errors] == [ExhaustedError, ReportedError]


def test_a_value_without_expressions_is_the_same_object() -> None:
    value = {"a": ["b", {"c": 1}]}
    assert ValueResolver().resolve(value, SCOPE).value is value


def test_names_get_the_nearest_known_one() -> None:
    assert refusal_of("{{ vars.txet }}").hint == "did you mean 'text'?"
    assert refusal_of("{{ enviroment.name }}").hint == "did you mean 'environment'?"
    assert refusal_of("{{ vars.text | uper }}").hint == "did you mean 'upper'?"


NAMES = st.sampled_from(["vars", ".text", "['key']", "[0]", "upper", "default", "'a'", "1", "components", ".outputs"])
SIGNS = st.sampled_from(
    ["(", ")", "|", "~", "{{", "}}", "{%", "%}", "{#", "*", "**", "-", " ", "\n", ",", ":", "#", '"', "\\"]
)
WORDS = st.sampled_from(["if", "else", "not", "in", "is", "for", "set", "__class__", "cycler", "loop"])


@settings(max_examples=400)
@given(st.lists(NAMES | SIGNS | WORDS, max_size=14).map("".join))
def test_any_text_is_a_value_or_a_coded_error(inner: str) -> None:
    for text in (inner, "{{ " + inner + " }}", "a {{ " + inner):
        resolution = ValueResolver().resolve(text, SCOPE)
        for _, error in resolution.errors:
            assert error.code in ("SS0301", "SS0302", "SS0303", "SS0304", "SS0307")
