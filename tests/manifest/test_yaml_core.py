"""What plain YAML means: the 1.2 core schema, and a place for everything outside it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.manifest.reading import codes, independent_reading, read

TEXT = [
    "no",
    "No",
    "on",
    "off",
    "yes",
    "y",
    "n",
    "010",
    "-010",
    "0o9",
    "0o",
    "0x",
    "0xg",
    "0b11",
    "1_000",
    "12:30:45",
    "1:59",
]
TEXT += ["2024-01-31", "2024-01-31T10:00:00Z", "1.2.3", "1e", "1e+", ".", "+", "-x", "+-1", "0x-1", "-0x1", "=", "nULL"]
TEXT += [
    "tRUE",
    "None",
    "nil",
    "..5",
    "1.5.",
    "0.1e1.5",
    "00",
    "0008",
    "1,000",
    "٣",
    "1٣",
    "½",
    "0o17a",
    "e3",
    "TRUe",
    ".e3",
]

VALUES: list[tuple[str, Any]] = [
    ("", None),
    ("~", None),
    ("null", None),
    ("Null", None),
    ("NULL", None),
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("false", False),
    ("FALSE", False),
    ("0", 0),
    ("-0", 0),
    ("+12", 12),
    ("-19", -19),
    ("0o17", 15),
    ("0x1F", 31),
    ("0xdeadBEEF", 0xDEADBEEF),
    ("9223372036854775807", 2**63 - 1),
    ("-9999999999999999999", -9_999_999_999_999_999_999),
    ("1e3", 1000.0),
    ("1E-3", 0.001),
    (".5", 0.5),
    ("-.5", -0.5),
    ("1.", 1.0),
    ("1.e2", 100.0),
    ("6.022e+23", 6.022e23),
    ("0.0", 0.0),
    ("'1'", "1"),
    ('"true"', "true"),
    ('"\\x41\\u0042"', "AB"),
    ("!!str 1", "1"),
    ("!!int 7", 7),
    ("!!float 7", 7.0),
    ("!!bool true", True),
    ("!!null ~", None),
    ("|\n  one\n  two\n", "one\ntwo\n"),
    (">-\n  one\n  two\n", "one two"),
    ("one\n  two", "one two"),
    ("a#b", "a#b"),
    ("http://x:80/", "http://x:80/"),
]


@pytest.mark.parametrize("text", TEXT)
def test_stays_the_text_a_person_typed(text: str) -> None:
    assert read(f"key: {text}\n") == ([{"key": text}], [])


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_means(text: str, value: Any) -> None:
    ((document,), problems) = read(f"key: {text}\n")
    assert problems == []
    assert document == {"key": value}
    assert type(document["key"]) is type(value)


@pytest.mark.parametrize("text", [text for text, _ in VALUES if not text.startswith("!")] + TEXT)
def test_an_independent_reading_agrees(text: str) -> None:
    assert read(f"key: {text}\n")[0] == [independent_reading(f"key: {text}\n")]


@pytest.mark.parametrize(
    "text",
    [
        ".inf",
        "-.inf",
        "+.Inf",
        ".INF",
        ".nan",
        ".NaN",
        ".NAN",
        "1e999",
        "-1e400",
        "1" * 20,
        "-" + "9" * 20,
        "0x" + "f" * 17,
    ],
)
def test_numbers_that_json_cannot_carry_are_errors(text: str) -> None:
    assert codes(f"key: {text}\n") == ["SS0110"]
    assert codes(f"key: '{text}'\n") == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{a: 1, a: 2}", "SS0108"),
        ("{a: 1, 'a': 2}", "SS0108"),
        ('{"a": 1, "\\x61": 2}', "SS0108"),
        ("a: &x {b: 1}\nc: {<<: *x}", "SS0109"),
        ("a: {<<: {b: 1}}", "SS0109"),
        ("1: x", "SS0109"),
        ("true: x", "SS0109"),
        ("~: x", "SS0109"),
        ("? [a]\n: x", "SS0109"),
        ("? {a: b}\n: x", "SS0109"),
        ("a: &k b\n*k : x", "SS0109"),
        ("&k a: b", "SS0109"),
        ("!!int 1: b", "SS0109"),
        ("a: !x b", "SS0109"),
        ("a: ! 12", "SS0109"),
        ("a: !!timestamp 2024-01-01", "SS0109"),
        ("a: !!binary aGk=", "SS0109"),
        ("a: !!python/name:os.system ''", "SS0109"),
        ("a: !!set {x}", "SS0109"),
        ("a: !!map [x]", "SS0109"),
        ("a: !!int x", "SS0109"),
        ("a: !!bool yes", "SS0109"),
        ("a: {{ vars.x }}", "SS0109"),
        ("a: *nothing", "SS0107"),
        ("a: &x [*x]", "SS0107"),
        ("a: [", "SS0107"),
        ("a: b: c", "SS0107"),
        ("\ta: b", "SS0107"),
        ("%YAML 3.0\n---\na: b", "SS0107"),
        ("a: @x", "SS0107"),
        ('a: "\\q"', "SS0107"),
        ("a: b\x00", "SS0105"),
        ("a: b\x1b[31m", "SS0105"),
        ("a: b\u202e", "SS0105"),
        ("a: b\u200b", "SS0105"),
        ("a: \ufeffb", "SS0105"),
        ("a: b\x7f", "SS0105"),
        ('a: "\\0"', "SS0105"),
        ('a: "\\e"', "SS0105"),
        ('a: "\\u2066"', "SS0105"),
        ('"\\u200b": a', "SS0105"),
        ('a: !!str "\\u200b"', "SS0105"),
        ("a: " + "[" * 49 + "]" * 49, "SS0106"),
        ("a:\n" + "".join(" " * level + "- \n" for level in range(1, 60)), "SS0106"),
        ("- " * 60, "SS0106"),
        ("[" + "a," * 20_001 + "]", "SS0106"),
        ("a: " + "x" * (1024 * 1024), "SS0106"),
        ("a: " + "é" * (600 * 1024), "SS0106"),
        ("- &a 1\n" + "- *a\n" * 201, "SS0106"),
        ("- &a [" + "1," * 300 + "]\n" + "- *a\n" * 150, "SS0106"),
    ],
)
def test_refused(text: str, code: str) -> None:
    assert codes(text) == [code]


@pytest.mark.parametrize(
    "data",
    [
        "a: é".encode("latin-1"),
        "a: b".encode("utf-16"),
        "a: b".encode("utf-16-le"),
        "a: b".encode("utf-32"),
        b"a: \xed\xa0\x80",
        b"a: \xc0\xaf",
        b"a: \xf5\x80\x80\x80",
        b"a: \xff",
    ],
)
def test_other_encodings_are_refused(data: bytes) -> None:
    assert codes(data) in (["SS0104"], ["SS0105"])


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "---", "--- \n---\n...\n", "\ufeff", "---\n~\n"])
def test_nothing_is_no_document(text: str) -> None:
    assert read(text) == ([], [])


def test_a_byte_order_mark_at_the_start_is_no_character() -> None:
    assert read("\ufeffa: b") == ([{"a": "b"}], [])


def test_just_within_the_bounds() -> None:
    assert codes("[" * 48 + "]" * 48) == []
    assert codes("[" + "a," * 19_999 + "]") == []
    assert codes("- &a 1\n" + "- *a\n" * 200) == []
    assert codes("a: " + "x" * (1024 * 1024 - 10)) == []


def test_aliases_repeat_values() -> None:
    assert read("a: &x {b: [1]}\nc: *x\nd: [*x, *x]")[0] == [{"a": {"b": [1]}, "c": {"b": [1]}, "d": [{"b": [1]}] * 2}]
    assert read("- &x 1\n- &x 2\n- *x")[0] == [[1, 2, 2]]


def test_documents_before_a_syntax_error_are_read() -> None:
    values, problems = read("a: 1\n---\nb: 2\n---\nc: [\n")
    assert values == [{"a": 1}, {"b": 2}]
    assert [problem.code for problem in problems] == ["SS0107"]


def test_crlf_and_lone_carriage_returns_keep_lines_right() -> None:
    values, problems = read("a: 1\r\nb: .inf\r\n")
    assert values == [{"a": 1, "b": 0}]
    assert [str(problem.source) for problem in problems] == ["a.yaml:2:4"]
