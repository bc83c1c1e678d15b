"""A service of BentoML, on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from stackspec.flavors.contract import FlavorConfig, HookError, setting
from stackspec.flavors.model_deployer import ModelDeployer
from stackspec.flavors.owned.directory import OwnedDirectory
from stackspec.flavors.processes.server_flavor import VARIABLES, ServerFlavor


class BentomlModelDeployer(ServerFlavor, ModelDeployer):
    """A service of BentoML, served by `bentoml serve` on this machine and for this machine only."""

    flavor = "bentoml"
    extra = "bentoml"
    imports: ClassVar[tuple[str, ...]] = ("bentoml", "psutil")
    health = "/readyz"
    passed_on = ("AWS_", "GOOGLE_", "AZURE_")

    class Config(FlavorConfig):
        """The service, and how it is asked."""

        target: str = setting(
            "The service: a module and a class in it.",
            pattern="^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$",
            examples=["service:Fraud"],
        )
        working_dir: str = setting(
            "The directory that the module is in.", path=True, min_length=1, examples=["./serving"]
        )
        endpoint: str = setting(
            "The method of the service that predicts.", default="predict", pattern="^[A-Za-z0-9_/-]+$"
        )
        argument: str = setting("Its argument that takes the data.", default="data", pattern="^[A-Za-z_][A-Za-z0-9_]*$")
        environment: Mapping[str, str] = setting(
            "Variables of the server, which may be secret.", default={}, sensitive=True, schema=VARIABLES
        )
        port: int | None = setting(
            "The port; by default a free one is chosen once and kept.", default=None, minimum=1, maximum=65535
        )

    config: Config

    def command(self, port: int) -> list[str]:
        words = [sys.executable, "-m", "bentoml", "serve", self.config.target]
        return [*words, f"--host={self.server().host}", f"--port={port}"]

    def settings(self, port: int) -> Mapping[str, str]:
        home = {"BENTOML_HOME": str(self.directory().path), "BENTOML_DO_NOT_TRACK": "True"}
        return {**self.config.environment, **home, "PYTHONUNBUFFERED": "1"}

    def outputs(self, uri: str) -> ModelDeployer.Outputs:
        return self.Outputs(uri=uri)

    def directory(self) -> OwnedDirectory:
        """BentoML's own files, which nobody else sees."""
        return OwnedDirectory(self.context.data_dir / "bentoml", self.context)

    @property
    def delete_contents(self) -> bool:
        return True

    def working_folder(self) -> Path:
        folder = self.context.path(self.config.working_dir)
        if not folder.is_dir():
            raise HookError(f"{folder} is no directory", "name the directory that the module of the service is in")
        return folder

    def question(self, data: Any) -> tuple[str, Any]:
        return self.config.endpoint.strip("/"), {self.config.argument: data}
