"""Pipelines in Kubeflow Pipelines."""

from __future__ import annotations

import json

from stackspec.flavors.contract import FlavorConfig, HookError, setting
from stackspec.flavors.http.observed_service import ObservedService
from stackspec.flavors.http.service import ask
from stackspec.flavors.orchestrator import Orchestrator


class KubeflowOrchestrator(ObservedService, Orchestrator):
    """Runs pipelines in Kubeflow Pipelines, an installation that exists and is only looked at."""

    flavor = "kubeflow"
    requirements = ("kfp>=2",)
    located_by = "address"
    runs_in_image = True

    class Config(FlavorConfig):
        """Where Kubeflow Pipelines is, and who asks."""

        address: str = setting(
            "The address of its API, without `/apis`.",
            pattern="^https?://[^/@?#\\s]+(/[^@?#\\s]*)?$",
            examples=["https://kubeflow.example.org/pipeline"],
        )
        namespace: str | None = setting(
            "The namespace, called profile as well, of the runs; null where an installation has one user only.",
            default=None,
            pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        )
        token: str | None = setting(
            "The bearer token that is shown, where one is asked for.",
            default=None,
            sensitive=True,
            pattern="^[!-~]+$",
            examples=["{{ secrets.kubeflow.token }}"],
        )
        service_account: str | None = setting(
            "The service account of the steps; null for the installation's own.",
            default=None,
            pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        )

    class Outputs(Orchestrator.Outputs):
        """Where runs are submitted."""

        namespace: str | None = setting("The namespace of the runs, if there are several.")

    config: Config

    def outputs(self) -> Outputs:
        """Where the API is."""
        return self.Outputs(uri=self.config.address, namespace=self.config.namespace)

    def look(self) -> str:
        """Whether the API is healthy, and shows the namespace to who asks."""
        place = self.config.address.rstrip("/")
        healthy = self._told(f"{place}/apis/v2beta1/healthz")
        if healthy.get("multi_user") and self.config.namespace is None:
            raise HookError(f"{place} has several users, and namespace is null", "set namespace")
        if self.config.namespace is not None:
            self._told(f"{place}/apis/v2beta1/runs?page_size=1&namespace={self.config.namespace}")
        return f"{place} is healthy"

    def _told(self, url: str) -> dict[str, object]:
        headers = {} if self.config.token is None else {"Authorization": f"Bearer {self.config.token}"}
        credentials = "set token to one that Kubeflow takes, for a user of the namespace"
        try:
            told = json.loads(ask(url, self.context, headers=headers, credentials=credentials))
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise HookError(f"what answers at {url} is not Kubeflow Pipelines", "look at the address")
        return told
