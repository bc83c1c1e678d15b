"""A model in MLflow's format, served on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from stackspec.flavors.contract import FlavorConfig, HookError, setting
from stackspec.flavors.model_deployer import ModelDeployer
from stackspec.flavors.processes.server_flavor import ServerFlavor


class MlflowModelDeployer(ServerFlavor, ModelDeployer):
    """A model in MLflow's format, served by `mlflow models serve` on this machine and for this machine only.

    It runs with the packages that are installed beside stackspec, so what the model needs must be among them.
    """

    flavor = "mlflow"
    extra = "mlflow"
    imports = ("mlflow", "pandas", "uvicorn", "psutil")
    health = "/ping"
    passed_on = ("MLFLOW_", "AWS_", "GOOGLE_", "AZURE_")

    class Config(FlavorConfig):
        """The model, and how it is served."""

        model: str = setting(
            "The model: a URI, or a directory with an `MLmodel` in it. What it leads to is read at each start.",
            min_length=1,
            examples=["models:/fraud/3", "models:/fraud@champion", "./models/fraud"],
        )
        tracking_uri: str | None = setting(
            "The tracking server with the registry that `models:` and `runs:` are of.",
            default=None,
            min_length=1,
            examples=["{{ components.experiment_tracker.outputs.uri }}"],
        )
        port: int | None = setting(
            "The port; by default a free one is chosen once and kept.", default=None, minimum=1, maximum=65535
        )
        workers: int = setting("How many processes serve.", default=1, minimum=1)

    config: Config

    def command(self, port: int) -> list[str]:
        serve = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager=local", f"--model-uri={self._model}"]
        return [*serve, f"--host={self.server().host}", f"--port={port}", f"--workers={self.config.workers}"]

    def settings(self, port: int) -> Mapping[str, str]:
        return {"MLFLOW_TRACKING_URI": self.config.tracking_uri} if self.config.tracking_uri else {}

    def variables(self) -> Mapping[str, str]:
        """Among them where MLflow finds the programs that it starts."""
        found = super().variables()
        path = os.pathsep.join([os.path.dirname(sys.executable), found.get("PATH", os.defpath)])
        return {**found, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONUNBUFFERED": "1"}

    def outputs(self, uri: str) -> ModelDeployer.Outputs:
        return self.Outputs(uri=uri)

    def question(self, data: Any) -> tuple[str, Any]:
        """See https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally."""
        rows = isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data)
        return "invocations", {"dataframe_records" if rows else "inputs": data}

    def answer(self, told: Any) -> Any:
        return told["predictions"] if isinstance(told, dict) and "predictions" in told else told

    @property
    def _model(self) -> str:
        place = urlsplit(self.config.model)
        if place.scheme not in ("", "file"):
            return self.config.model
        folder = self.context.path(unquote(place.path) if place.scheme else self.config.model)
        if not (folder / "MLmodel").is_file():
            raise HookError(f"{folder} is no model of MLflow's", "name the directory that its MLmodel is in")
        return str(folder)
