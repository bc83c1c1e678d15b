"""Pipelines in Vertex AI of Google Cloud."""

from __future__ import annotations

import json
from typing import Any

from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, HookError, StackRule, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.http.observed_service import ObservedService
from stackspec.flavors.http.service import ask
from stackspec.flavors.orchestrator import Orchestrator

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_CREDENTIALS = (
    "give credentials as Google's tools take them: GOOGLE_APPLICATION_CREDENTIALS, or gcloud auth application-default "
    "login; they need the role Vertex AI User in the project"
)


class VertexOrchestrator(ObservedService, Orchestrator):
    """Runs pipelines in Vertex AI, whose project exists and is only looked at; not run against the real cloud."""

    flavor = "vertex"
    extra = "vertex"
    imports = ("google.auth", "requests")
    requirements = ("google-cloud-aiplatform>=1.60",)
    is_remote = True
    runs_in_image = True
    stack_rules = (
        StackRule(type="artifact_store", why="passes data between steps in Google's buckets", flavors=("gcs",)),
        StackRule(
            type="container_registry", why="pulls its images from Google's registry", flavors=("gcp", "external")
        ),
        StackRule(type="image_builder", why="runs steps in images that it builds"),
    )

    class Config(FlavorConfig):
        """A project's location, and who its steps are."""

        project: str = setting("The project's id.", pattern="^[a-z][a-z0-9-]{4,28}[a-z0-9]$", examples=["acme-ml"])
        location: str = setting("The location.", pattern="^[a-z]+-[a-z]+[0-9]+$", examples=["europe-west3"])
        service_account: str | None = setting(
            "The address of the service account that steps run as; null for the project's default one.",
            default=None,
            pattern="^[^@\\s]+@[a-z0-9.-]+$",
        )
        network: str | None = setting(
            "The network that steps are in, in full; null for none of the project's own.",
            default=None,
            pattern="^projects/[^/\\s]+/global/networks/[a-z0-9-]+$",
        )
        endpoint_url: str | None = setting(
            "The address of what stands for Vertex AI; null for Google's.",
            default=None,
            pattern="^https?://[^/@\\s]+/?$",
        )

    class Outputs(Orchestrator.Outputs):
        """Where runs are submitted."""

        project: str = setting("The project's id.")
        location: str = setting("The location.")

    config: Config

    def outputs(self) -> FlavorOutputs:
        """Where runs are submitted."""
        return self.Outputs(uri=self._uri, project=self.config.project, location=self.config.location)

    def look(self) -> str:
        """Whether the credentials hold, and the project lets who has them list its runs."""
        headers = {"Authorization": f"Bearer {self._token()}"}
        url = f"{self._uri}/pipelineJobs?pageSize=1"
        try:
            told: Any = json.loads(ask(url, self.context, headers=headers, credentials=_CREDENTIALS))
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise HookError(f"what answers at {url} is not Vertex AI", "look at endpoint_url")
        return f"Vertex AI answers for {self.config.project} in {self.config.location}"

    @property
    def _uri(self) -> str:
        config = self.config
        place = (config.endpoint_url or f"https://{config.location}-aiplatform.googleapis.com").rstrip("/")
        return f"{place}/v1/projects/{config.project}/locations/{config.location}"

    def _token(self) -> str:
        require_imports(self)
        from functools import partial

        import google.auth
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.auth.transport.requests import Request

        left = min(5.0, time_left(self.context))
        try:
            credentials, _ = google.auth.default(scopes=[_SCOPE])
            credentials.refresh(partial(Request(), timeout=left))
        except TransportError as error:
            time_left(self.context)
            message = "Google gives no token: it does not answer"
            raise HookError(message, "look at the network", transient=True) from error
        except (GoogleAuthError, OSError, ValueError) as error:
            raise HookError(
                f"there are no credentials for Google Cloud ({type(error).__name__})", _CREDENTIALS
            ) from error
        return str(credentials.token)
