"""Paths into entries, and many entries at once."""

from __future__ import annotations

from threading import Barrier
from time import sleep

import pytest

from stackspec.core.secret import Secret
from stackspec.secret_stores.contract import Missing, StoreError
from stackspec.secret_stores.entries import AT_ONCE, each, entry_of, value_in, value_of


@pytest.mark.parametrize(("path", "entry"), [("a/b#c", "a/b"), ("a/b", "a/b"), ("a#b#c", "a#b"), ("#c", ""), ("", "")])
def test_the_entry_of_a_path(path: str, entry: str) -> None:
    assert entry_of(path) == entry


def test_no_field_of_several_is_guessed() -> None:
    assert value_in({"a": "1", "b": "2"}, "e") == Missing("'e' holds several values: name one", ("a", "b"))
    assert value_in({}, "e") == Missing("'e' holds several values: name one", ())
    assert value_in({"a": "1"}, "e#b") == Missing("there is no 'b' in 'e'", ("a",))


def test_a_text_is_taken_apart_only_where_a_field_is_named() -> None:
    whole, part = value_of('{"a": "1"}', "e"), value_of('{"a": "1"}', "e#a")
    assert isinstance(whole, Secret)
    assert isinstance(part, Secret)
    assert (whole.reveal(), part.reveal()) == ('{"a": "1"}', "1")
    assert value_of('["canary"]', "e#a") == Missing("there is no 'a' in 'e'")


@pytest.mark.parametrize("text", ["canary", "", '{"canary": ', "\N{GRINNING FACE}", "{'canary': 1}"])
def test_a_field_of_what_is_not_json(text: str) -> None:
    answer = value_of(text, "e#a")
    assert isinstance(answer, StoreError)
    assert answer.unfit
    assert (answer.__cause__, answer.__context__) == (None, None)
    assert "canary" not in f"{answer.message}{answer.hint}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1.10}', "1.10"), ('{"a": 12345678901234567890}', "12345678901234567890"), ('{"a": true}', "true"),
        ('{"a": ""}', ""), ('{"a": "\\ud83d\\ude00"}', "\N{GRINNING FACE}"),
    ],
)  # fmt: skip
def test_a_field_is_what_is_written(text: str, value: str) -> None:
    answer = value_of(text, "e#a")
    assert isinstance(answer, Secret)
    assert answer.reveal() == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"a": null}', Missing), ('{"a": ["canary"]}', Missing), ('{"a": {"b": "canary"}}', Missing),
        ('{"a": "canary \\ud83d"}', StoreError), ('{"a": "canary", "a": "canary"}', StoreError),
        ('{"a":' * 40_000, StoreError), ('{"a": 1' + "0" * 5_000 + "}", Secret),
    ],
    ids=lambda one: str(one)[:20],
)  # fmt: skip
def test_a_field_of_something_else(text: str, kind: type) -> None:
    answer = value_of(text, "e#a")
    assert type(answer) is kind
    assert "canary" not in f"{answer}"


def test_so_many_are_under_way_at_once() -> None:
    together = Barrier(AT_ONCE, timeout=10)
    assert len(each(lambda _: together.wait(), range(AT_ONCE))) == AT_ONCE


def test_each_is_asked_once() -> None:
    asked: list[int] = []
    assert each(lambda key: asked.append(key), [1, 2, 1, 2, 3, 1]) == {1: None, 2: None, 3: None}
    assert sorted(asked) == [1, 2, 3]
    assert each(asked.append, []) == {}


def test_nothing_is_begun_after_an_error() -> None:
    asked: list[int] = []

    def ask(key: int) -> None:
        asked.append(key)
        sleep(0.01)
        if key == 3:
            raise StoreError("three")

    with pytest.raises(StoreError, match="three"):
        each(ask, range(1000))
    count = len(asked)
    sleep(0.1)
    assert count <= 3 * AT_ONCE
    assert len(asked) <= count + AT_ONCE
