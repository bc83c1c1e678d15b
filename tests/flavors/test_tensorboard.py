"""A real TensorBoard over event files that runs wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.experiment_tracker.tensorboard import TensorboardExperimentTracker
from stackspec.flavors.http.request import request
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects
from tests.flavors.quick_server import quick
from tests.flavors.training import train

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def subjects(tmp_path: Path) -> Iterator[Subjects]:
    """Components of one project, whose server is gone at the end."""
    servers.needs("tensorboard", "tensorboard")
    servers.needs("tensorboardX", "tensorboard")
    made = Subjects(tmp_path)
    yield made
    made.component(TensorboardExperimentTracker, {"delete_data": True}).deprovision()


def test_its_life(subjects: Subjects, until: Until) -> None:
    config: dict[str, Any] = {"log_dir": "runs", "reload_interval": 1}
    component = subjects.component(TensorboardExperimentTracker, config)
    outputs = plain(component.provision())
    assert component.observe().fields == {"reload_interval": 1}
    good, bad = train(subjects.component(TensorboardExperimentTracker, config, outputs=outputs))
    assert good.startswith("ours/train-")

    def shown(plugin: str) -> Any:
        return json.loads(request("GET", f"{outputs['uri']}/data/plugin/{plugin}/tags").body)

    until(lambda: {good, bad} <= set(shown("text")) and good in shown("scalars"))
    assert set(shown("scalars")[good]) == {"loss", "odd"}
    found = request("GET", f"{outputs['uri']}/data/plugin/scalars/scalars?run={good}&tag=loss")
    assert [one[1:] for one in json.loads(found.body)] == [[0, 0.5], [1, 0.25]]
    assert {"parameters/depth/text_summary", "tags/stage/text_summary"} <= set(shown("text")[good])
    assert (
        "FAILED"
        in request("GET", f"{outputs['uri']}/data/plugin/text/text?run={bad}&tag=status/text_summary").body.decode()
    )

    component.suspend()
    assert component.observe().running is False
    component.deprovision()
    assert (subjects.root / "runs" / good).is_dir()
    with pytest.raises(HookError, match="not provisioned"), component.run("x"):
        pass


def test_names_do_not_lead_out_of_the_directory(subjects: Subjects) -> None:
    outputs = {"uri": "http://localhost:1", "log_dir": str(subjects.root / "runs")}
    component = subjects.component(TensorboardExperimentTracker, outputs=outputs)
    for experiment, name in (("..", "../x"), ("/etc", ".."), ("", "a b/c ä")):
        with component.run(name, experiment=experiment) as run:
            pass
        assert (subjects.root / "runs" / run.id).resolve().is_relative_to(subjects.root / "runs")
    assert [one.name for one in subjects.root.iterdir()] == ["runs"]


class Quick(TensorboardExperimentTracker):
    """The flavor with a server that starts at once; `test_its_life` is about the real one."""

    def command(self, port: int) -> list[str]:
        return quick(port, words=super().command(port)[3:])


CASE = FlavorCase(
    flavor=Quick,
    config=lambda _: {"delete_data": True},
    changed=lambda _: {"delete_data": True, "reload_interval": 9},
    before=lambda root: (root / "runs").mkdir(),
    kill_points=3,
)


@pytest.mark.parametrize("case", [CASE], ids=str)
class TestTensorboard(FlavorConformance):
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        servers.needs("tensorboard", "tensorboard")
