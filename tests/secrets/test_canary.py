"""What looks for secrets finds them."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.secrets.canary import forms, in_files, traces

SECRET = 'C4nary-"0f-thé\n-m1ne'


@pytest.mark.parametrize("name", forms(SECRET))
def test_each_form_is_found(name: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"it is " + forms(SECRET)[name] + b", I think")
    assert f"{tmp_path / 'log'}: {name}" in in_files(tmp_path, SECRET)
    assert in_files(tmp_path, "an0ther-one") == in_files(tmp_path, SECRET, but=[tmp_path / "log"]) == []


@pytest.mark.parametrize("before", ["", "a", "ad", "ada", "ada:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.b32encode, base64.b16encode])
def test_it_is_found_in_the_middle_of_what_is_encoded(before: str, encode: Callable[[bytes], bytes]) -> None:
    assert traces(encode(f"{before}{SECRET}@host".encode()), SECRET)


def test_it_is_found_in_names_and_in_json_that_is_in_json(tmp_path: Path) -> None:
    (tmp_path / quote(SECRET)).mkdir()
    (found,) = in_files(tmp_path, SECRET)[:1]
    assert found.startswith("name of ")
    assert "json in json" in traces(json.dumps({"a": json.dumps({"b": SECRET})}).encode(), SECRET)


def test_it_is_found_where_a_database_has_let_go_of_it(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "one.db")) as database:
        database.execute("PRAGMA secure_delete = OFF")  # which Debian turns on
        database.execute("CREATE TABLE one (value TEXT)")
        database.execute("INSERT INTO one VALUES (?)", [f"{SECRET}{'x' * 9000}"])
        database.commit()
        database.execute("DELETE FROM one")
        database.commit()
    assert in_files(tmp_path, SECRET)
