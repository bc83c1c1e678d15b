"""Files that GnuPG encrypted, opened by the real one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.files import as_dotenv, as_json, putting, refused
from tests.secret_stores.gnupg import ADDRESS, OTHER, encrypt, gpg, home, needs_program, variables

__all__ = ["home"]

pytestmark = needs_program("gpg", "gnupg")


@pytest.fixture
def case(tmp_path: Path, home: Path) -> StoreCase:
    """A file of YAML, and the home of the key that opens it."""
    put = putting(lambda held: encrypt(home, tmp_path / "secrets.yaml.gpg", as_json(held)))
    return StoreCase("gpg", put, tmp_path, {"path": "secrets.yaml.gpg"}, variables(home))


class TestYaml(StoreConformance):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        return case


class TestArmoredDotenv(StoreConformance):
    @pytest.fixture
    def case(self, case: StoreCase, home: Path) -> StoreCase:
        case.put = putting(lambda held: encrypt(home, case.root / "secrets.env.asc", as_dotenv(held), "--armor"))
        case.config = {"path": "secrets.env.asc"}
        return case


def test_a_path_inside_the_file(case: StoreCase, home: Path) -> None:
    encrypt(home, case.root / "-secrets.json.gpg", '{"db": {"password": "hush"}}')
    case.config = {"path": "-secrets.json.gpg"}
    assert case.read("db.password") == "hush"
    assert "did you mean 'db.password'?" in refused(case.read("db.pasword"), "SS0802")


def test_no_file(case: StoreCase) -> None:
    assert "there is no file 'secrets.yaml.gpg'" in refused(case.read("A"), "SS0802")


def test_another_key(case: StoreCase, home: Path) -> None:
    encrypt(home, case.root / "secrets.yaml.gpg", "A: hush", to=OTHER)
    assert "none of the GnuPG keys here opens 'secrets.yaml.gpg'" in refused(case.read("A"))


def test_a_passphrase_in_the_place_of_a_key(case: StoreCase, home: Path) -> None:
    words = ["--pinentry-mode", "loopback", "--passphrase", "hush", "--no-symkey-cache", "--symmetric"]
    (case.root / "secrets.yaml.gpg").write_bytes(gpg(home, *words, text="A: hush"))
    assert "gpg --decrypt of 'secrets.yaml.gpg' failed with exit code 2" in refused(case.read("A"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("flip", "'secrets.yaml.gpg' was changed or cut after it was encrypted"),
        ("cut", "'secrets.yaml.gpg' was changed or cut after it was encrypted"),
        ("plain", "'secrets.yaml.gpg' is not a file that gpg encrypted; encrypt it: gpg --encrypt"),
        ("empty", "'secrets.yaml.gpg' is not a file that gpg encrypted; encrypt it: gpg --encrypt"),
    ],
)
def test_a_file_that_was_changed(change: str, told: str, case: StoreCase, home: Path) -> None:
    case.put({"A": "hush"})
    file = case.root / "secrets.yaml.gpg"
    data = bytearray(file.read_bytes())
    if change == "flip":
        data[-30] ^= 1
    elif change == "cut":
        del data[-30:]
    else:
        data = bytearray(b"A: hush" if change == "plain" else b"")
    file.write_bytes(data)
    assert told in refused(case.read("A"))


def test_a_file_that_was_encrypted_without_a_check_of_changes(case: StoreCase, home: Path) -> None:
    encrypt(home, case.root / "secrets.yaml.gpg", "A: hush", "--rfc2440", "--disable-mdc")
    assert "is not encrypted so that a change would show" in refused(case.read("A"))


@pytest.mark.parametrize(
    "options",
    [["--store"], ["--sign"], ["--clear-sign"], ["--rfc2440", "--disable-mdc", "--encrypt"]],
    ids=lambda options: options[-1],
)
def test_what_gpg_reads_though_nobody_encrypted_it(options: list[str], case: StoreCase, home: Path) -> None:
    to = ["--trust-model", "always", "--recipient", ADDRESS] if "--encrypt" in options else []
    written = gpg(home, *to, *options, text="A: hush\n")
    (case.root / "secrets.yaml.gpg").write_bytes(written)
    (home / "gpg.conf").write_text("ignore-mdc-error\n" if to else "")
    try:
        said = refused(case.read("A"))
    finally:
        (home / "gpg.conf").unlink()
    assert "'secrets.yaml.gpg' is not encrypted" in said


def test_what_was_checked_is_what_is_decrypted(
    case: StoreCase, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file put in its place while gpg is started is not read."""
    case.put({"A": "hush"})
    folder = tmp_path_factory.mktemp("bin")
    (folder / "gpg").write_text(f'#!/bin/sh\nrm {case.root}/secrets.yaml.gpg; exec {shutil.which("gpg")} "$@"\n')
    (folder / "gpg").chmod(0o700)
    case.environ["PATH"] = f"{folder}:{case.environ['PATH']}"
    assert case.read("A") == "hush"


def test_what_is_in_it_is_no_document(case: StoreCase, home: Path) -> None:
    encrypt(home, case.root / "secrets.yaml.gpg", "A: hush: hush")
    assert "is not YAML (line 1)" in refused(case.read("A"))


def test_a_small_file_that_grows(case: StoreCase, home: Path) -> None:
    encrypt(home, case.root / "secrets.yaml.gpg", b"A: hush\n" + b"#" * (2 << 20))
    assert (case.root / "secrets.yaml.gpg").stat().st_size < 10_000
    assert "printed more than 1 MiB" in refused(case.read("A"))


def test_there_is_no_gpg(case: StoreCase) -> None:
    case.put({"A": "hush"})
    case.environ["PATH"] = "/nonexistent"
    said = refused(case.read("A"), "SS0803")
    assert "the program 'gpg' is not installed; run: apt-get install gnupg" in said


def test_a_link_out_of_the_project(case: StoreCase, home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secrets.yaml.gpg"
    encrypt(home, outside, "A: hush")
    (case.root / "secrets.yaml.gpg").symlink_to(outside)
    assert "outside the project" in refused(case.read("A"))
    case.allowed_paths = (outside.parent,)
    assert case.read("A") == "hush"
