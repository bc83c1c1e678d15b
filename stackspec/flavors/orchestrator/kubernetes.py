"""Pipelines as pods of a Kubernetes cluster."""

from __future__ import annotations

from stackspec.flavors.kubernetes.namespace import KubernetesNamespace
from stackspec.flavors.orchestrator import Orchestrator


class KubernetesOrchestrator(KubernetesNamespace, Orchestrator):
    """Runs each step as a pod of a Kubernetes cluster, in a namespace with a service account of its own."""

    flavor = "kubernetes"

    class Outputs(KubernetesNamespace.Outputs, Orchestrator.Outputs):
        """Where steps run."""
