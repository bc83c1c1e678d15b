"""Single steps as pods of a Kubernetes cluster."""

from __future__ import annotations

from stackspec.flavors.kubernetes.namespace import KubernetesNamespace
from stackspec.flavors.step_operator import StepOperator


class KubernetesStepOperator(KubernetesNamespace, StepOperator):
    """Runs single steps as pods of a Kubernetes cluster, in a namespace with a service account of its own."""

    flavor = "kubernetes"

    class Outputs(KubernetesNamespace.Outputs, StepOperator.Outputs):
        """Where steps run."""
