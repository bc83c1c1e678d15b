"""An MLflow server as its clients see it, by its REST API: https://mlflow.org/docs/latest/api_reference/rest-api.html."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import time
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from stackspec.core.frozen import dataclass
from stackspec.flavors.contract import HookError
from stackspec.flavors.extras import require_extra
from stackspec.flavors.http.request import request
from stackspec.flavors.http.service import refuse_in_the_clear

_BATCH = 100
"""Parameters, and metrics, of one request: what the API takes at most of the first."""
_TRANSFER = 300.0
"""Seconds for each part of a file."""
_PROXY = "start it with --serve-artifacts, or use its own client"
_CREDENTIALS = "look at the username and password, or the token, in its config"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MlflowServer:
    """A server at an address, with what it is shown: a token, or a name and a password."""

    url: str
    username: str | None = None
    password: str | None = None
    token: str | None = None

    def call(self, method: str, path: str, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the API answers.

        Args:
            path: Below `/api/2.0/`.
            values: In the address of a GET, in the body of others.

        Raises:
            RefusedError: the server refuses, and says why.
            HookError: it takes no such credentials, or cannot be reached.
        """
        url, body = f"{self.url.rstrip('/')}/api/2.0/{path}", None
        if method == "GET":
            url = f"{url}?{urlencode(values or {})}"
        else:
            body = json.dumps(values or {}).encode()
        answer = request(method, url, body=body, headers={"Content-Type": "application/json", **self.authorization()})
        told = answer.json()
        if answer.status == 200 and isinstance(told, dict):
            return told
        if answer.status in (401, 403):
            raise HookError(f"{self.url} refuses the credentials (status {answer.status})", _CREDENTIALS)
        raise RefusedError(self.url, answer.status, told if isinstance(told, dict) else {})

    def find(self, path: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a GET answers; None where there is no such thing. Raises as `call`."""
        try:
            return self.call("GET", path, values)
        except RefusedError as error:
            if error.code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def make(self, path: str, values: Mapping[str, Any]) -> None:
        """Make what may be there already. Raises as `call`."""
        try:
            self.call("POST", path, values)
        except RefusedError as error:
            if error.code != "RESOURCE_ALREADY_EXISTS":
                raise

    def authorization(self) -> dict[str, str]:
        """The headers by which the server knows who asks.

        Raises:
            HookError: others could read them.
        """
        refuse_in_the_clear(self.url, self.password, self.token)
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        if self.username:
            shown = b64encode(f"{self.username}:{self.password or ''}".encode()).decode()
            return {"Authorization": f"Basic {shown}"}
        return {}

    def artifacts_of(self, run: str) -> str:
        """The URI of the folder of a run's artifacts. Raises as `call`."""
        return str(self.call("GET", "mlflow/runs/get", {"run_id": run})["run"]["info"]["artifact_uri"]).rstrip("/")

    def upload(self, folder: Path, uri: str) -> None:
        """Copy a folder to a URI among the artifacts that the server keeps.

        Raises:
            HookError: it is no folder, holds no file, or the server refuses.
        """
        if not uri.startswith("mlflow-artifacts:"):
            raise HookError(f"{self.url} keeps artifacts at {uri}, and takes none itself", _PROXY)
        place = urlsplit(uri).path.strip("/")
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        if not files:
            raise HookError(f"{folder} is no folder with files in it", "name the folder of the model")
        for file in files:
            url = self._artifact(f"{place}/{file.relative_to(folder).as_posix()}")
            size = {"Content-Length": str(file.stat().st_size), "Content-Type": "application/octet-stream"}
            with open(file, "rb") as data:
                answer = request("PUT", url, body=data, headers={**size, **self.authorization()}, timeout=_TRANSFER)
            if answer.status != 200:
                raise HookError(f"{self.url} does not take artifacts (status {answer.status})", _PROXY)

    def download(self, source: str, folder: Path) -> None:
        """Copy what is at a URI of artifacts into a folder, which is made.

        Raises:
            HookError: the server does not hand it out, or it cannot be written.
        """
        if not source.startswith("mlflow-artifacts:"):
            _fetch(source, folder, self.url)
            return
        root = urlsplit(source).path.strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        left = [root]
        while left:
            place = left.pop()
            for one in self.call("GET", "mlflow-artifacts/artifacts", {"path": place}).get("files", ()):
                name = str(one["path"])
                if "/" in name or name in ("", ".", ".."):
                    raise HookError(f"{self.url} names an artifact that is none: {name}")
                if one.get("is_dir"):
                    left.append(f"{place}/{name}")
                    continue
                file = folder / f"{place}/{name}".removeprefix(root).lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                with open(file, "xb") as data:
                    headers, url = self.authorization(), self._artifact(f"{place}/{name}")
                    answer = request("GET", url, headers=headers, timeout=_TRANSFER, into=data)
                if answer.status != 200:
                    raise HookError(f"{self.url} does not hand out {place}/{name} (status {answer.status})", _PROXY)

    def _artifact(self, place: str) -> str:
        return f"{self.url.rstrip('/')}/api/2.0/mlflow-artifacts/artifacts/{quote(place)}"

    def experiment(self, name: str) -> str:
        """The id of the experiment of a name, made if there is none. Raises as `call`."""
        wanted = {"experiment_name": name}
        found = self.find("mlflow/experiments/get-by-name", wanted)
        if found is None:
            self.make("mlflow/experiments/create", {"name": name})
            found = self.call("GET", "mlflow/experiments/get-by-name", wanted)
        return str(found["experiment"]["experiment_id"])


def _fetch(source: str, folder: Path, url: str) -> None:
    """Copy what is at a URI that only MLflow's own client knows how to read."""
    require_extra("mlflow", "mlflow")
    import mlflow

    try:
        mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(folder), tracking_uri=url)
    except Exception as error:  # of the client of whatever store that is
        raise HookError(
            f"{source} cannot be read: {type(error).__name__}", "look at the credentials of its store"
        ) from error


