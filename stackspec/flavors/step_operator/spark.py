"""Single steps as applications of Apache Spark."""

from __future__ import annotations

import json
import os
import shutil
import socket
from typing import Any
from urllib.parse import urlsplit

from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, HookError, setting
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.http.observed_service import ObservedService
from stackspec.flavors.http.service import ask
from stackspec.flavors.step_operator import StepOperator

_PATIENCE = 5.0
"""Seconds given to a master to take a connection."""


class SparkStepOperator(ObservedService, StepOperator):
    """Runs single steps as applications of Spark: in a cluster that exists, or in processes of this machine."""

    flavor = "spark"
    requirements = ("pyspark>=3.5",)
    located_by = "address"

    class Config(FlavorConfig):
        """A master, or how many threads of this machine."""

        address: str | None = setting(
            "The master of a cluster that exists, as Spark writes it; null for this machine.",
            default=None,
            pattern="^(spark://[A-Za-z0-9.-]+:[0-9]{1,5}|k8s://https?://[^/@?#\\s]+)$",
            examples=["spark://spark.example.org:7077", "k8s://https://cluster.example.org:6443"],
        )
        web_address: str | None = setting(
            "The address of the master's web pages, which tell its state; null where they cannot be reached.",
            default=None,
            pattern="^https?://[^/@?#\\s]+(/[^@?#\\s]*)?$",
            examples=["http://spark.example.org:8080"],
        )
        threads: int | None = setting(
            "How many threads run at once on this machine; null for one a processor.", default=None, minimum=1
        )
        settings: dict[str, str] = setting(
            "Spark's own settings, by their names; no secrets, since Spark shows them to everybody.",
            default={},
            schema={
                "type": "object",
                "propertyNames": {"pattern": "^spark\\.[A-Za-z0-9._-]+$"},
                "additionalProperties": {"type": "string"},
            },
            examples=[{"spark.executor.memory": "4g"}],
        )

    config: Config

    def outputs(self) -> FlavorOutputs:
        """The master, as Spark takes it."""
        local = f"local[{self.config.threads or '*'}]"
        return self.Outputs(uri=self.config.address or local)

    def look(self) -> str:
        """Whether there is what runs applications."""
        address = self.config.address
        if address is None:
            home = os.environ.get("JAVA_HOME")
            java = shutil.which(os.path.join(home, "bin", "java")) if home else shutil.which("java")
            if java is None:
                raise HookError("there is no Java on this machine", "install one, or set JAVA_HOME", transient=True)
            return f"runs on this machine with {java}"
        if self.config.web_address is not None:
            return self._state(self.config.web_address.rstrip("/"))
        place = urlsplit(address.removeprefix("k8s://"))
        port = place.port or (443 if place.scheme == "https" else 80)
        try:
            patience = min(_PATIENCE, time_left(self.context))
            socket.create_connection((str(place.hostname), port), timeout=patience).close()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise HookError(f"{address} cannot be reached: {why}", "look at the master", transient=True) from error
        return f"{address} takes connections"

    def _state(self, web: str) -> str:
        """What the master says of itself.

        Source: https://github.com/apache/spark/blob/master/core/src/main/scala/org/apache/spark/deploy/JsonProtocol.scala
        """
        try:
            told: Any = json.loads(ask(f"{web}/json/", self.context))
            url, status, workers = told["url"], told["status"], int(told["aliveworkers"])
        except (ValueError, KeyError, TypeError) as error:
            raise HookError(f"what answers at {web} is not a master of Spark", "look at web_address") from error
        if url != self.config.address:
            raise HookError(f"{web} is of the master {url}", "set web_address to that of the master in 'address'")
        if status != "ALIVE" or not workers:
            problem = "has no workers" if status == "ALIVE" else f"is {status}"
            raise HookError(f"the master {url} {problem}", "look at the cluster", transient=True)
        return f"{url} with {workers} worker{'' if workers == 1 else 's'}"
