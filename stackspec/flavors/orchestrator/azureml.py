"""Pipelines in Azure Machine Learning."""

from __future__ import annotations

import json
from typing import Any

from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, HookError, StackRule, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.http.observed_service import ObservedService
from stackspec.flavors.http.service import ask
from stackspec.flavors.orchestrator import Orchestrator

_API = "2024-10-01"
_CREDENTIALS = (
    "give credentials as the Azure tools take them: az login, or AZURE_TENANT_ID, AZURE_CLIENT_ID and "
    "AZURE_CLIENT_SECRET; they need the role AzureML Data Scientist in the workspace"
)


class AzuremlOrchestrator(ObservedService, Orchestrator):
    """Runs pipelines in a workspace of Azure Machine Learning that exists; not run against the real cloud."""

    flavor = "azureml"
    extra = "azureml"
    imports = ("azure.identity",)
    requirements = ("azure-ai-ml>=1.20", "azure-identity>=1.17")
    is_remote = True
    runs_in_image = True
    stack_rules = (
        StackRule(type="artifact_store", why="passes data between steps in Azure's containers", flavors=("azure",)),
        StackRule(
            type="container_registry",
            why="pulls its images from Azure's registry",
            flavors=("azure", "default", "external"),
        ),
        StackRule(type="image_builder", why="runs steps in images that it builds"),
    )

    class Config(FlavorConfig):
        """A workspace, and the machines that its steps run on."""

        subscription_id: str = setting(
            "The subscription.",
            pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
            examples=["00000000-0000-0000-0000-000000000000"],
        )
        resource_group: str = setting("The resource group.", pattern="^[A-Za-z0-9_().-]{1,90}$", examples=["ml"])
        workspace: str = setting("The workspace.", pattern="^[A-Za-z0-9][A-Za-z0-9_-]{2,32}$", examples=["training"])
        compute: str | None = setting(
            "The compute that steps run on; null for machines that the workspace gets for each.",
            default=None,
            pattern="^[A-Za-z][A-Za-z0-9-]{1,31}$",
        )
        endpoint_url: str | None = setting(
            "The address of what stands for Azure's resource manager; null for Azure's.",
            default=None,
            pattern="^https?://[^/@\\s]+/?$",
        )

    class Outputs(Orchestrator.Outputs):
        """Where runs are submitted."""

        workspace: str = setting("The workspace.")

    config: Config

    def outputs(self) -> FlavorOutputs:
        """Where runs are submitted."""
        return self.Outputs(uri=self._uri, workspace=self.config.workspace)

    def look(self) -> str:
        """Whether the credentials hold, and the workspace and the compute are there and ready."""
        headers, found = {"Authorization": f"Bearer {self._token()}"}, [f"workspace {self.config.workspace}"]
        self._ready(self._uri, headers, found[0])
        if self.config.compute is not None:
            found.append(f"compute {self.config.compute}")
            self._ready(f"{self._uri}/computes/{self.config.compute}", headers, found[1])
        return f"{' and '.join(found)} can be used"

    def _ready(self, url: str, headers: dict[str, str], called: str) -> None:
        try:
            told: Any = json.loads(
                ask(f"{url}?api-version={_API}", self.context, headers=headers, credentials=_CREDENTIALS)
            )
            state = told["properties"]["provisioningState"]
        except (ValueError, KeyError, TypeError) as error:
            raise HookError(f"what answers at {url} is not Azure Machine Learning", "look at endpoint_url") from error
        if state != "Succeeded":
            raise HookError(f"the {called} is not ready: {state}", "look at it in Azure", transient=True)

    @property
    def _uri(self) -> str:
        config = self.config
        place = (config.endpoint_url or "https://management.azure.com").rstrip("/")
        group = f"{place}/subscriptions/{config.subscription_id}/resourceGroups/{config.resource_group}"
        return f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{config.workspace}"

    def _token(self) -> str:
        require_imports(self)
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential

        left = max(1, int(min(5.0, time_left(self.context))))
        try:
            with DefaultAzureCredential(process_timeout=left) as credential:
                return str(credential.get_token("https://management.azure.com/.default").token)
        except (AzureError, ValueError) as error:
            time_left(self.context)
            raise HookError(f"there are no credentials for Azure ({type(error).__name__})", _CREDENTIALS) from error
