"""Secrets of Kubernetes: the files of a mounted one, or any of a namespace, by the API."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from stackspec.secret_stores.contract import (
    Answer,
    Missing,
    Secret,
    SecretStore,
    StoreConfig,
    StoreError,
    each_alone,
    setting,
)
from stackspec.secret_stores.entries import AT_ONCE, Entry, each, entry_of, value_in
from stackspec.secret_stores.private_file import read_at
from stackspec.secret_stores.server import Server, shown_address

_INSIDE = "KUBERNETES_SERVICE_HOST"
"""The variable that every container of a cluster has."""

_NAME = re.compile("[a-z0-9][a-z0-9.-]*")


class KubernetesSecretStore(SecretStore):
    """The keys of a mounted Secret, or the Secrets of a namespace; values are what containers get, to the byte."""

    type = "kubernetes"
    extra = "kubernetes"
    path_form = "SECRET#KEY; with `mount`, KEY"

    class Config(StoreConfig):
        """A folder, or a namespace."""

        mount: str | None = setting(
            "The folder where a Secret is mounted: inside the project, or under an allowed path. "
            "Without it the API is asked.",
            default=None,
            path=True,
        )
        namespace: str = setting(
            "The namespace of the Secrets, where the API is asked.", default="default", pattern="^[a-z0-9][a-z0-9-]*$"
        )
        context: str | None = setting(
            "The context of the kubeconfig; without it the service account inside a cluster, else the current context.",
            default=None,
        )

    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """See `SecretStore.read`."""
        if self.config.mount is not None:
            return each_alone(self._mounted, paths)
        with TemporaryDirectory(prefix="stackspec-") as folder:
            found = each(partial(self._secret, self._api(Path(folder))), map(entry_of, paths))
        return each_alone(lambda path: _decoded(value_in(found[entry_of(path)], path), path), paths)

    def _mounted(self, key: str) -> Secret | Missing:
        folder, called = self.place.path(self.config.mount), f"{self.config.mount}/{key}"
        # The files are links, to a folder that changes as a whole: they may lead anywhere inside, and nowhere else.
        file = self.place.path(called)
        if not file.is_relative_to(folder):
            raise StoreError(f"'{key}' leads out of the store's folder", unfit=True)
        # Kubernetes lets everybody in the container read them, and keeps others out of it.
        data = read_at(file, called, private=False)
        return Missing(f"there is no file '{called}'") if data is None else _as_secret(data, called)

    def _api(self, folder: Path) -> Any:
        """The client of the API.

        Args:
            folder: Where certificates and keys of the kubeconfig are, as the client reads them, while it is used.
        """
        from kubernetes import client, config
        from kubernetes.config import ConfigException
        from urllib3 import Retry

        settings = client.Configuration()
        environ = self.place.environ
        try:
            if self.config.context is None and _INSIDE in environ:
                config.load_incluster_config(settings)
            else:
                kubeconfig = environ.get("KUBECONFIG") or f"{environ.get('HOME', '')}/.kube/config"
                with _LOADING:
                    new = f"{folder}/new"
                    config.load_kube_config(kubeconfig, self.config.context, settings, False, new)
                    _moved(settings, new, f"{folder}/own")
        except (ConfigException, OSError) as error:
            hint = "look at 'context', the variable KUBECONFIG and ~/.kube/config"
            raise StoreError("there is no configuration of a cluster that can be used", hint) from error
        settings.connection_pool_maxsize = AT_ONCE
        # Another attempt would be told of on standard error; a redirection would take the token along.
        settings.retries = Retry(0, redirect=False)
        return client.CoreV1Api(client.ApiClient(settings))

    def _secret(self, api: Any, name: str) -> Entry:
        from kubernetes.client import ApiException

        if not _NAME.fullmatch(name):
            return Missing(f"'{name}' is no name that a Secret can have")  # the API would take it for another address
        where = f"the namespace '{self.config.namespace}'"
        shown = shown_address(api.api_client.configuration.host)
        with _reporting(Server(shown, "the context", "'certificate-authority' of the kubeconfig")):
            try:
                timeout = (self.place.seconds / 5, self.place.seconds / 3)
                found = api.read_namespaced_secret(name, self.config.namespace, _request_timeout=timeout)
                return found.data or {}
            except ApiException as error:
                if error.status == 404:
                    return Missing(f"there is no Secret '{name}' in {where}")
                hint = f"who asks must be allowed to 'get' secrets in {where}"
                message = f"{shown} does not give the Secret '{name}': HTTP {error.status}"
                return StoreError(message, hint if error.status in (401, 403) else "look at the cluster")


@contextmanager
def _reporting(server: Server) -> Iterator[None]:
    """What the library reports as what a user is told."""
    from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, SSLError
    from urllib3.exceptions import TimeoutError as LateError

    try:
        yield
    except HTTPError as error:
        cause = error.reason if isinstance(error, MaxRetryError) else error
        if isinstance(cause, SSLError):
            raise server.untrusted() from error
        # A connection that is refused is a kind of timeout there.
        if isinstance(cause, LateError) and not isinstance(cause, NewConnectionError):
            raise server.late() from error
        raise server.unreachable() from error


def _moved(settings: Any, before: str, after: str) -> None:
    """Have the files that the library made lie elsewhere.

    It gives a file that is there to whoever asks for the same content, so that it would go with another's folder.
    """
    if os.path.isdir(before):
        os.rename(before, after)
        for name in ("ssl_ca_cert", "cert_file", "key_file"):
            file = getattr(settings, name)
            if file and file.startswith(f"{before}/"):
                setattr(settings, name, file.replace(before, after, 1))


_LOADING = Lock()


def _decoded(value: Answer, path: str) -> Answer:
    if not isinstance(value, Secret):
        return value
    try:
        return _as_secret(b64decode(value.reveal(), validate=True), path)
    except ValueError as error:
        raise StoreError(f"'{path}' is not base64", unfit=True) from error.with_traceback(None)


def _as_secret(data: bytes, called: str) -> Secret:
    try:
        return Secret(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise StoreError(f"'{called}' is not UTF-8 text", unfit=True) from error.with_traceback(None)
