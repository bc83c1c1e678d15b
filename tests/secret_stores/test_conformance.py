"""The suite that every secret store passes, over each of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from stackspec.secret_stores.values import Unavailable
from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.files import NO_LINES, PRIVATE_KEY, as_dotenv, putting, refused, told, write_private


class TestEnv(StoreConformance):
    @pytest.fixture
    def case(self, tmp_path: Path) -> StoreCase:
        environ: dict[str, str] = {}
        return StoreCase("env", environ.update, tmp_path, environ=environ)

    def test_a_prefix(self, case: StoreCase) -> None:
        case.put({"APP_TOKEN": "t"})
        case.config = {"prefix": "APP_"}
        assert case.read("TOKEN") == "t"

    @pytest.mark.parametrize("name", ["STACKSPEC_PLAN_KEY", "STACKSPEC_SECRETS_KEY"])
    def test_keys_of_our_own_are_no_secrets_of_manifests(self, name: str, case: StoreCase) -> None:
        case.put({name: "k" * 40})
        answer = case.read(name)
        assert isinstance(answer, Unavailable)
        assert (answer.code, "kkk" in answer.message) == ("SS0804", False)

    def test_bytes_that_are_no_text(self, case: StoreCase) -> None:
        case.put({"BYTES": "not UTF-8: \udcff"})
        answer = case.read("BYTES")
        assert isinstance(answer, Unavailable)
        assert answer.message == "secrets.name.key: the variable BYTES is not UTF-8 text"


class Files(StoreConformance):
    """What stores of files do beside."""

    file = ""
    """Where a value, or all of them, are."""

    def test_a_file_that_others_can_read_is_refused(self, case: StoreCase, paths: tuple[str, str, str]) -> None:
        case.put({paths[0]: "v"})
        (case.root / self.file).chmod(0o644)
        answer = case.read(paths[0])
        assert isinstance(answer, Unavailable)
        assert (answer.code, answer.hint) == ("SS0804", f"run: chmod 600 {self.file}")

    @pytest.mark.skipif(os.geteuid() != 0, reason="who is not root gives no file to another user")
    def test_a_file_of_another_user_is_refused(self, case: StoreCase, paths: tuple[str, str, str]) -> None:
        case.put({paths[0]: "hush"})
        os.chown(case.root / self.file, 1234, -1)
        said = refused(case.read(paths[0]))
        assert f"'{self.file}' belongs to another user (uid 1234), who can read and write it" in said
        assert said.endswith(f"run: chown 0 {self.file}")

    @pytest.mark.parametrize("mode", [0o777, 0o707, 0o702])
    def test_a_file_that_everybody_may_replace_is_refused(
        self, mode: int, case: StoreCase, paths: tuple[str, str, str]
    ) -> None:
        case.put({paths[0]: "v"})
        for folder in {(case.root / self.file).parent, case.root}:
            folder.chmod(mode)
            said = refused(case.read(paths[0]))
            folder.chmod(0o700)
            assert f"'{self.file}' can be replaced by anybody" in said
            assert said.endswith(f"run: chmod o-w {folder}")

    @pytest.mark.parametrize("mode", [0o1777, 0o775, 0o755])
    def test_folders_in_which_only_some_may_replace_a_file(
        self, mode: int, case: StoreCase, paths: tuple[str, str, str]
    ) -> None:
        case.put({paths[0]: "v"})
        (case.root / self.file).parent.chmod(mode)
        assert case.read(paths[0]) == "v"

    def test_a_folder_in_its_place(self, case: StoreCase, paths: tuple[str, str, str]) -> None:
        (case.root / self.file).mkdir(parents=True)
        answer = case.read(paths[0])
        assert isinstance(answer, Unavailable)
        assert (answer.code, "it is a folder" in answer.message) == ("SS0804", True)

    def test_a_fifo_in_its_place_hangs_nothing(self, case: StoreCase, paths: tuple[str, str, str]) -> None:
        (case.root / self.file).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(case.root / self.file)
        answer = case.read(paths[0])
        assert isinstance(answer, Unavailable)
        assert answer.code == "SS0804"

    def test_a_link_out_of_the_project(
        self, case: StoreCase, paths: tuple[str, str, str], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        outside = tmp_path_factory.mktemp("outside") / "secret"
        write_private(outside, f"{paths[0]}=stolen")
        (case.root / self.file).parent.mkdir(parents=True, exist_ok=True)
        (case.root / self.file).symlink_to(outside)
        answer = case.read(paths[0])
        assert isinstance(answer, Unavailable)
        assert (answer.code, "outside the project" in answer.message) == ("SS0804", True)
        case.allowed_paths = (outside.parent,)
        assert "stolen" in str(case.read(paths[0]))


class TestFile(Files):
    file = "secrets/FIRST"

    @pytest.fixture
    def case(self, tmp_path: Path) -> StoreCase:
        def put(values: Mapping[str, str]) -> None:
            for path, value in values.items():
                write_private(tmp_path / "secrets" / path, f"{value}\n")

        return StoreCase("file", put, tmp_path, {"folder": "secrets"})

    def test_a_file_that_is_unfit_fails_alone(self, case: StoreCase) -> None:
        case.put({"OPEN": "v", "GOOD": "v", "BYTES": "v"})
        (case.root / "secrets/OPEN").chmod(0o644)
        (case.root / "secrets/BYTES").write_bytes(b"\xff")
        assert told(case.read_together("OPEN", "GOOD", "BYTES")) == ["SS0804", "v", "SS0804"]

    def test_a_value_that_fits_nowhere(self, case: StoreCase) -> None:
        case.put({"NUL": "hush\0hush", "GOOD": "v"})
        assert told(case.read_together("NUL", "GOOD")) == ["SS0804", "v"]
        assert "the value at 'NUL' holds a NUL" in refused(case.read("NUL"))

    def test_names_of_the_same_folder_are_told(self, case: StoreCase) -> None:
        case.put({"db_password": "hush", "team/token": "hush", ".hidden": "hush"})
        assert "no file 'secrets/db_pasword'; did you mean 'db_password'?" in refused(case.read("db_pasword"), "SS0802")
        assert "no file 'secrets/team/tokn'; did you mean 'team/token'?" in refused(case.read("team/tokn"), "SS0802")
        assert refused(case.read("zzz"), "SS0802").endswith("known: db_password")

    def test_a_folder_that_is_missing_is_said_to_be(self, case: StoreCase) -> None:
        told = "there is no file 'secrets/FIRST', nor is there a folder 'secrets'"
        assert told in refused(case.read("FIRST"), "SS0802")
        case.put({"FIRST": "hush"})
        assert "nor is there a folder 'secrets/team'" in refused(case.read("team/token"), "SS0802")

    @pytest.mark.parametrize("path", ["../other", "/etc/hostname", "a/../../b", "nul\0"])
    def test_a_path_out_of_the_folder(self, path: str, case: StoreCase) -> None:
        answer = case.read(path)
        assert isinstance(answer, Unavailable)
        assert answer.code == "SS0804"


class TestDotenv(Files):
    file = ".env"

    @pytest.fixture
    def case(self, tmp_path: Path) -> StoreCase:
        return StoreCase("dotenv", putting(lambda held: write_private(tmp_path / ".env", as_dotenv(held))), tmp_path)

    def test_names_that_are_there_are_told(self, case: StoreCase) -> None:
        case.put({"DB_PASSWORD": "v"})
        answer = case.read("DB_PASWORD")
        assert isinstance(answer, Unavailable)
        assert answer.hint == "did you mean 'DB_PASSWORD'?"

    @pytest.mark.parametrize(
        ("before", "wrong"),
        [
            ("", "hush hush\n"),
            ("\n\n  # a comment\n\n", "  hush = 'hush\n"),
            ("LONG='1\n2\n3'\n", 'X = "hush'),
            ("export X=1\r\n\r\n", "Y='hush' hush\r\nZ=1"),
        ],
    )
    def test_a_line_that_cannot_be_read_is_told_by_its_number(
        self, before: str, wrong: str, case: StoreCase, capfd: pytest.CaptureFixture[str]
    ) -> None:
        write_private(case.root / ".env", f"A=1\n{before}{wrong}")
        line = 2 + before.count("\n")
        assert f"line {line} of '.env' cannot be read" in refused(case.read("A"))
        assert "".join(capfd.readouterr()) == ""

    @pytest.mark.parametrize("line", [*NO_LINES, "A=hush-again"])
    def test_what_is_no_name_with_a_value_is_never_taken_for_a_name(
        self, line: str, case: StoreCase, capfd: pytest.CaptureFixture[str]
    ) -> None:
        write_private(case.root / ".env", f"A=1\n\n{line}\nC=\n")
        for path in ("A", "C", "NOWHERE"):
            said = refused(case.read(path))
            assert "line 3 of '.env'" in said
            assert line not in said
        assert "".join(capfd.readouterr()) == ""

    def test_a_private_key_without_quotes_is_neither_cut_nor_told(self, case: StoreCase) -> None:
        write_private(case.root / ".env", f"DB_USER=ada\nDB_KEY={PRIVATE_KEY}\n")
        for path in ("DB_KEY", "DB_USER", "TYPO"):
            said = refused(case.read(path))
            assert "line 3 of '.env' cannot be read" in said
            assert not any(line in said for line in PRIVATE_KEY.splitlines())
        write_private(case.root / ".env", f"DB_KEY='{PRIVATE_KEY}'\n")
        assert case.read("DB_KEY") == PRIVATE_KEY

    def test_an_empty_value_is_one_whose_name_is_not_told(self, case: StoreCase) -> None:
        write_private(case.root / ".env", "A=1\nhushQUJD=\n")
        assert case.read("hushQUJD") == ""
        assert "known: A" in refused(case.read("NOWHERE"), "SS0802")
