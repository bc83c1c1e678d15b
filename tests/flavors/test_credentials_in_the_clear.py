"""Credentials are not sent to another machine without encryption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackspec.flavors.annotator.label_studio import LabelStudioAnnotator
from stackspec.flavors.contract import Flavor, HookError
from stackspec.flavors.experiment_tracker.mlflow import MlflowExperimentTracker
from stackspec.flavors.feature_store.feast import FeastFeatureStore
from stackspec.flavors.http.mlflow_server import MlflowServer
from stackspec.flavors.model_registry.mlflow import MlflowModelRegistry
from tests.flavors.contexts import Subjects

_ELSEWHERE = "http://127.server.invalid"
_TOKEN = "0123456789abcdefghij"


@pytest.mark.parametrize(
    "flavor", [MlflowExperimentTracker, MlflowModelRegistry, LabelStudioAnnotator, FeastFeatureStore]
)
def test_a_token_is_not_shown_to_another_machine(flavor: type[Flavor], tmp_path: Path) -> None:
    component = Subjects(tmp_path).component(flavor, {"uri": _ELSEWHERE, "token": _TOKEN})
    with pytest.raises(HookError, match="without encryption") as refused:
        component.provision()
    assert "https" in str(refused.value.hint)
    assert _TOKEN not in f"{refused.value.message} {refused.value.hint}"
    component.deprovision()


@pytest.mark.parametrize("flavor", [MlflowExperimentTracker, MlflowModelRegistry])
def test_a_password_is_not_shown_to_another_machine(flavor: type[Flavor], tmp_path: Path) -> None:
    config = {"uri": _ELSEWHERE, "username": "ada", "password": "word-of-ada"}
    with pytest.raises(HookError, match="without encryption"):
        Subjects(tmp_path).component(flavor, config).provision()


@pytest.mark.parametrize("flavor", [MlflowExperimentTracker, MlflowModelRegistry])
def test_who_shows_nothing_may_ask_without_encryption(flavor: type[Flavor], tmp_path: Path) -> None:
    assert vars(Subjects(tmp_path).component(flavor, {"uri": _ELSEWHERE}).provision())["uri"] == _ELSEWHERE


@pytest.mark.parametrize("shown", [{"token": _TOKEN}, {"username": "ada", "password": "word-of-ada"}])
def test_what_runs_on_a_stack_shows_nothing_either(shown: dict[str, Any]) -> None:
    with pytest.raises(HookError, match="without encryption"):
        MlflowServer(_ELSEWHERE, **shown).authorization()
    assert MlflowServer("http://LOCALHOST:5000", **shown).authorization()


def test_a_labelling_server_elsewhere_is_looked_at_without_the_token(tmp_path: Path) -> None:
    component = Subjects(tmp_path).component(LabelStudioAnnotator, {"uri": _ELSEWHERE, "token": _TOKEN})
    assert "without encryption" in component.observe().detail
