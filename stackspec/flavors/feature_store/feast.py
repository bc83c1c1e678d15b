"""Features that Feast serves, on this machine or elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

from stackspec.core.whole_file import write_whole
from stackspec.flavors.contract import FlavorConfig, HookError, setting
from stackspec.flavors.extras import require_extra
from stackspec.flavors.feature_store import FeatureStore
from stackspec.flavors.http.request import request
from stackspec.flavors.http.service import refuse_in_the_clear
from stackspec.flavors.owned.directory import OwnedDirectory
from stackspec.flavors.processes import program
from stackspec.flavors.processes.local_server import ServerRecord
from stackspec.flavors.processes.marked_processes import environment_of
from stackspec.flavors.processes.server_or_address import ADDRESS, ServerOrAddress

_FEAST = [sys.executable, "-m", "feast.cli.cli"]
_DIGEST = "STACKSPEC_FEATURES"
"""The server's variable with the digest of the definitions that it was started with."""
_QUIET = {"FEAST_USAGE": "False", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


class FeastFeatureStore(ServerOrAddress, FeatureStore):
    """Feast (https://docs.feast.dev): definitions that are served on this machine, or a server that exists already.

    The registry and the online store are files. Definitions are Python code, which runs when they are applied.
    """

    flavor = "feast"
    extra = "feast"
    imports: ClassVar[tuple[str, ...]] = ("feast", "psutil")
    requirements = ("feast>=0.60",)
    passed_on = ("AWS_", "GOOGLE_", "AZURE_")

    class Config(FlavorConfig):
        """What is served, or where a server is."""

        uri: str | None = setting(
            "The address of a feature server that exists already; where it is null one is started on this machine.",
            default=None,
            requires_replacement=True,
            pattern=ADDRESS,
            examples=["https://features.example.org"],
        )
        token: str | None = setting(
            "What a server that exists already is shown, as a bearer token.",
            default=None,
            sensitive=True,
            pattern="^[!-~]+$",
        )
        repository: str | None = setting(
            "The directory with the definitions of features, as Python files; relative paths in them start there. They "
            "are applied when they changed, which shows as drift. Needed where `uri` is null.",
            default=None,
            path=True,
            min_length=1,
            examples=["./features"],
        )
        project: str = setting(
            "The name of the project in the registry.",
            default="features",
            requires_replacement=True,
            pattern="^[A-Za-z][A-Za-z0-9_]*$",
        )
        data_dir: str | None = setting(
            "The directory of the registry and the online store; one that was there before is never deleted. By "
            "default one of the component's own.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
        )
        port: int | None = setting(
            "The port; by default a free one is chosen once and kept.", default=None, minimum=1, maximum=65535
        )
        delete_data: bool = setting(
            "Whether removing the component removes the registry and the online store too. Without it they are kept.",
            default=False,
        )

    config: Config

    def credentials(self) -> tuple[str | None, ...]:
        return (self.config.token,)

    def command(self, port: int) -> list[str]:
        return [*self._feast("serve"), f"--host={self.server().host}", f"--port={port}", "--no-access-log"]

    def settings(self, port: int) -> Mapping[str, str]:
        """A server that was started with other definitions is started anew."""
        return {_DIGEST: self._digest()}

    def variables(self) -> Mapping[str, str]:
        return {**super().variables(), **_QUIET}

    def outputs(self, uri: str) -> FeatureStore.Outputs:
        return self.Outputs(uri=uri)

    def directory(self) -> OwnedDirectory:
        chosen = self.config.data_dir
        path = self.context.path(chosen) if chosen is not None else self.context.data_dir / "features"
        return OwnedDirectory(path, self.context)

    def is_made(self) -> bool:
        return self._registry.is_file() and self._applied.is_file()

    def prepare(self, port: int) -> None:
        """Have the registry say what the definitions do."""
        digest = self._digest()
        if self.is_made() and self._applied.read_text(encoding="utf-8") == digest:
            return
        self.context.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = "\n".join(
            (
                f"project: {self.config.project}",
                "provider: local",
                f"registry: {_quoted(self._registry)}",
                f"online_store: {{type: sqlite, path: {_quoted(self._registry.with_name('online.db'))}}}",
                "entity_key_serialization_version: 3",
                "",
            )
        )
        write_whole(self._settings_file, config.encode(), 0o666)
        self.context.log(f"applying the definitions in {self._repository}")
        self.apply_definitions()
        write_whole(self._applied, digest.encode(), 0o666)

    def clear(self) -> None:
        for file in (self._applied, self._settings_file):
            file.unlink(missing_ok=True)

    def apply_definitions(self) -> None:
        """Have Feast bring its registry and its online store to what is defined."""
        hint = f"run in {self._repository}: feast --feature-store-yaml {self._settings_file} apply"
        program.run(self._feast("apply"), self.context, environment=_QUIET, hint=hint)

    def real_fields(self, record: ServerRecord) -> Mapping[str, Any]:
        try:
            as_wanted = environment_of(record.pid).get(_DIGEST) == self._digest()
        except HookError:  # they are gone
            as_wanted = False
        return {"repository": self.config.repository if as_wanted else f"{self.config.repository} as it was before"}

    def online_features(
        self, features: Sequence[str], entities: Mapping[str, Sequence[Any]], timeout: float = 60.0
    ) -> list[dict[str, Any]]:
        asked = {"features": list(features), "entities": {name: list(keys) for name, keys in entities.items()}}
        told = self._post("get-online-features", asked, timeout)
        names, found = told["metadata"]["feature_names"], [one["values"] for one in told["results"]]
        return [dict(zip(names, row, strict=True)) for row in zip(*found, strict=True)]

    def historical_features(self, features: Sequence[str], entities: Any) -> Any:
        if self.config.uri is not None:
            raise HookError(
                f"the features of {self.config.uri} are not defined here", "ask for them where their definitions are"
            )
        if not self.is_made():
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        require_extra("feast", "feast")
        from feast import FeatureStore as Store
        from feast.errors import FeastError

        store = Store(repo_path=str(self._repository), fs_yaml_file=self._settings_file)
        try:
            return store.get_historical_features(entity_df=entities, features=list(features)).to_df()
        except (FeastError, ValueError, KeyError, OSError) as error:
            why = " ".join(str(error).split())[:300]
            raise HookError(f"Feast cannot tell the features: {why}", "look at their names and sources") from error

    def materialize(self, start: datetime, end: datetime, timeout: float = 600.0) -> None:
        self._post("materialize", {"start_ts": start.isoformat(), "end_ts": end.isoformat()}, timeout)

    def _post(self, path: str, body: Mapping[str, Any], timeout: float) -> Any:
        """What the feature server (https://docs.feast.dev/reference/feature-servers/python-feature-server) answers."""
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        url = f"{self.context.outputs['uri']}/{path}"
        refuse_in_the_clear(url, self.config.token)
        login = {"Authorization": f"Bearer {self.config.token}"} if self.config.token else {}
        headers = {"Content-Type": "application/json", **login}
        answer = request("POST", url, body=json.dumps(body).encode(), headers=headers, timeout=timeout)
        if answer.status in (401, 403):
            raise HookError(f"{url} refuses who asks, with status {answer.status}", "look at 'token'")
        if answer.status != 200:
            told = answer.json()
            why = f": {str(told.get('detail', told))[:300]}" if isinstance(told, dict) else ""
            raise HookError(f"{url} answers with status {answer.status}{why}", transient=answer.status >= 500)
        return answer.json()

    def _feast(self, word: str) -> list[str]:
        return [*_FEAST, f"--chdir={self._repository}", f"--feature-store-yaml={self._settings_file}", word]

    @property
    def _repository(self) -> Path:
        """The directory of definitions.

        Raises:
            HookError: there is none.
        """
        if self.config.repository is None:
            raise HookError("there is nothing to serve", "set 'repository', or 'uri' for a server that exists already")
        folder = self.context.path(self.config.repository)
        if not folder.is_dir():
            raise HookError(f"{folder} is no directory", "name the directory that the definitions of features are in")
        return folder

    @property
    def _settings_file(self) -> Path:
        return self.context.data_dir / "feature_store.yaml"

    @property
    def _registry(self) -> Path:
        return self.directory().path / "registry.db"

    @property
    def _applied(self) -> Path:
        """Says which definitions the registry has."""
        return self.context.data_dir / "applied"

    def _digest(self) -> str:
        """What tells definitions, and the directory that they are in, from others."""
        folder, digest = self._repository, blake2b(digest_size=16)
        for file in sorted(folder.rglob("*.py")):
            digest.update(f"{file}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()


def _quoted(path: Path) -> str:
    """A path as YAML has it."""
    return "'" + str(path).replace("'", "''") + "'"
