"""What is hidden in texts."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import shlex
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackspec.core.expression import HIDDEN
from stackspec.core.secret import Redactor

WORDS = st.text("0123456789ABCDEFGHKLMNÄß'\"<&%\\/+= ", min_size=4, max_size=12).filter(
    lambda text: text.strip() == text
)


def redactor(*values: object) -> Redactor:
    one = Redactor()
    for value in values:
        one.add(value)
    return one


@given(st.lists(WORDS, min_size=1, max_size=4), st.data())
def test_no_value_is_in_what_is_left(secrets: list[str], data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.sampled_from([*secrets, *(one[:-1] for one in secrets), "-", "xyz"]), max_size=12))
    shown = redactor(*secrets).hidden("".join(parts))
    assert [one for one in secrets if one in shown] == []


@given(st.lists(WORDS, max_size=4), st.text("uvwxyz.:", max_size=40))
def test_a_text_without_any_is_left_as_it_is(secrets: list[str], text: str) -> None:
    assert redactor(*secrets).hidden(text) == text


@pytest.mark.parametrize("order", [1, -1])
def test_one_that_begins_or_overlaps_another(order: int) -> None:
    both = ["fraud", "fraud-Xy12TAIL", "TAIL-end"]
    assert redactor(*both[::order]).hidden("at fraud-Xy12TAIL-end, for fraud") == f"at {HIDDEN}, for {HIDDEN}"


@pytest.mark.parametrize(
    "form",
    [
        html.escape,
        shlex.quote,
        json.dumps,
        repr,
        quote,
        lambda text: quote(text, safe="").lower(),
        lambda text: repr(text.encode()),
        lambda text: base64.b64encode(f"admin:{text}".encode()).decode(),
        lambda text: base64.urlsafe_b64encode(f"me:{text}@".encode()).decode(),
        lambda text: text.encode().hex().upper(),
    ],
)
def test_forms_that_libraries_bring_a_value_in(form: object) -> None:
    secret = "pä<s>s&w'\"rd/1 of=many%40"
    assert callable(form)
    shown = redactor(secret).hidden(f"it said {form(secret)}")
    assert HIDDEN in shown
    assert not any(
        part in shown for part in ("rd/1", "many", "s&", "s&amp;", base64.b64encode(b"of=many")[1:7].decode())
    )


def test_each_line_of_a_key() -> None:
    key = "-----BEGIN KEY-----\nMIIEbodyline0001\nMIIEbodyline0002\n-----END KEY-----\n"
    assert redactor(key).hidden("read MIIEbodyline0002 of it") == f"read {HIDDEN} of it"


def test_texts_inside_a_value_and_parts_of_a_path() -> None:
    one = redactor({"user": "ada-the-user", "more": ["deep-inside", {"n": 5432}]})
    assert one.hidden("ada-the-user: deep-inside on 5432") == f"{HIDDEN}: {HIDDEN} on 5432"
    assert redactor("./artifacts//s3cret-part").hidden("/home/artifacts/s3cret-part") == f"/home/{HIDDEN}"
    other = Redactor()
    other.add("../s3cret-part", parts=True)
    assert other.hidden("/home/s3cret-part") == f"/home/{HIDDEN}"


def test_a_redactor_goes_nowhere() -> None:
    one = redactor("some-secret")
    assert "some-secret" not in repr(one)
    for carry in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            carry(one)
    assert HIDDEN in Redactor.hidden_by_any("it was some-secret")