class RefusedError(HookError):
    """What the server says for itself, with the code by which it says it."""

    def __init__(self, url: str, status: int, told: Mapping[str, Any]) -> None:
        message = f"{url} refuses: {told.get('message') or f'status {status}'}"
        super().__init__(message, transient=status == 429 or status >= 500)
        self.code = str(told.get("error_code", ""))


class MlflowRun:
    """A run of an experiment; see `stackspec.flavors.experiment_tracker.Run`."""

    def __init__(self, server: MlflowServer, experiment: str, name: str) -> None:
        self._server = server
        place = server.experiment(experiment)
        values = {"experiment_id": place, "run_name": name, "start_time": _now()}
        self.id = str(server.call("POST", "mlflow/runs/create", values)["run"]["info"]["run_id"])
        self.url = f"{server.url.rstrip('/')}/#/experiments/{quote(place)}/runs/{quote(self.id)}"

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record what the run was made with."""
        pairs = [{"key": name, "value": str(value)} for name, value in parameters.items()]
        for batch in _batches(pairs):
            self._server.call("POST", "mlflow/runs/log-batch", {"run_id": self.id, "params": batch})

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record what was measured."""
        now = _now()
        found = [
            {"key": name, "value": _number(value), "timestamp": now, "step": step} for name, value in metrics.items()
        ]
        for batch in _batches(found):
            self._server.call("POST", "mlflow/runs/log-batch", {"run_id": self.id, "metrics": batch})

    def tag(self, name: str, value: str) -> None:
        """Record a word about it."""
        self._server.call("POST", "mlflow/runs/set-tag", {"run_id": self.id, "key": name, "value": value})

    def end(self, *, failed: bool) -> None:
        """Record that it is over."""
        status = "FAILED" if failed else "FINISHED"
        values = {"run_id": self.id, "status": status, "end_time": _now()}
        self._server.call("POST", "mlflow/runs/update", values)


def _now() -> int:
    """Milliseconds since 1970, as the API counts."""
    return int(time() * 1000)


def _number(value: float) -> float | str:
    """A number as protobuf's JSON has it: https://protobuf.dev/programming-guides/json."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def _batches(items: Sequence[T]) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, _BATCH)):
        yield batch
