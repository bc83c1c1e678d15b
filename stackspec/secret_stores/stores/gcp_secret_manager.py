"""Secrets in Google Cloud Secret Manager."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from stackspec.secret_stores.contract import Answer, Missing, SecretStore, StoreError, setting
from stackspec.secret_stores.entries import each, entry_of, value_of
from stackspec.secret_stores.server import Server, ServerConfig, keep_netrc_out, refuse_plain, shown_address

_TITLE = "Google Secret Manager"
_CREDENTIALS = "run: gcloud auth application-default login"
_ROLE = "who asks needs the role roles/secretmanager.secretAccessor"
_HINTS = {400: "its version may be disabled or destroyed", 401: _ROLE, 403: _ROLE}
"""Status of an answer to what to do."""
_NAME = re.compile("[A-Za-z0-9_-]+(/versions/[A-Za-z0-9_-]+)?")
_AT_ONCE = 8
"""Requests at once; the client has no more connections."""


class GcpSecretManagerStore(SecretStore):
    """The secrets of a project, in their newest version or one that the path names."""

    type = "gcp_secret_manager"
    extra = "gcp"
    path_form = "NAME or NAME/versions/N, or one with #FIELD of its JSON"

    class Config(ServerConfig):
        """Which project it is."""

        project: str = setting("The project's id or number.", pattern="^[A-Za-z0-9][A-Za-z0-9.:-]*$")
        endpoint_url: str | None = setting("Another address than Google's.", default=None, pattern="^https?://")

    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """See `SecretStore.read`."""
        if self.config.endpoint_url:
            refuse_plain(self.config.endpoint_url, self.config)
        with self._reporting():
            client = self._client()
        texts = each(partial(self._text, client), map(entry_of, paths), _AT_ONCE)
        return {path: value_of(texts[entry_of(path)], path) for path in paths}

    def _client(self) -> Any:
        from google.cloud import secretmanager_v1

        endpoint = self.config.endpoint_url
        options = {"api_endpoint": endpoint} if endpoint else {}
        client = secretmanager_v1.SecretManagerServiceClient(transport="rest", client_options=options)
        # The library takes no session of ours, and ~/.netrc would go before the credentials that it has found.
        keep_netrc_out(client.transport._session)
        return client

    def _text(self, client: Any, entry: str) -> str | Missing | StoreError:
        from google.api_core.exceptions import GoogleAPICallError, NotFound

        if not _NAME.fullmatch(entry):
            return Missing(f"'{entry}' is no name that {_TITLE} knows")
        name = f"projects/{self.config.project}/secrets/{entry}{'' if '/' in entry else '/versions/latest'}"
        with self._reporting():
            try:
                answer = client.access_secret_version(name=name, timeout=self.place.seconds / 3, retry=None)
            except NotFound:
                return Missing(f"there is no '{entry}' in the project '{self.config.project}'")
            except GoogleAPICallError as error:
                message = f"{self._server.called} does not give '{entry}': HTTP {error.code:d}"
                return StoreError(message, _HINTS.get(error.code or 0, "look at the server"))
        try:
            return bytes(answer.payload.data).decode("utf-8")
        except UnicodeDecodeError:
            return StoreError(f"'{entry}' is not UTF-8 text", unfit=True)

    @property
    def _server(self) -> Server:
        url = self.config.endpoint_url
        called = f"{_TITLE} at {shown_address(url)}" if url else _TITLE
        return Server(called, "'endpoint_url'", "the variable REQUESTS_CA_BUNDLE")

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """What the libraries report as what a user is told."""
        from google.auth.exceptions import GoogleAuthError

        with self._server.asked_by_requests():
            try:
                yield
            except GoogleAuthError as error:
                raise StoreError(f"{_TITLE} cannot be asked: {type(error).__name__}", _CREDENTIALS) from error
