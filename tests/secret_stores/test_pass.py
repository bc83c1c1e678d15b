"""Entries of a password store, shown by the real `pass`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.files import refused, told
from tests.secret_stores.gnupg import ADDRESS, OTHER, encrypt, home, needs_program, variables

__all__ = ["home"]

pytestmark = needs_program("pass", "pass")


@pytest.fixture
def case(tmp_path: Path, home: Path) -> StoreCase:
    """A password store in the project."""

    def put(values: Mapping[str, str]) -> None:
        for path, value in values.items():
            encrypt(home, tmp_path / "store" / f"{path}.gpg", f"{value}\nuser: ada\n")

    (tmp_path / "store").mkdir()
    (tmp_path / "store" / ".gpg-id").write_text(f"{ADDRESS}\n")
    return StoreCase("pass", put, tmp_path, {"directory": "store"}, variables(home))


class TestPass(StoreConformance):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        return case

    @pytest.fixture
    def paths(self) -> tuple[str, str, str]:
        return ("team/db password", "-c", "team/nowhere")


def test_where_the_store_is_looked_for(case: StoreCase, home: Path) -> None:
    case.put({"A": "hush"})
    case.config = {}
    refused(case.read("A"), "SS0802")
    case.environ["PASSWORD_STORE_DIR"] = str(case.root / "store")
    assert case.read("A") == "hush"
    del case.environ["PASSWORD_STORE_DIR"]
    (case.root / "store").rename(case.root / ".password-store")
    case.environ["HOME"] = str(case.root)
    assert case.read("A") == "hush"


@pytest.mark.parametrize("configured", [True, False])
def test_a_store_that_does_not_exist_is_named(configured: bool, case: StoreCase) -> None:
    case.config = {"directory": "elsewhere"} if configured else {}
    case.environ["PASSWORD_STORE_DIR"] = str(case.root / "nowhere")
    told = "elsewhere" if configured else case.root / "nowhere"
    assert f"there is no password store '{told}'" in refused(case.read("A"), "SS0802")


def test_names_of_the_same_folder_are_told(case: StoreCase) -> None:
    case.put({"db": "hush", "team/token": "hush"})
    assert "has no 'dbb'; did you mean 'db'?" in refused(case.read("dbb"), "SS0802")
    assert "has no 'team/tokn'; did you mean 'team/token'?" in refused(case.read("team/tokn"), "SS0802")
    assert "has no 'tema/token', nor a folder 'tema'" in refused(case.read("tema/token"), "SS0802")


@pytest.mark.parametrize("path", ["../A", "/etc/passwd", "team/../../A", "nul\0"])
def test_a_name_that_leads_out_of_the_store(path: str, case: StoreCase) -> None:
    refused(case.read(path))


def test_a_folder_is_no_entry(case: StoreCase) -> None:
    case.put({"team/db": "hush"})
    for path in ("team", "team/", ""):
        refused(case.read(path), "SS0802")


def test_only_the_first_line(case: StoreCase, home: Path) -> None:
    for text in ("hush", "hush\n", "hush\n\nmore\n"):
        encrypt(home, case.root / "store" / "A.gpg", text)
        assert case.read("A") == "hush"
    encrypt(home, case.root / "store" / "A.gpg", b"\xff\xfe hush")
    assert "the entry 'A' is not UTF-8 text" in refused(case.read("A"))


def test_an_entry_that_does_not_open(case: StoreCase, home: Path) -> None:
    encrypt(home, case.root / "store" / "A.gpg", "hush", to=OTHER)
    assert "pass show 'A' failed with exit code" in refused(case.read("A"))
    case.put({"B": "v"})
    assert told(case.read_together("A", "B")) == ["SS0804", "v"]
    (case.root / "store" / "A.gpg").write_text("hush")
    refused(case.read("A"))


def test_there_is_no_pass(case: StoreCase) -> None:
    case.environ["PATH"] = "/nonexistent"
    assert "the program 'pass' is not installed; run: apt-get install pass" in refused(case.read("A"), "SS0803")


def test_a_store_out_of_the_project(case: StoreCase) -> None:
    case.config = {"directory": "../elsewhere"}
    assert "outside the project" in refused(case.read("A"))


def test_an_entry_that_is_a_link_out_of_the_project(
    case: StoreCase, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "A.gpg"
    encrypt(home, outside, "hush")
    (case.root / "store" / "A.gpg").symlink_to(outside)
    assert "outside the project" in refused(case.read("A"))
    case.allowed_paths = (outside.parent,)
    assert case.read("A") == "hush"
