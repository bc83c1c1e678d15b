"""Pipelines in Amazon SageMaker."""

from __future__ import annotations

from stackspec.flavors.aws.sagemaker import SagemakerJobs
from stackspec.flavors.orchestrator import Orchestrator


class SagemakerOrchestrator(SagemakerJobs, Orchestrator):
    """Runs pipelines in Amazon SageMaker, whose account and role exist and are only looked at."""

    flavor = "sagemaker"

    class Outputs(SagemakerJobs.Outputs, Orchestrator.Outputs):
        """Where steps run."""
