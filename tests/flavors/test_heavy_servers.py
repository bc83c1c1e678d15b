"""What servers do that are too large to stand beside the rest; `tests/separate` is about the real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stackspec.flavors.annotator.label_studio import LabelStudioAnnotator
from stackspec.flavors.contract import HookError
from stackspec.flavors.feature_store.feast import FeastFeatureStore
from stackspec.flavors.registry import Registry
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests.flavors.contexts import Subjects
from tests.flavors.quick_server import quick

TOKEN = "0123456789abcdef0123456789abcdef01234567"


class QuickFeast(FeastFeatureStore):
    """The flavor with a server that starts at once, and with nothing that reads definitions."""

    imports = ("psutil",)

    def command(self, port: int) -> list[str]:
        return quick(port, words=super().command(port)[1:])

    def apply_definitions(self) -> None:
        (self.directory().path / "registry.db").touch()

    @property
    def _repository(self) -> Path:
        return self.context.root


class QuickLabelStudio(LabelStudioAnnotator):
    """The flavor with a server that starts at once."""

    imports = ("psutil",)

    def command(self, port: int) -> list[str]:
        makes = self.directory().path / "label_studio.sqlite3"
        return quick(port, makes=makes, words=super().command(port)[1:])


CASES = [
    FlavorCase(
        flavor=QuickFeast,
        config=lambda _: {"repository": "here", "delete_data": True},
        changed=lambda _: {"repository": "there", "delete_data": True},
        kill_points=3,
    ),
    FlavorCase(
        flavor=QuickLabelStudio,
        config=lambda _: {"token": TOKEN, "password": "a secret word", "delete_data": True},
        changed=lambda _: {"token": TOKEN[::-1], "password": "another word", "delete_data": True},
        kill_points=3,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestHeavyServers(FlavorConformance):
    pass


def test_what_is_only_named_cannot_be_asked(tmp_path: Path) -> None:
    def named(kind: str) -> Any:
        config = {"uri": "http://localhost:1"}
        return Subjects(tmp_path).component(Registry().flavor(kind, "external"), config, outputs=config)

    calls: list[Callable[[], object]] = [
        lambda: named("feature_store").online_features([], {}),
        lambda: named("feature_store").historical_features([], None),
        lambda: named("annotator").projects(),
        lambda: named("annotator").add("1", []),
        lambda: named("data_validator").suites(),
        lambda: named("data_validator").validate([], "x"),
    ]
    for call in calls:
        with pytest.raises(HookError, match="is of the flavor external, which c"):
            call()
