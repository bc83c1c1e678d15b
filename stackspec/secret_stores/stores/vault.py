"""Secrets in HashiCorp Vault or OpenBao."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

from stackspec.secret_stores.contract import Answer, Missing, SecretStore, StoreError, setting
from stackspec.secret_stores.entries import AT_ONCE, Entry, each, entry_of, value_in
from stackspec.secret_stores.private_file import as_text, read_at
from stackspec.secret_stores.server import Server, ServerConfig, keep_netrc_out, refuse_plain, shown_address

_ADDRESS = "VAULT_ADDR"
_AUTHORITIES = "VAULT_CACERT"
_TOKEN_FILE = ".vault-token"  # noqa: S105 - the name of a file
"""Where `vault login` leaves a token, in the user's home."""


class VaultSecretStore(SecretStore):
    """A key-value engine, version 2, of a Vault or OpenBao server; the newest version of each entry is read."""

    type = "vault"
    extra = "vault"
    path_form = "ENTRY#FIELD, or ENTRY where it has one field"

    class Config(ServerConfig):
        """Where the server is, and who asks."""

        address: str | None = setting(
            f"The server's address; without it the variable {_ADDRESS} says it.",
            default=None,
            pattern="^https?://",
            examples=["https://vault.example.com:8200"],
        )
        mount: str = setting("Where the engine is mounted.", default="secret")
        namespace: str | None = setting("The namespace, where the server has several.", default=None)
        auth: Literal["token", "approle"] = setting("How the one who asks is known.", default="token")
        token_variable: str = setting(
            "The variable that holds the token; where it is not set, ~/.vault-token is read.", default="VAULT_TOKEN"
        )
        role_id: str | None = setting("With `auth: approle`, the role's id.", default=None)
        secret_id_variable: str | None = setting(
            "With `auth: approle`, the variable that holds the role's secret id.", default=None
        )
        ca_file: str | None = setting(
            "The certificates that the server's own is checked by, instead of those that VAULT_CACERT names or "
            "the system trusts.",
            default=None,
            path=True,
        )

    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """See `SecretStore.read`."""
        client = self._client()
        entries = each(partial(self._entry, client), map(entry_of, paths))
        return {path: value_in(entries[entry_of(path)], path) for path in paths}

    @property
    def _address(self) -> str:
        address: str | None = self.config.address or self.place.environ.get(_ADDRESS)
        if not address:
            raise StoreError("the address of Vault is not known", f"set 'address', or the variable {_ADDRESS}")
        return address

    @property
    def _shown(self) -> str:
        return shown_address(self._address)

    def _client(self) -> Any:
        """A client that is logged in."""
        import hvac
        import requests

        refuse_plain(self._address, self.config)
        session = requests.Session()
        keep_netrc_out(session, self._address)
        session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=AT_ONCE))
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=AT_ONCE))
        session.verify = self._authorities()
        # The library would look for whatever it is not told in variables, and in a file that it does not check.
        client = hvac.Client(
            url=self._address,
            token=self._token() if self.config.auth == "token" else "",
            session=session,
            verify=session.verify,
            namespace=self.config.namespace,
            timeout=(self.place.seconds / 5, self.place.seconds / 3),
            # A redirection would take the token to another server.
            allow_redirects=False,
        )
        if self.config.auth == "approle":
            self._log_in(client)
        return client

    def _authorities(self) -> str | bool:
        """The file that says by whom the server's certificate is signed; True for what the system and requests say."""
        name = self.config.ca_file or self.place.environ.get(_AUTHORITIES)
        if not name:
            return True
        path = self.place.path(name) if self.config.ca_file else Path(name)
        if not path.is_file():
            said = "'ca_file'" if self.config.ca_file else f"the variable {_AUTHORITIES}"
            raise StoreError(f"there is no file '{name}'", f"mend {said}", unfit=True)
        return str(path)

    def _token(self) -> str:
        if token := (self.place.variable(self.config.token_variable) or "").strip():
            return token
        called = f"~/{_TOKEN_FILE}"
        home = self.place.environ.get("HOME")
        data = read_at(Path(home, _TOKEN_FILE), called) if home else None
        if data is None:
            message = f"there is no token: the variable {self.config.token_variable} is not set, nor is there {called}"
            raise StoreError(message, "set the variable, or run: vault login")
        return as_text(data, called).strip()

    def _log_in(self, client: Any) -> None:
        from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

        role, variable = self.config.role_id, self.config.secret_id_variable
        if not (role and variable):
            raise StoreError("'auth: approle' needs 'role_id' and 'secret_id_variable'", "set both in the config")
        secret = (self.place.variable(variable) or "").strip()
        if not secret:
            raise StoreError(f"there is no secret id: the variable {variable} is not set", "set it")
        with self._reporting():
            try:
                client.auth.approle.login(role, secret)
            except (Forbidden, InvalidPath, InvalidRequest) as error:
                hint = f"look at 'role_id' and the secret id in {variable}, which may have expired"
                raise StoreError(f"{self._shown} refuses the role", hint) from error

    def _entry(self, client: Any, entry: str) -> Entry:
        from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

        if ".." in entry.split("/"):
            return StoreError(f"'{entry}' leads out of the store's engine", unfit=True)
        mount = self.config.mount
        with self._reporting():
            try:
                answer = client.secrets.kv.v2.read_secret_version(
                    entry, mount_point=mount, raise_on_deleted_version=True
                )
            except InvalidPath as error:
                return self._missing(entry, error)
            except InvalidRequest:
                return Missing(f"'{entry}' is no path that {self._shown} takes")
            except Forbidden:
                return self._forbidden(client, entry)
        if not isinstance(answer, Mapping):  # what is neither an error nor JSON is given back as it came
            message = f"{self._shown} does not answer as Vault does: HTTP {answer.status_code}"
            raise StoreError(message, "look at 'address': it must be the active server's own")
        document: Mapping[str, Any] = answer["data"]["data"]
        return document

    def _missing(self, entry: str, error: Any) -> Missing:
        answer = error.json if isinstance(error.json, Mapping) else {}
        if any("no handler for route" in str(one) for one in answer.get("errors") or ()):
            message = f"{self._shown} has no engine at '{self.config.mount}'"
            raise StoreError(message, "look at 'mount' and 'namespace'") from error
        version = (answer.get("data") or {}).get("metadata") or {}
        if version.get("destroyed") or version.get("deletion_time"):
            return Missing(f"the newest version of '{entry}' was deleted")
        return Missing(f"there is no '{entry}' in '{self.config.mount}'")

    def _forbidden(self, client: Any, entry: str) -> StoreError:
        """The server says the same of a token that it does not know, which is raised, and of one that may not read."""
        from hvac.exceptions import Forbidden

        try:
            client.auth.token.lookup_self()
        except Forbidden as error:
            raise StoreError(f"{self._shown} refuses the token", "it may have expired: get a new one") from error
        policy = f"its policies must allow 'read' of '{self.config.mount}/data/{entry}'"
        return StoreError(f"{self._shown} does not let the token read '{entry}'", policy)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """What the libraries report as what a user is told."""
        from hvac.exceptions import VaultDown, VaultError

        with Server(self._shown, "'address'", f"'ca_file' or the variable {_AUTHORITIES}").asked_by_requests():
            try:
                yield
            except VaultDown as error:
                raise StoreError(
                    f"{self._shown} is sealed, or not ready", "unseal it: vault operator unseal"
                ) from error
            except VaultError as error:
                raise StoreError(f"{self._shown} fails: {type(error).__name__}", "look at the server's log") from error
