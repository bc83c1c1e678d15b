"""What only an apply can tell is checked before it is recorded or given to a hook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, Observation, setting
from stackspec.flavors.orchestrator import Orchestrator
from stackspec.flavors.registry import Registry
from stackspec.project import Project

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: telling}
    artifact_store:
      flavor: local
      config: {path: ./artifacts}
      environment: {TOLD: "{{ components.orchestrator.outputs.OUTPUT }}"}
"""


class Telling(Orchestrator):
    """An orchestrator with an output of each kind."""

    flavor = "telling"

    class Config(FlavorConfig):
        """Nothing."""

    class Outputs(FlavorOutputs):
        """One of each kind."""

        number: int = setting("A number.")
        pair: tuple[int, ...] = setting("A list.")
        names: Mapping[str, Any] = setting("A mapping.")

    def observe(self) -> Observation:
        return Observation(provisioned=True)

    def provision(self) -> Outputs:
        return self.Outputs(number=7, pair=(1, 2), names={"a": 1})

    def deprovision(self) -> None:
        pass


@pytest.mark.parametrize(("output", "kind"), [("number", None), ("pair", "a list"), ("names", "a mapping")])
def test_variables_are_scalars(output: str, kind: str | None, tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK.replace("OUTPUT", output))
    project = Project.open(tmp_path, registry=Registry([Telling]))
    result = project.apply(project.plan())
    told = [(failed.code, failed.message) for failed in result.failed]
    recorded = {str(address): one.variables for address, one in project.store("default").read().components.items()}
    if kind is None:
        assert (told, recorded["artifact_store/dev"]) == ([], {"TOLD": 7})
    else:
        must = f"'environment.TOLD' must be text, a number or true or false, not {kind}"
        assert told == [("SS0205", f"artifact_store/dev: provision failed: with the outputs known now, {must}")]
        assert list(recorded) == ["orchestrator/dev"]
