"""Pipelines as containers of a Docker engine."""

from __future__ import annotations

from stackspec.flavors.contract import StackRule
from stackspec.flavors.docker.network import DockerNetwork
from stackspec.flavors.orchestrator import Orchestrator


class DockerOrchestrator(DockerNetwork, Orchestrator):
    """Runs each step as a container of a Docker engine, in a network of the component's own."""

    flavor = "docker"
    stack_rules = (StackRule(type="image_builder", why="runs steps in images that it builds"),)

    class Outputs(DockerNetwork.Outputs, Orchestrator.Outputs):
        """Where steps run."""
