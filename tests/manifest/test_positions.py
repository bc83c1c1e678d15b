"""Every value has a place, and what stands there is the value."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.manifest.reading import documents_of, independent_reading, paths_of, text_at

CHARACTERS = st.characters(exclude_categories=("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))
WORDS = st.sampled_from(
    ["no", "on", "010", "0o17", "0x1f", "1e3", ".5", "~", "null", "true", "2024-01-01", "1:30", "<<"]
)
SIGNS = st.sampled_from(
    ["'", '"', "%", "@", "&a", "*a", "!t", "|", ">", "[", "}", ",", "?", "-", "", " ", "\n", "é", "𝒳"]
)
PHRASES = st.sampled_from(["- a", "# b", "a: b", "{{ vars.x }}", "a\nb\n", "  a", "a\n\n  b"])
TEXTS = (
    WORDS | SIGNS | PHRASES | st.text(CHARACTERS, max_size=30) | st.text(st.sampled_from("ab: #\n-'\"{}"), max_size=20)
)
KEYS = st.text(st.sampled_from("abcé: #-'\"{}1.~"), min_size=1, max_size=12)
SCALARS = (
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


STYLES = ("plain", "'", '"', "|", ">")


INDENTED = re.compile(r" *[|>][0-9]")
"""The head of a block whose indentation counts from its parent's, which a text by itself does not have."""


def dumper(style: str) -> type[yaml.SafeDumper]:
    """A dumper that writes no aliases, and text in one style."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(self: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=None if style == "plain" else style)

    Dumper.add_representer(str, text)
    return Dumper


DUMPERS = {style: dumper(style) for style in STYLES}


def dumped(value: Any, flow: bool | None, style: str, indent: int, width: int) -> str:
    text: str = yaml.dump(
        value,
        Dumper=DUMPERS[style],
        default_flow_style=flow,
        indent=indent,
        width=width,
        allow_unicode=True,
        sort_keys=False,
    )
    return text


@settings(max_examples=300)
@given(
    value=VALUES,
    flow=st.sampled_from([True, False, None]),
    style=st.sampled_from(STYLES),
    indent=st.integers(2, 6),
    width=st.sampled_from([20, 80, 1000]),
)
def test_reads_what_an_independent_reader_reads_and_knows_where(
    value: Any, flow: bool | None, style: str, indent: int, width: int
) -> None:
    text = dumped(value, flow, style, indent, width)
    documents, problems = documents_of(text)
    expected = independent_reading(text)
    if expected is None:
        assert documents == []
        return
    assert problems == []
    (document,) = documents
    assert repr(document.value) == repr(expected)
    for path, item in paths_of(document.value):
        written = text_at(text, document.span(path))
        if not INDENTED.match(written):
            assert repr(independent_reading(written)) == repr(item), path
        if path and isinstance(path[-1], str):
            assert independent_reading(text_at(text, document.span(path, key=True))) == path[-1]


@settings(max_examples=100)
@given(value=st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20))
def test_json_is_yaml(value: Any) -> None:
    import json

    documents, problems = documents_of(json.dumps(value, ensure_ascii=False))
    assert problems == []
    if value is not None:
        assert repr(documents[0].value) == repr(json.loads(json.dumps(value)))


TEXT = """\
kind: Stack  # comment
spec:
  plain: some words
  quoted: 'it''s'
  folded: >-
    one
    two
  flow: {a: [1, 22], "b c": ~}
  empty:
  list:
  - x
  -   deep: yes
  alias: &here {k: v}
  again: *here
"""


@pytest.mark.parametrize(
    ("path", "place", "written"),
    [
        (("kind",), "1:7", "Stack"),
        (("spec", "plain"), "3:10", "some words"),
        (("spec", "quoted"), "4:11", "'it''s'"),
        (("spec", "flow"), "8:9", '{a: [1, 22], "b c": ~}'),
        (("spec", "flow", "a"), "8:13", "[1, 22]"),
        (("spec", "flow", "a", 1), "8:17", "22"),
        (("spec", "flow", "b c"), "8:29", "~"),
        (("spec", "empty"), "9:9", ""),
        (("spec", "list", 0), "11:5", "x"),
        (("spec", "list", 1, "deep"), "12:13", "yes"),
        (("spec", "again"), "14:10", "*here"),
    ],
)
def test_the_place_of_a_value(path: tuple[str | int, ...], place: str, written: str) -> None:
    ((document,), _) = documents_of(TEXT)
    span = document.span(path)
    assert str(span) == f"a.yaml:{place}"
    assert text_at(TEXT, span).lstrip() == written


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("spec", "nothing"), "2:1"),
        (("spec", "flow", "nothing", "deeper"), "8:3"),
        (("spec", "list", 7), "10:3"),
        (("no",), "1:1"),
    ],
)
def test_what_is_missing_stands_where_it_is_missed(path: tuple[str | int, ...], place: str) -> None:
    ((document,), _) = documents_of(TEXT)
    assert str(document.span(path)) == f"a.yaml:{place}"


def test_columns_count_characters() -> None:
    ((document,), _) = documents_of("ключ: {é𝒳: здесь}\n")
    assert str(document.span(("ключ", "é𝒳"))) == "a.yaml:1:12"
