"""A real service of BentoML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.model_deployer.bentoml import BentomlModelDeployer
from tests.flavors.contexts import Subjects
from tests.flavors.predictions import ask

SERVICE = """
from typing import Any

import bentoml

@bentoml.service
class Doubles:
    @bentoml.api
    def predict(self, data: list[Any]) -> list[float]:
        return [2.0 * sum(row.values() if isinstance(row, dict) else row) for row in data]
"""
CONFIG = {"target": "service:Doubles", "working_dir": "serving"}


@pytest.fixture
def subjects(tmp_path: Path) -> Iterator[Subjects]:
    """Components of one project, whose server is gone at the end."""
    made = Subjects(tmp_path)
    yield made
    made.component(BentomlModelDeployer, CONFIG).deprovision()


def test_its_life(subjects: Subjects) -> None:
    component = subjects.component(BentomlModelDeployer, CONFIG)
    with pytest.raises(HookError, match="is no directory"):
        component.provision()
    (subjects.root / "serving").mkdir()
    (subjects.root / "serving" / "service.py").write_text(SERVICE)
    outputs = plain(component.provision())
    assert component.observe().running
    ask(subjects.component(BentomlModelDeployer, CONFIG, outputs=outputs))
    component.suspend()
    assert component.observe().running is False
    component.deprovision()
    assert not (subjects.root / ".stackspec" / "data" / "main").exists()
