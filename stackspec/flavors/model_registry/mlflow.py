"""Models in the registry of an MLflow tracking server."""

from __future__ import annotations

from pathlib import Path

from stackspec.flavors.contract import FlavorConfig, HookError, Observation, StackRule, setting
from stackspec.flavors.http.mlflow_server import MlflowRun, MlflowServer, RefusedError
from stackspec.flavors.http.service import refuse_in_the_clear, trouble
from stackspec.flavors.model_registry import ModelRegistry, ModelVersion

_PAGE = 200
_EXPERIMENT = "Registered models"
"""The experiment of the runs that models from folders are files of."""


class MlflowModelRegistry(ModelRegistry):
    """The registry in an MLflow tracking server; nothing is made but what is registered in it."""

    flavor = "mlflow"
    located_by = "uri"
    occupies = frozenset()  # nothing is made
    stack_rules = (
        StackRule(type="experiment_tracker", flavors=("mlflow",), why="keeps its models in the server of the tracker"),
    )

    class Config(FlavorConfig):
        """Where the server is, and what it is shown."""

        uri: str = setting(
            "The address of the tracking server.",
            pattern="^https?://[^/@?#\\s]+(/[^@?#\\s]*)?$",
            examples=["{{ components.experiment_tracker.outputs.uri }}", "https://mlflow.example.org"],
        )
        username: str | None = setting("Who uses it, where it asks.", default=None, pattern="^[^:\\s]+$")
        password: str | None = setting("The password of `username`.", default=None, sensitive=True, min_length=1)
        token: str | None = setting(
            "What it is shown instead of a username and a password.", default=None, sensitive=True, pattern="^[!-~]+$"
        )

    config: Config

    def observe(self) -> Observation:
        """Ask whether it serves."""
        why = self._trouble()
        return Observation(provisioned=True, running=not why, detail=why or f"{self.config.uri} answers")

    def provision(self) -> ModelRegistry.Outputs:
        """Make nothing, and tell whether it serves; what does not now may before it is needed.

        Raises:
            HookError: it would be shown credentials without encryption.
        """
        refuse_in_the_clear(self.config.uri, self.config.password, self.config.token)
        if why := self._trouble():
            self.context.log(f"does not serve: {why}")
        return self.Outputs(uri=self.config.uri)

    def update(self, previous: MlflowModelRegistry) -> ModelRegistry.Outputs:
        """Name another."""
        return self.provision()

    def deprovision(self) -> None:
        """Nothing was made, and nothing is removed."""

    def register(self, name: str, source: str | Path) -> ModelVersion:
        server = self._server()
        values: dict[str, str] = {"name": name}
        if isinstance(source, Path):  # the server takes files as those of a run only
            run = MlflowRun(server, _EXPERIMENT, name)
            place = f"{server.artifacts_of(run.id)}/model"
            server.upload(source, place)
            run.end(failed=False)
            values |= {"source": place, "run_id": run.id}
        elif source.startswith("runs:/"):
            identity, _, path = source.removeprefix("runs:/").partition("/")
            values |= {"source": f"{server.artifacts_of(identity)}/{path}", "run_id": identity}
        else:
            values["source"] = source
        server.make("mlflow/registered-models/create", {"name": name})
        return _version(server.call("POST", "mlflow/model-versions/create", values)["model_version"])

    def versions(self, name: str) -> list[ModelVersion]:
        if "'" in name and '"' in name:
            raise HookError(f"a model cannot be asked for by the name {name}", "use a name with no quotation marks")
        mark = '"' if "'" in name else "'"
        server, found, page = self._server(), list[ModelVersion](), {"page_token": ""}
        while "page_token" in page:
            asked = {"filter": f"name = {mark}{name}{mark}", "max_results": _PAGE, "page_token": page["page_token"]}
            told = server.call("GET", "mlflow/model-versions/search", asked)
            found += map(_version, told.get("model_versions", ()))
            page = {"page_token": told["next_page_token"]} if told.get("next_page_token") else {}
        aliases = (server.find("mlflow/registered-models/get", {"name": name}) or {}).get("registered_model", {})
        named: dict[str, list[str]] = {}
        for one in aliases.get("aliases", ()):
            named.setdefault(str(one["version"]), []).append(one["alias"])
        return [
            ModelVersion(one.model, one.version, one.source, one.tags, tuple(sorted(named.get(one.version, ()))))
            for one in sorted(found, key=lambda one: int(one.version))
        ]

    def tag(self, name: str, version: str, tag: str, value: str) -> None:
        values = {"name": name, "version": self._number(name, version), "key": tag, "value": value}
        self._server().call("POST", "mlflow/model-versions/set-tag", values)

    def alias(self, name: str, version: str, alias: str) -> None:
        values = {"name": name, "version": self._number(name, version), "alias": alias}
        self._server().call("POST", "mlflow/registered-models/alias", values)

    def load(self, name: str, version: str, folder: Path) -> Path:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise HookError(f"{folder} is there already, and is no empty folder", "name another")
        asked = {"name": name, "version": self._number(name, version)}
        server = self._server()
        source = server.call("GET", "mlflow/model-versions/get-download-uri", asked)["artifact_uri"]
        server.download(source, folder)
        return folder

    def _number(self, name: str, version: str) -> str:
        """The number of a version, or of what an alias leads to."""
        if not version.startswith("@"):
            return version
        try:
            found = self._server().call("GET", "mlflow/registered-models/alias", {"name": name, "alias": version[1:]})
        except RefusedError as error:
            raise HookError(f"the model {name} has no version {version}", "look at versions()") from error
        return str(found["model_version"]["version"])

    def _server(self) -> MlflowServer:
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        config = self.config
        return MlflowServer(self.context.outputs["uri"], config.username, config.password, config.token)

    def _trouble(self) -> str:
        url = f"{self.config.uri.rstrip('/')}/health"
        return trouble(url, self.context, serving=(200, 401, 403))


def _version(told: dict[str, object]) -> ModelVersion:
    listed = told.get("tags")
    tags = {one["key"]: one["value"] for one in listed} if isinstance(listed, list) else {}
    return ModelVersion(str(told["name"]), str(told["version"]), str(told.get("source", "")), tags)
