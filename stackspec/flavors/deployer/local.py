"""An application of Python's ASGI, on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from stackspec.flavors.contract import FlavorConfig, HookError, setting
from stackspec.flavors.deployer import Deployer
from stackspec.flavors.processes.local_port import answers
from stackspec.flavors.processes.server_flavor import VARIABLES, ServerFlavor


class LocalDeployer(ServerFlavor, Deployer):
    """An ASGI application, served by uvicorn on this machine and for this machine only."""

    flavor = "local"
    extra = "local-deployer"
    imports = ("uvicorn", "psutil")

    class Config(FlavorConfig):
        """The application, and how it is served."""

        app: str = setting(
            "The application: a module and what it is called there.",
            pattern="^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$",
            examples=["main:app"],
        )
        working_dir: str = setting(
            "The directory that the module is in, and that it runs in.", path=True, min_length=1, examples=["./serving"]
        )
        health: str = setting(
            "The path that answers with 200 as long as it serves.", default="/health", pattern="^/[!-~]*$"
        )
        environment: Mapping[str, str] = setting(
            "Variables of the application, which may be secret.", default={}, sensitive=True, schema=VARIABLES
        )
        port: int | None = setting(
            "The port; by default a free one is chosen once and kept.", default=None, minimum=1, maximum=65535
        )
        workers: int = setting("How many processes serve.", default=1, minimum=1)
        restart: Literal["never", "on_failure"] = setting(
            "Whether it is started again when it fails: after half a second, and after twice as long each time, up to "
            "a minute.",
            default="on_failure",
        )

    config: Config

    def command(self, port: int) -> list[str]:
        words = [sys.executable, "-m", "uvicorn", self.config.app, f"--host={self.server().host}", f"--port={port}"]
        return [*words, f"--workers={self.config.workers}"]

    def settings(self, port: int) -> Mapping[str, str]:
        return {**self.config.environment, "PYTHONUNBUFFERED": "1"}

    def outputs(self, uri: str) -> Deployer.Outputs:
        return self.Outputs(uri=uri)

    def serves(self, port: int) -> bool:
        return answers(self.server().host, port, self.config.health)

    def restarts(self) -> bool:
        return self.config.restart == "on_failure"

    def working_folder(self) -> Path:
        folder = self.context.path(self.config.working_dir)
        if not folder.is_dir():
            raise HookError(f"{folder} is no directory", "name the directory that the application's module is in")
        return folder
