"""Experiments in an MLflow tracking server, of this machine or one that exists already."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from stackspec.flavors.contract import FlavorConfig, HookError, setting
from stackspec.flavors.experiment_tracker import ExperimentTracker, Run
from stackspec.flavors.http.mlflow_server import MlflowRun, MlflowServer
from stackspec.flavors.owned.directory import OwnedDirectory
from stackspec.flavors.processes.local_server import ServerRecord
from stackspec.flavors.processes.marked_processes import environment_of
from stackspec.flavors.processes.server_or_address import ADDRESS, ServerOrAddress

_KEPT_BACK_PREFIX = "MLFLOW_SERVER_"  # they could open the server to other machines' web pages
_FIXED_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its job processes would outlive the server
    "PYTHONSAFEPATH": "1",  # the server imports nothing from the folder that it runs in
    "PYTHONUNBUFFERED": "1",  # the log is complete even if the server is killed
}


class MlflowExperimentTracker(ServerOrAddress, ExperimentTracker):
    """An MLflow tracking server: on this machine and reachable from it only, or one that exists already."""

    flavor = "mlflow"
    extra = "mlflow"
    imports = ("mlflow", "flask", "flask_cors", "sqlalchemy", "alembic", "aiohttp", "pandas", "uvicorn", "psutil")
    passed_on = ("MLFLOW_", "AWS_", "GOOGLE_", "AZURE_")
    environment: ClassVar[Mapping[str, str]] = {
        "MLFLOW_TRACKING_URI": "uri",
        "MLFLOW_TRACKING_USERNAME": "username",
        "MLFLOW_TRACKING_PASSWORD": "password",
        "MLFLOW_TRACKING_TOKEN": "token",
    }

    class Config(FlavorConfig):
        """An MLflow tracking server with a SQLite database, or with `uri` one that exists already.

        One that exists is looked at and never changed; all but what it is shown says nothing then.
        """

        uri: str | None = setting(
            "The address of a server that exists already; where it is null one is started on this machine.",
            default=None,
            requires_replacement=True,
            pattern=ADDRESS,
            examples=["https://mlflow.example.org"],
        )
        username: str | None = setting("Who uses a server that exists already.", default=None, pattern="^[^:\\s]+$")
        password: str | None = setting("The password of `username`.", default=None, sensitive=True, min_length=1)
        token: str | None = setting(
            "What a server that exists already is shown instead of a username and a password.",
            default=None,
            sensitive=True,
            pattern="^[!-~]+$",
        )
        artifact_root: str | None = setting(
            "Where artifacts go: a URI, such as the `uri` of an artifact store, or a directory; by default one beside "
            "the database. Clients read and write them through the server, so after a change it no longer finds what "
            "older runs stored.",
            default=None,
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

        backend_store_uri: str | None = setting("The database, as a SQLAlchemy URL; null for a server of others.")
        username: str | None = setting("Who uses it, where it asks.", default=None)
        password: str | None = setting("The password of `username`.", default=None, sensitive=True)
        token: str | None = setting("What it is shown instead.", default=None, sensitive=True)

    config: Config

    def begin_run(self, name: str, experiment: str) -> Run:
        config = self.config
        server = MlflowServer(self.context.outputs["uri"], config.username, config.password, config.token)
        return MlflowRun(server, experiment, name)

    def credentials(self) -> tuple[str | None, ...]:
        return self.config.password, self.config.token

    def command(self, port: int) -> list[str]:
        host = self.server().host
        return [sys.executable, "-m", "mlflow", "server", "--serve-artifacts", f"--host={host}", f"--port={port}"]

    def settings(self, port: int) -> Mapping[str, str]:
        """What the server is to be, by the variables that `mlflow server` reads in the place of options."""
        return {
            "MLFLOW_BACKEND_STORE_URI": self._backend_store_uri,
            "MLFLOW_ARTIFACTS_DESTINATION": self._artifacts_destination,
            "MLFLOW_WORKERS": str(self.config.workers),
        }

    def variables(self) -> Mapping[str, str]:
        """Where to find things, and the credentials of stores."""
        found = {name: text for name, text in super().variables().items() if not name.startswith(_KEPT_BACK_PREFIX)}
        return {**found, **_FIXED_ENVIRONMENT}

    def outputs(self, uri: str) -> Outputs:
        config = self.config
        if config.uri is None:
            return self.Outputs(uri=uri, backend_store_uri=self._backend_store_uri)
        known = {name: getattr(config, name) for name in ("uri", "username", "password", "token")}
        return self.Outputs(backend_store_uri=None, **known)

    def is_made(self) -> bool:
        return self._database_file.is_file()

    def real_fields(self, record: ServerRecord) -> Mapping[str, Any]:
        settings = environment_of(record.pid)
        destination = settings.get("MLFLOW_ARTIFACTS_DESTINATION")
        as_wanted = destination == self._artifacts_destination  # two texts can name one place
        return {
            "artifact_root": self.config.artifact_root if as_wanted else destination,
            "workers": int(settings.get("MLFLOW_WORKERS", 1)),
        }

    def directory(self) -> OwnedDirectory:
        chosen = self.config.database_dir
        path = self.context.path(chosen) if chosen is not None else self.context.data_dir / "database"
        if "?" in str(path):
            raise HookError(
                f"the database cannot be in {path}: a '?' has a meaning in its URL", "use another directory"
            )
        return OwnedDirectory(path, self.context)

    @property
    def _database_file(self) -> Path:
        return self.directory().path / "mlflow.db"

    @property
    def _backend_store_uri(self) -> str:
        return f"sqlite:///{self._database_file}"

    @property
    def _artifacts_destination(self) -> str:
        if self.config.artifact_root is None:
            return (self.directory().path / "artifacts").as_uri()
        root = urlsplit(self.config.artifact_root)
        if root.scheme not in ("", "file"):
            return self.config.artifact_root
        if root.netloc not in ("", "localhost"):
            raise HookError(f"artifact_root is on another machine: {root.netloc}", "write file:/// with three slashes")
        return self.context.path(unquote(root.path) if root.scheme else self.config.artifact_root).as_uri()
