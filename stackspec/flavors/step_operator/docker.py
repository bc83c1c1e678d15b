"""Single steps as containers of a Docker engine."""

from __future__ import annotations

from stackspec.flavors.contract import StackRule
from stackspec.flavors.docker.network import DockerNetwork
from stackspec.flavors.step_operator import StepOperator


class DockerStepOperator(DockerNetwork, StepOperator):
    """Runs single steps as containers of a Docker engine, in a network of the component's own."""

    flavor = "docker"
    stack_rules = (StackRule(type="image_builder", why="runs steps in images that it builds"),)

    class Outputs(DockerNetwork.Outputs, StepOperator.Outputs):
        """Where steps run."""
