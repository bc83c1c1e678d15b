"""Pipelines as tasks of Dask."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from stackspec.flavors.contract import FlavorConfig, HookError, Observation, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.orchestrator import Orchestrator
from stackspec.flavors.processes import dask_cluster
from stackspec.flavors.processes.local_server import LocalServer, ServerRecord
from stackspec.flavors.processes.marked_processes import environment_of

_PATIENCE = 5.0
"""Seconds given to a scheduler to answer."""
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
_PASSED_ON_PREFIXES = ("LC_", "DASK_", "AWS_", "GOOGLE_", "AZURE_")


class DaskOrchestrator(Orchestrator):
    """Runs steps as tasks of Dask: of a cluster that exists, or of a scheduler and workers on this machine."""

    flavor = "dask"
    extra = "dask"
    imports = ("distributed", "psutil")
    requirements = ("distributed>=2024.8",)
    located_by = "address"

    class Config(FlavorConfig):
        """A cluster that exists, or one of this machine, reachable from this machine only."""

        address: str | None = setting(
            "The scheduler of a cluster that exists, which is only looked at; null to start one on this machine. "
            "Certificates for `tls://` are Dask's own settings, such as DASK_DISTRIBUTED__COMM__TLS__CA_FILE.",
            default=None,
            requires_replacement=True,
            pattern="^(tcp|tls|ws|wss)://[^/@\\s]+$",
            examples=["tcp://dask.example.org:8786"],
        )
        workers: int = setting("How many worker processes are started.", default=1, minimum=1)
        threads_per_worker: int = setting("How many tasks a worker runs at once.", default=1, minimum=1)
        memory_limit: str = setting(
            "The memory of each worker: a size such as `2GiB`, `auto` for an equal part of the machine's, or `0` for "
            "no limit.",
            default="auto",
            pattern="^(auto|0|[1-9][0-9]*(\\.[0-9]+)? ?(kB|MB|GB|KiB|MiB|GiB))$",
        )
        port: int | None = setting(
            "The scheduler's port; by default a free one is chosen once and kept.",
            default=None,
            minimum=1,
            maximum=65535,
        )

    config: Config

    def observe(self) -> Observation:
        if self.config.address is not None:
            time_left(self.context)
            try:
                workers = len(self._asked(self.config.address))
            except HookError as error:
                time_left(self.context)
                return Observation(provisioned=True, running=False, detail=error.message)
            return Observation(provisioned=True, running=True, detail=_detail(self.config.address, workers))
        server = LocalServer(self.context)
        record, running = server.recorded(), server.running()
        if record is None:
            return Observation(provisioned=False, running=False, detail="no scheduler was ever started")
        address = _address(server, record.port)
        if running is None:
            return Observation(provisioned=True, running=False, detail=f"{address} is stopped")
        try:
            workers = len(self._asked(address))
        except HookError as error:
            return Observation(provisioned=True, running=False, detail=error.message)
        return Observation(
            provisioned=True, running=True, detail=_detail(address, workers), fields=self._real_fields(running)
        )

    def provision(self) -> Orchestrator.Outputs:
        require_imports(self)
        if self.config.address is not None:
            time_left(self.context)
            try:
                self._asked(self.config.address)
            except HookError as error:
                time_left(self.context)
                self.context.log(f"{self.context.address} does not serve: {error.message}")
            return self.Outputs(uri=self.config.address)
        server = LocalServer(self.context)
        port = server.port(self.config.port)
        address = _address(server, port)
        if server.running() is None:
            self.context.log(f"starting Dask at {address}")
        server.start(
            [sys.executable, "-P", "-m", dask_cluster.__name__],
            port=port,
            environment=_environment(os.environ),
            settings=self._settings(port),
            is_ready=lambda: self._is_ready(address),
        )
        return self.Outputs(uri=address)

    def update(self, previous: DaskOrchestrator) -> Orchestrator.Outputs:
        return self.provision()

    def suspend(self) -> None:
        if self.config.address is None:
            LocalServer(self.context).stop()
        else:
            self.context.log(f"{self.config.address} is somebody else's, and goes on")

    def resume(self) -> Orchestrator.Outputs:
        return self.provision()

    def deprovision(self) -> None:
        if self.config.address is None:
            LocalServer(self.context).remove()

    def _settings(self, port: int) -> Mapping[str, str]:
        config, prefix = self.config, dask_cluster.PREFIX
        return {
            f"{prefix}PORT": str(port),
            f"{prefix}WORKERS": str(config.workers),
            f"{prefix}THREADS": str(config.threads_per_worker),
            f"{prefix}MEMORY": config.memory_limit,
        }

    def _real_fields(self, record: ServerRecord) -> dict[str, Any]:
        settings, prefix = environment_of(record.pid), dask_cluster.PREFIX
        return {
            "workers": int(settings.get(f"{prefix}WORKERS", 0)),
            "threads_per_worker": int(settings.get(f"{prefix}THREADS", 0)),
            "memory_limit": settings.get(f"{prefix}MEMORY"),
            **({} if self.config.port is None else {"port": record.port}),
        }

    def _is_ready(self, address: str) -> bool:
        try:
            return len(self._asked(address)) == self.config.workers
        except HookError:
            return False

    def _asked(self, address: str) -> Mapping[str, Any]:
        """The workers that a scheduler knows.

        Raises:
            HookError: it does not answer as one.
        """
        require_imports(self)
        import asyncio
        import socket

        from distributed import rpc

        patience = min(_PATIENCE, max(self.context.remaining(), 0.1))
        place = urlsplit(address)

        async def asked() -> Mapping[str, Any]:
            async with rpc(address, timeout=patience) as scheduler:
                told = await scheduler.identity()
            return told["workers"] if told.get("type") == "Scheduler" else {}

        async def in_time() -> Mapping[str, Any]:
            return await asyncio.wait_for(asked(), patience)

        try:
            # Dask goes on trying for as long as it may, also where nobody listens.
            socket.create_connection((place.hostname, place.port or 8786), timeout=patience).close()
            return asyncio.run(in_time())
        except Exception as error:  # whatever a stranger answers breaks Dask's protocol somewhere
            raise HookError(
                f"no scheduler of Dask answers at {address} ({type(error).__name__})",
                "start it, or look at the address and at Dask's certificates",
                transient=True,
            ) from error


def _address(server: LocalServer, port: int) -> str:
    return f"tcp://{server.host}:{port}"


def _detail(address: str, workers: int) -> str:
    return f"{address} with {workers} worker{'' if workers == 1 else 's'}"


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What tasks get of this process's variables: where to find things, and the credentials of stores."""
    passed_on = {
        name: value for name, value in environment.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    return {**passed_on, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
