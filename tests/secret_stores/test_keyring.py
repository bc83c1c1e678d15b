"""Passwords of a keyring, kept in a file by a backend that needs no desktop."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keyring
import keyring.core
import pytest
from keyring import errors

from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.files import refused


@pytest.fixture
def case(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> StoreCase:
    """A keyring in a home of its own, found as the package finds any."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.PlaintextKeyring")
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)

    def put(values: Mapping[str, str]) -> None:
        for user, value in values.items():
            keyring.set_password("models", user, value)
        assert list(home.rglob("keyring_pass.cfg"))

    return StoreCase("keyring", put, tmp_path, {"service": "models"})


class TestKeyring(StoreConformance):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        return case

    @pytest.fixture
    def paths(self) -> tuple[str, str, str]:
        return ("ada", "ada lovelace@example.com/ünï", "nobody")


def test_another_service(case: StoreCase) -> None:
    case.put({"ada": "hush"})
    case.config = {"service": "other"}
    assert "the keyring has no 'ada' for 'other'" in refused(case.read("ada"), "SS0802")


def test_a_machine_without_a_keyring(case: StoreCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    assert "this machine has no keyring" in refused(case.read("ada"), "SS0803")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.KeyringLocked("hush"), "the keyring is locked"),
        (errors.InitError("hush"), "the keyring does not give 'ada': InitError"),
        (RuntimeError("hush"), "the store failed: RuntimeError"),
    ],
)
def test_what_a_backend_says_of_itself_is_not_repeated(
    error: Exception, said: str, case: StoreCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr("keyrings.alt.file.PlaintextKeyring.get_password", fail)
    assert said in refused(case.read("ada"), "SS0803")
