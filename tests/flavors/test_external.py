"""What exists already and is somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
from tests.flavors.contexts import Subjects
from tests.secret_stores.servers import Answer, web

REGISTRY = Registry()


@pytest.mark.parametrize("kind", COMPONENT_TYPES)
def test_it_gives_what_its_type_gives(kind: str, tmp_path: Path) -> None:
    component = Subjects(tmp_path).component(REGISTRY.flavor(kind, "external"), {"uri": "https://example.org/it"})
    assert plain(component.provision()) == {"uri": "https://example.org/it"}
    seen = component.observe()
    assert (seen.provisioned, seen.running) == (True, None)
    component.deprovision()


@pytest.mark.parametrize(("status", "serves"), [(200, True), (302, True), (404, False), (503, False)])
def test_whether_it_serves_is_asked_of_its_health(status: int, serves: bool, tmp_path: Path) -> None:
    def answer(_path: str, _headers: Mapping[str, str]) -> Answer:
        return status, {"Location": "/elsewhere"}, b""

    subjects = Subjects(tmp_path)
    with web(answer) as address:
        config = {"uri": address, "health": f"{address}/health"}
        component = subjects.component(REGISTRY.flavor("experiment_tracker", "external"), config)
        assert component.observe().running is serves
        component.provision()
    assert bool(subjects.lines) is not serves  # that it does not is told, and no failure
    assert component.observe().running is False


def test_an_external_artifact_store_is_read_and_written_as_any(tmp_path: Path) -> None:
    config = {"uri": (tmp_path / "theirs").as_uri()}
    cls = REGISTRY.flavor("artifact_store", "external")
    store = Subjects(tmp_path).component(cls, config, outputs=config)
    store.write("a/b", b"data")  # type: ignore[attr-defined]  # the class is made of two
    assert (tmp_path / "theirs" / "a" / "b").read_bytes() == b"data"
