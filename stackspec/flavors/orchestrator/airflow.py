"""Pipelines in Apache Airflow."""

from __future__ import annotations

import json
from typing import Any

from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, HookError, Observation, setting
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.http.service import ask
from stackspec.flavors.orchestrator import Orchestrator
from stackspec.flavors.owned.directory import OwnedDirectory

_PARTS = ("metadatabase", "scheduler")
"""What must be healthy for pipelines to run."""


class AirflowOrchestrator(Orchestrator):
    """Runs pipelines in Apache Airflow: in one that exists, by its API, or in the one that reads a folder of DAGs."""

    flavor = "airflow"
    located_by = "address"
    occupies = frozenset({"dags_dir"})

    class Config(FlavorConfig):
        """Where Airflow is, and where it finds its DAGs."""

        address: str | None = setting(
            "The address of Airflow 3's API server, without `/api`, which is only looked at; null where only the "
            "folder of DAGs is known.",
            default=None,
            pattern="^https?://[^/@?#\\s]+(/[^@?#\\s]*)?$",
            examples=["https://airflow.example.org"],
        )
        username: str | None = setting("Who asks; null where Airflow asks for nobody.", default=None, min_length=1)
        password: str | None = setting(
            "The password of that user.", default=None, sensitive=True, examples=["{{ secrets.airflow.password }}"]
        )
        dags_dir: str | None = setting(
            "The folder of DAGs, which is made where it is not there; null for a private one.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./dags"],
        )
        delete_data: bool = setting(
            "Whether removing the component removes the DAGs too. Without it a folder that holds any is kept.",
            default=False,
        )

    class Outputs(Orchestrator.Outputs):
        """Where runs are submitted, and DAGs are put."""

        dags_dir: str = setting("The absolute path of the folder of DAGs.")

    config: Config

    def observe(self) -> Observation:
        time_left(self.context)
        seen = self._directory().observe()
        if self.config.address is None:
            return seen
        try:
            detail, serves = self._look(), True
        except HookError as error:
            time_left(self.context)
            detail, serves = error.message, False
        return Observation(seen.provisioned, serves, f"{detail}; {seen.detail}", seen.fields, seen.owner)

    def provision(self) -> FlavorOutputs:
        time_left(self.context)
        if self.config.address is not None:
            try:
                self._look()
            except HookError as error:
                time_left(self.context)
                if not error.transient:
                    raise
                self.context.log(f"does not serve: {error.message}")
        directory = self._directory()
        directory.provision()
        return self.Outputs(uri=self.config.address or directory.uri, dags_dir=str(directory.path))

    def update(self, previous: AirflowOrchestrator) -> FlavorOutputs:
        return self.provision()

    def deprovision(self) -> None:
        self._directory().deprovision(delete_contents=self.config.delete_data or self.config.dags_dir is None)

    def _directory(self) -> OwnedDirectory:
        chosen = self.config.dags_dir
        return OwnedDirectory(self.context.data_dir if chosen is None else self.context.path(chosen), self.context)

    def _look(self) -> str:
        """Whether Airflow is healthy and lets in who asks.

        Source: https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
        """
        place = (self.config.address or "").rstrip("/")
        health = self._told(f"{place}/api/v2/monitor/health")
        ill = [part for part in _PARTS if (health.get(part) or {}).get("status") != "healthy"]
        if ill:
            hint = "look at what Airflow logs"
            raise HookError(f"{place} answers, but is not healthy: {', '.join(ill)}", hint, transient=True)
        if self.config.username is not None:
            shown = {"username": self.config.username, "password": self.config.password or ""}
            given = self._told(f"{place}/auth/token", json.dumps(shown).encode())
            self._told(f"{place}/api/v2/dags?limit=1", token=str(given.get("access_token")))
        return f"{place} is healthy"

    def _told(self, url: str, body: bytes | None = None, token: str | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if body else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        credentials = "set username and password to those of a user of Airflow"
        try:
            told = json.loads(ask(url, self.context, headers=headers, body=body, credentials=credentials))
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise HookError(f"what answers at {url} is not Airflow 3", "look at the address")
        return told
