"""What the flavor `default` says of addresses that nobody can have meant, and of registries that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackspec.flavors.container_registry.default import DefaultContainerRegistry
from stackspec.flavors.contract import spec_of
from stackspec.manifest.schema import Checker
from tests.flavors.contexts import Subjects

WRONG = ["", "[]:50", "a b:50", "a..b", "-", "a:0", "a:00080", "a:99999", "a:-1", "é.example", "h/UP", "h//x"]
WRONG += ["https://a.b", "user@a.b", f"{'a' * 64}.b", f"{'a.' * 150}b", "a.b/", "a.b/x:tag", "a.b\n", "localhost:", "a"]


@pytest.mark.parametrize("uri", WRONG)
def test_what_is_no_address_is_refused_by_the_schema(uri: str) -> None:
    assert Checker(spec_of(DefaultContainerRegistry).schema).check({"uri": uri, "insecure": True})


@pytest.mark.parametrize("uri", ["[::::]:50", "[....]", "[1.2]:80/team", "[:::1]", "[::ffff:1.2.3.4.5]"])
def test_brackets_around_no_address_are_told(uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    subjects = Subjects(tmp_path)
    registry = subjects.component(DefaultContainerRegistry, {"uri": uri, "insecure": True})
    url = f"http://{uri.partition('/')[0]}/v2/"
    assert registry.observe().detail == f"{url} is no address"
    assert registry.provision().uri == uri
    assert subjects.lines == [f"the registry {uri} is not reachable: {url} is no address"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("uri", ["[::1]:1", "localhost:1/a/b"])
def test_what_cannot_be_reached_is_told(uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    registry = Subjects(tmp_path).component(DefaultContainerRegistry, {"uri": uri, "insecure": True})
    observation = registry.observe()
    assert observation.running is False
    assert "cannot be reached" in observation.detail
    assert capfd.readouterr() == ("", "")
