"""Secrets managers that are secret stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.registry import Registry
from stackspec.flavors.secrets_manager import SecretsManager
from stackspec.secret_stores.registry import store_type, store_types
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests.flavors.contexts import Subjects

REGISTRY = Registry()


def kind(flavor: str) -> Any:
    return REGISTRY.flavor("secrets_manager", flavor)


class TestFile(FlavorConformance):
    @pytest.fixture
    def case(self) -> FlavorCase:
        return FlavorCase(
            flavor=kind("file"),
            config=lambda _: {"folder": "secrets"},
            changed=lambda _: {"folder": "others", "probe": "x"},
            provisions=False,
            kill_points=3,
        )


@pytest.mark.parametrize("name", store_types())
def test_each_type_of_store_is_one(name: str) -> None:
    spec = REGISTRY.spec("secrets_manager", name)
    assert spec.flavor == name
    assert spec.extra == store_type(name).extra
    assert spec.schema["properties"].keys() == {*store_type(name).Config.__settings__, "probe"}
    assert "uri" in spec.outputs
    assert kind(name) is kind(name)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Store to a config; each keeps `C4nary` as PASSWORD."""
    (tmp_path / "secrets").mkdir(mode=0o700)
    for name, text in (("secrets/PASSWORD", "C4nary"), ("secrets.env", "PASSWORD=C4nary\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("PASSWORD", "C4nary")
    return {"file": {"folder": "secrets"}, "dotenv": {"path": "secrets.env"}, "env": {}}


@pytest.mark.parametrize("flavor", ["file", "dotenv", "env"])
def test_what_runs_on_a_stack_reads_it(flavor: str, places: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    subjects = Subjects(tmp_path)
    component = subjects.component(kind(flavor), {**places[flavor], "probe": "PASSWORD"})
    assert plain(component.provision()) == {"uri": f"secrets+{flavor}:"}
    assert isinstance(component, SecretsManager)
    assert component.observe().running
    assert subjects.lines == []
    secret = component.get("PASSWORD")
    assert secret.reveal() == "C4nary"
    assert "C4nary" not in f"{secret} {component.observe()}"
    with pytest.raises(HookError, match="NONE"):
        component.get("NONE")
    missing = subjects.component(kind(flavor), {**places[flavor], "probe": "NONE"})
    assert missing.observe().running is False
    assert "NONE" in missing.observe().detail
    assert subjects.component(kind(flavor), places[flavor]).observe().running


def test_a_store_that_cannot_be_read(places: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "secrets.env").chmod(0o644)
    subjects = Subjects(tmp_path)
    component = subjects.component(kind("dotenv"), {**places["dotenv"], "probe": "PASSWORD"})
    component.provision()
    assert component.observe().running is False
    assert len(subjects.lines) == 1
    vault = subjects.component(kind("vault"), {"address": "http://127.0.0.1:1"})
    assert vault.observe().running is False


def test_what_is_only_named_cannot_be_asked(tmp_path: Path) -> None:
    external = Subjects(tmp_path).component(kind("external"), {"uri": "https://vault.example.org"})
    assert isinstance(external, SecretsManager)
    with pytest.raises(HookError, match="'external' cannot read secrets"):
        external.get("x")
