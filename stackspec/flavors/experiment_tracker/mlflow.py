"""Experiments in an MLflow tracking server of this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stackspec.flavors.contract import FlavorConfig, HookError, Observation, setting
from stackspec.flavors.experiment_tracker import ExperimentTracker
from stackspec.flavors.extras import require_extra
from stackspec.flavors.local_port import answers
from stackspec.flavors.local_server import LocalServer, ServerRecord
from stackspec.flavors.marked_processes import environment_of
from stackspec.flavors.owned_directory import OwnedDirectory

_PACKAGES = ("mlflow", "flask", "flask_cors", "sqlalchemy", "alembic", "aiohttp", "pandas", "uvicorn", "psutil")
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")
_PASSED_ON_PREFIXES = ("LC_", "MLFLOW_", "AWS_", "GOOGLE_", "AZURE_")
_KEPT_BACK_PREFIX = "MLFLOW_SERVER_"  # they could open the server to other machines' web pages
_FIXED_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its job processes would outlive the server
    "PYTHONSAFEPATH": "1",  # the server imports nothing from the folder that it runs in
    "PYTHONUNBUFFERED": "1",  # the log is complete even if the server is killed
}


class MlflowExperimentTracker(ExperimentTracker):
    """An MLflow tracking server on this machine, reachable from this machine only."""

    flavor = "mlflow"
    extra = "mlflow"

    class Config(FlavorConfig):
        """An MLflow tracking server with a SQLite database."""

        artifact_root: str = setting(
            "Where artifacts go: a URI, such as the `uri` of an artifact store, or a directory. Clients read and write "
            "them through the server, so after a change it no longer finds what older runs stored.",
            min_length=1,
            examples=["{{ components.artifact_store.outputs.uri }}", "s3://bucket/experiments"],
        )
        database_dir: str | None = setting(
            "The directory of the database; one that was there before is never deleted. By default one of the "
            "component's own.",
            default=None,
            path=True,
            requires_replacement=True,
        )
        port: int | None = setting(
            "The port; by default a free one is chosen once and kept.", default=None, minimum=1, maximum=65535
        )
        workers: int = setting("How many processes serve.", default=1, minimum=1)
        delete_data: bool = setting(
            "Whether removing the component removes the database too. Without it the database is kept.", default=False
        )

    class Outputs(ExperimentTracker.Outputs):
        """Where the server is, and its database."""

        backend_store_uri: str = setting("The database, as a SQLAlchemy URL.")

    config: Config

    def observe(self) -> Observation:
        server = LocalServer(self.context)
        record, running = server.recorded(), server.running()
        if record is None or not self._database_file.is_file():
            return Observation(
                provisioned=False,
                running=False,
                detail="no database, or no server was ever started",
                owner=self._database_directory.observe().owner,
            )
        uri = _uri(server, record.port)
        if running is None:
            return Observation(provisioned=True, running=False, detail=f"{uri} is stopped")
        if not answers(server.host, running.port, "/health"):
            return Observation(provisioned=True, running=False, detail=f"{uri} does not answer (process {running.pid})")
        return Observation(
            provisioned=True, running=True, detail=f"{uri} (process {running.pid})", fields=self._real_fields(running)
        )

    def provision(self) -> Outputs:
        require_extra("mlflow", *_PACKAGES)
        server = LocalServer(self.context)
        port = server.port(self.config.port)
        uri = _uri(server, port)
        self._database_directory.provision()
        if server.running() is None:
            self.context.log(f"starting MLflow at {uri}")
        server.start(
            _command(server.host, port),
            port=port,
            environment=_environment(os.environ),
            settings=self._settings,
            is_ready=lambda: answers(server.host, port, "/health"),
        )
        return self.Outputs(uri=uri, backend_store_uri=self._backend_store_uri)

    def update(self, previous: MlflowExperimentTracker) -> Outputs:
        return self.provision()

    def suspend(self) -> None:
        LocalServer(self.context).stop()

    def resume(self) -> Outputs:
        return self.provision()

    def deprovision(self) -> None:
        LocalServer(self.context).stop()
        self._database_directory.deprovision(delete_contents=self.config.delete_data)
        LocalServer(self.context).remove()

    @property
    def _database_directory(self) -> OwnedDirectory:
        chosen = self.config.database_dir
        path = self.context.path(chosen) if chosen is not None else self.context.data_dir / "database"
        if "?" in str(path):
            raise HookError(
                f"the database cannot be in {path}: a '?' has a meaning in its URL", "use another directory"
            )
        return OwnedDirectory(path, self.context)

    @property
    def _database_file(self) -> Path:
        return self._database_directory.path / "mlflow.db"

    @property
    def _backend_store_uri(self) -> str:
        return f"sqlite:///{self._database_file}"

    @property
    def _artifacts_destination(self) -> str:
        root = urlsplit(self.config.artifact_root)
        if root.scheme not in ("", "file"):
            return self.config.artifact_root
        if root.netloc not in ("", "localhost"):
            raise HookError(f"artifact_root is on another machine: {root.netloc}", "write file:/// with three slashes")
        return self.context.path(unquote(root.path) if root.scheme else self.config.artifact_root).as_uri()

    @property
    def _settings(self) -> Mapping[str, str]:
        """What the server is to be, by the variables that `mlflow server` reads in the place of options."""
        return {
            "MLFLOW_BACKEND_STORE_URI": self._backend_store_uri,
            "MLFLOW_ARTIFACTS_DESTINATION": self._artifacts_destination,
            "MLFLOW_WORKERS": str(self.config.workers),
        }

    def _real_fields(self, record: ServerRecord) -> dict[str, Any]:
        settings = environment_of(record.pid)
        destination = settings.get("MLFLOW_ARTIFACTS_DESTINATION")
        # Two texts can name one place, and a port that nobody asked for is no drift.
        as_wanted = destination == self._artifacts_destination
        return {
            "artifact_root": self.config.artifact_root if as_wanted else destination,
            "workers": int(settings.get("MLFLOW_WORKERS", 1)),
            **({} if self.config.port is None else {"port": record.port}),
        }


def _command(host: str, port: int) -> list[str]:
    return [sys.executable, "-m", "mlflow", "server", "--serve-artifacts", f"--host={host}", f"--port={port}"]


def _uri(server: LocalServer, port: int) -> str:
    return f"http://{server.host}:{port}"


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What the server gets of this process's variables: where to find things, and the credentials of stores."""
    passed_on = {
        name: value
        for name, value in environment.items()
        if (name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)) and not name.startswith(_KEPT_BACK_PREFIX)
    }
    return {**passed_on, **_FIXED_ENVIRONMENT}
