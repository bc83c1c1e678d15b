"""A Kubernetes cluster, as one hook sees it through the official client: objects by their paths, as plain JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stackspec.flavors.contract import HookContext, HookError, Owner
from stackspec.flavors.extras import require_extra
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.owned.bucket import mark_of, owner_of

_WORD = "stackspec/"
"""What the names of the annotations begin with that are the mark."""
_CONNECT, _READ = 5.0, 30.0
"""Seconds to reach the API, and for each part of an answer, at most."""
_INSIDE = "KUBERNETES_SERVICE_HOST"
"""The variable that every container of a cluster has."""


def annotations_of(context: HookContext) -> dict[str, str]:
    """The annotations that mark what a component makes."""
    return {_WORD + word: value for word, value in mark_of(context).items()}


def unmarked(annotations: Mapping[str, str]) -> dict[str, str]:
    """Annotations without the mark."""
    return {name: value for name, value in annotations.items() if not name.startswith(_WORD)}


def owner_by(found: Mapping[str, Any]) -> Owner | None:
    """Whose mark an object carries."""
    given = found["metadata"].get("annotations") or {}
    return owner_of({name.removeprefix(_WORD): given[name] for name in given if name.startswith(_WORD)})


class Cluster:
    """The API of a cluster.

    Args:
        kubeconfig: The file that says where clusters are; None for the service account of the container that this runs
            in, else for what KUBECONFIG names, else `~/.kube/config`.
        chosen: The context of that file; None for its current one.

    Raises:
        HookError: there is no such file or context, or it cannot be used.
    """

    def __init__(self, kubeconfig: Path | None, chosen: str | None, context: HookContext) -> None:
        require_extra("kubernetes", "kubernetes")
        from kubernetes import client, config
        from kubernetes.config import ConfigException
        from urllib3 import Retry

        self._context = context
        settings = client.Configuration()
        try:
            if kubeconfig is None and chosen is None and _INSIDE in os.environ:
                config.load_incluster_config(settings)
            else:
                file = None if kubeconfig is None else str(kubeconfig)
                config.load_kube_config(file, chosen, settings, persist_config=False)
        except (ConfigException, OSError, ValueError, TypeError, KeyError) as error:
            raise HookError(
                "there is no configuration of a Kubernetes cluster that can be used",
                "look at 'kubeconfig' and 'context', the variable KUBECONFIG and ~/.kube/config",
            ) from error
        # Another attempt would be told of on standard error; a redirection would take the token along.
        settings.retries = Retry(0, redirect=False)
        self.address: str = settings.host
        self._api = client.ApiClient(settings)

    def find(self, path: str) -> dict[str, Any] | None:
        """The object at a path; None where there is none."""
        found = self._ask("GET", path, None, absent=(404,))
        return found if isinstance(found, dict) else None

    def make(self, path: str, document: Mapping[str, Any]) -> bool:
        """Put a new object into the collection at a path; False where one of the name is there."""
        return self._ask("POST", path, document, absent=(409,)) is not None

    def change(self, path: str, document: Mapping[str, Any]) -> bool:
        """Replace an object that was found; False where it has changed since."""
        return self._ask("PUT", path, document, absent=(404, 409)) is not None

    def remove(self, path: str, found: Mapping[str, Any]) -> None:
        """Have exactly the object that was found removed, if it is still there."""
        only = {"preconditions": {"uid": found["metadata"]["uid"]}}
        wanted = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background", **only}
        self._ask("DELETE", path, wanted, absent=(404, 409))

    def _ask(self, method: str, path: str, body: Any, absent: tuple[int, ...]) -> Any:
        """The answer to a request, parsed; None for a status in `absent`.

        The client's own connections are used, with what they trust and show, but not the methods around them: those
        have other arguments from version to version.
        """
        from urllib3 import Timeout

        left = time_left(self._context)
        settings = self._api.configuration
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if shown := settings.auth_settings().get("BearerToken"):
            headers[shown["key"]] = shown["value"]
        with self._reporting():
            answer = self._api.rest_client.pool_manager.request(
                method,
                self.address.rstrip("/") + path,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=Timeout(connect=min(_CONNECT, left), read=min(_READ, left)),
                redirect=False,
            )
        if answer.status in absent:
            return None
        if answer.status >= 300:
            raise self._refused(method, path, answer.status)
        try:
            return json.loads(answer.data)
        except ValueError as error:
            raise HookError(f"what answers at {self.address} is no API of Kubernetes", "look at the context") from error

    def _refused(self, method: str, path: str, status: int) -> HookError:
        if status == 401:
            return HookError(
                f"{self.address} refuses the credentials", "log in to the cluster anew, or renew the token"
            )
        if status == 403:
            what = f"{method} {path}"
            return HookError(f"{self.address} does not allow {what}", "have whoever runs the cluster allow it")
        return HookError(
            f"{self.address} answers {method} {path} with status {status}",
            "look at the config and at the cluster",
            transient=status in (429, 500, 502, 503, 504),
        )

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """What the client reports as what a user is told."""
        from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

        try:
            yield
        except HTTPError as error:
            time_left(self._context)
            cause = error.reason if isinstance(error, MaxRetryError) else error
            if isinstance(cause, SSLError):
                hint = "look at 'certificate-authority' of the kubeconfig"
                raise HookError(f"{self.address} is not trusted", hint) from error
            raise HookError(
                f"{self.address} does not answer ({type(cause).__name__})",
                "look at the cluster, the network and the context of the kubeconfig",
                transient=True,
            ) from error
