"""Single steps as jobs of Amazon SageMaker."""

from __future__ import annotations

from stackspec.flavors.aws.sagemaker import SagemakerJobs
from stackspec.flavors.step_operator import StepOperator


class SagemakerStepOperator(SagemakerJobs, StepOperator):
    """Runs single steps as jobs of Amazon SageMaker, whose account and role exist and are only looked at."""

    flavor = "sagemaker"

    class Outputs(SagemakerJobs.Outputs, StepOperator.Outputs):
        """Where steps run."""
