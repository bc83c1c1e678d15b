"""Files that age encrypted as a whole."""

from __future__ import annotations

from pathlib import Path

import pyrage
import pytest

from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.age_keys import KEY, OTHER, OpenedByAgeKeys
from tests.secret_stores.files import NO_LINES, as_dotenv, as_json, putting, refused


def encrypt(path: Path, text: str | bytes, *, armored: bool = False) -> None:
    """Put a text where it is to be, encrypted."""
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(pyrage.encrypt(data, [OTHER.to_public(), KEY.to_public()], armored=armored))


@pytest.fixture
def case(tmp_path: Path) -> StoreCase:
    """A file of JSON, and the key that opens it."""
    put = putting(lambda held: encrypt(tmp_path / "secrets.json.age", as_json(held)))
    return StoreCase("age", put, tmp_path, {"path": "secrets.json.age"}, {"SOPS_AGE_KEY": str(KEY)})


class TestJson(OpenedByAgeKeys):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        return case


class TestArmoredYaml(StoreConformance):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        case.put = putting(lambda held: encrypt(case.root / "secrets.age", as_json(held), armored=True))
        case.config = {"path": "secrets.age", "format": "yaml"}
        return case


class TestDotenv(StoreConformance):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        case.put = putting(lambda held: encrypt(case.root / ".env.prod.age", as_dotenv(held)))
        case.config = {"path": ".env.prod.age"}
        return case


YAML = """\
db: {password: hush-1, port: 05432, ratio: 1.10, "on": yes, none: ~}
list: [hush-first, {deep: hush-deep}]
"a.b": hush-dots
true: hush-true
8080: hush-port
flag: true
key: |
  -----BEGIN
  hush
"""


@pytest.mark.parametrize(
    ("path", "value"),
    {
        "db.password": "hush-1",
        "db.port": "05432",
        "db.ratio": "1.10",
        "db.on": "yes",
        "list[0]": "hush-first",
        "list[1].deep": "hush-deep",
        '["a.b"]': "hush-dots",
        "true": "hush-true",
        '["8080"]': "hush-port",
        "flag": "true",
        "key": "-----BEGIN\nhush\n",
    }.items(),
)
def test_a_value_is_its_text_as_it_is_written(path: str, value: str, case: StoreCase) -> None:
    encrypt(case.root / "secrets.yaml.age", YAML)
    case.config = {"path": "secrets.yaml.age"}
    assert case.read(path) == value


@pytest.mark.parametrize(
    ("path", "told"),
    {
        "db": "'db' in 'secrets.yaml.age' holds several values",
        "db.none": "'db.none' in 'secrets.yaml.age' is null",
        "db.passwrd": "'secrets.yaml.age' has no 'db.passwrd'; did you mean 'db.password'?",
        "list": "'list' in 'secrets.yaml.age' is a list",
        "list[2]": "'secrets.yaml.age' has no 'list[2]'",
        "8080": "'8080' is not a path",
        "": "'' is not a path",
        "db..password": "'db..password' is not a path",
        "nul\0": "is not a path",
    }.items(),
)
def test_paths_that_lead_to_no_value(path: str, told: str, case: StoreCase) -> None:
    encrypt(case.root / "secrets.yaml.age", YAML)
    case.config = {"path": "secrets.yaml.age"}
    assert told in refused(case.read(path), "SS0802")


def test_a_json_number_is_its_text_too(case: StoreCase) -> None:
    encrypt(case.root / "secrets.json.age", '{"a": 1.10, "b": 12345678901234567890123, "c": true, "d": null}')
    assert [case.read(path) for path in "abc"] == ["1.10", "12345678901234567890123", "true"]
    refused(case.read("d"), "SS0802")


def test_a_passphrase_in_the_place_of_a_key(case: StoreCase) -> None:
    (case.root / "secrets.json.age").write_bytes(pyrage.passphrase.encrypt(b'{"A": "hush"}', "hush"))
    refused(case.read("A"))


@pytest.mark.parametrize("armored", [False, True])
@pytest.mark.parametrize("at", [0, 30, 100, -40, -1])
def test_a_flipped_bit(at: int, armored: bool, case: StoreCase) -> None:
    encrypt(case.root / "secrets.json.age", '{"A": "hush"}', armored=armored)
    data = bytearray((case.root / "secrets.json.age").read_bytes())
    data[at] ^= 1
    (case.root / "secrets.json.age").write_bytes(data)
    answer = case.read("A")
    if answer != "hush":  # the line end behind an armored file is anybody's
        refused(answer)
    else:
        assert armored
        assert at == -1


def test_a_file_that_was_cut(case: StoreCase) -> None:
    case.put({"A": "hush"})
    file = case.root / "secrets.json.age"
    data = file.read_bytes()
    for length in range(0, len(data), 7):
        file.write_bytes(data[:length])
        refused(case.read("A"))


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize(
    "text",
    [
        b"hush", b"\xff\xfe", b"[hush]", b"{", b"a: &b hush\nb: *b", b"a: 1\n---\nb: 2", b"hush\0", b"[" * 40_000,
        b'{"a":' * 40_000, b"a: 1\na: 2", b'{"a": 1, "a": 2}', b"<<: {a: hush}", b"? [a]\n: hush", b'{"a": "\\ud800"}',
        b"a: hush: hush", b"\ta: hush",
    ],
    ids=lambda text: str(text[:30]),
)  # fmt: skip
def test_what_is_no_document(form: str, text: bytes, case: StoreCase) -> None:
    encrypt(case.root / "secrets", text)
    case.config = {"path": "secrets", "format": form}
    refused(case.read("a"))


def test_a_name_that_tells_no_format(case: StoreCase) -> None:
    encrypt(case.root / "secrets.txt.age", "A=hush")
    case.config = {"path": "secrets.txt.age"}
    assert "write format: dotenv, yaml or json under config" in refused(case.read("A"))
    case.config = {"path": "secrets.txt.age", "format": "dotenv"}
    assert case.read("A") == "hush"


def test_names_of_a_dotenv_file(case: StoreCase) -> None:
    encrypt(case.root / "secrets.env.age", "A='$HOME'\nexport B=hush\nEMPTY=\n")
    case.config = {"path": "secrets.env.age"}
    assert [case.read(path) for path in ("A", "B", "EMPTY")] == ["$HOME", "hush", ""]
    assert "known: A, B" in refused(case.read("NOWHERE"), "SS0802")


@pytest.mark.parametrize("line", NO_LINES)
def test_lines_of_a_dotenv_file_that_cannot_be_read(line: str, case: StoreCase) -> None:
    encrypt(case.root / "secrets.env.age", f"A=1\n{line}\n")
    case.config = {"path": "secrets.env.age"}
    for path in ("A", "NOWHERE"):
        said = refused(case.read(path))
        assert "line 2 of 'secrets.env.age' cannot be read" in said
        assert line not in said
