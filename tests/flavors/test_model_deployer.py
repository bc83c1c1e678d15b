"""Models that are served: one of MLflow's really, and what every model deployer says and does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.model_deployer.bentoml import BentomlModelDeployer
from stackspec.flavors.model_deployer.mlflow import MlflowModelDeployer
from stackspec.flavors.registry import Registry
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects
from tests.flavors.predictions import ask
from tests.flavors.quick_server import quick

MODEL = """
import mlflow

class Doubles(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        rows = model_input.values if hasattr(model_input, "values") else model_input
        return [2 * sum(row) for row in rows]

mlflow.models.set_model(Doubles())
"""


@pytest.fixture
def subjects(tmp_path: Path) -> Iterator[Subjects]:
    """Components of one project, whose server is gone at the end."""
    servers.needs("mlflow", "mlflow")
    made = Subjects(tmp_path)
    yield made
    made.component(MlflowModelDeployer, {"model": "any"}).deprovision()


def test_a_model_of_mlflow(subjects: Subjects) -> None:
    """All of it in one test, since a start takes eight seconds and more."""
    import mlflow

    code = subjects.root / "code.py"
    code.write_text(MODEL)
    with warnings.catch_warnings(record=True):  # of type hints, with which it would take rows in one form only
        mlflow.pyfunc.save_model(str(subjects.root / "model"), python_model=str(code), pip_requirements=[])
    config: dict[str, Any] = {"model": "model"}
    component = subjects.component(MlflowModelDeployer, config)
    outputs = plain(component.provision())
    assert component.observe().running
    used = subjects.component(MlflowModelDeployer, config, outputs=outputs)
    ask(used)
    with pytest.raises(HookError, match="answers with status 4"):
        used.predict("nonsense")
    component.suspend()
    assert component.observe().running is False
    with pytest.raises(HookError, match="cannot be reached"):
        used.predict([[1, 2]])
    component.deprovision()
    left = {file.name for file in subjects.root.iterdir()} - {".stackspec", "__pycache__"}
    assert left == {"code.py", "model"}


@pytest.mark.parametrize("model", ["nowhere", "/etc", "../x", "file:///etc"])
def test_a_model_that_is_not_there_is_told(model: str, subjects: Subjects) -> None:
    with pytest.raises(HookError, match=r"no model of MLflow's|outside the project"):
        subjects.component(MlflowModelDeployer, {"model": model}).provision()


def test_before_it_is_provisioned_and_where_nobody_knows_how_to_ask(tmp_path: Path) -> None:
    subjects = Subjects(tmp_path)
    with pytest.raises(HookError, match="not provisioned"):
        subjects.component(MlflowModelDeployer, {"model": "m"}).predict([])
    config = {"uri": "http://localhost:1"}
    external: Any = subjects.component(Registry().flavor("model_deployer", "external"), config, outputs=config)
    with pytest.raises(HookError, match="does not know how its server is asked"):
        external.predict([])


class QuickMlflow(MlflowModelDeployer):
    """The flavor with a server that starts at once; the test above is about the real one."""

    def command(self, port: int) -> list[str]:
        return quick(port, words=super().command(port)[1:])


class QuickBentoml(BentomlModelDeployer):
    """Likewise; `test_bentoml.py` is about the real one."""

    imports = ("psutil",)

    def command(self, port: int) -> list[str]:
        return quick(port, words=super().command(port)[1:])

    def working_folder(self) -> Path:
        return self.context.root


CASES = [
    FlavorCase(
        flavor=QuickMlflow,
        config=lambda _: {"model": "models:/fraud/1", "tracking_uri": "http://localhost:1"},
        changed=lambda _: {"model": "models:/fraud/2", "workers": 2},
        kill_points=3,
    ),
    FlavorCase(
        flavor=QuickBentoml,
        config=lambda _: {
            "target": "service:It",
            "working_dir": "serving",
            "environment": {"KEY": "a secret key"},
        },
        changed=lambda _: {"target": "service:Other", "working_dir": "serving"},
        kill_points=3,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestModelDeployers(FlavorConformance):
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        servers.needs("mlflow", "mlflow")
