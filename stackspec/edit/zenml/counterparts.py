"""What ZenML's flavors and the fields of their configurations are called here, as data that is read both ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from stackspec.core.address import FieldPath
from stackspec.core.frozen import dataclass

VERSION = "0.94.6"
"""The version of ZenML whose files are written, and that the table was checked against."""


@dataclass(frozen=True, slots=True)
class Way:
    """Fields of ours that say what fields of ZenML's say.

    Attributes:
        theirs: Paths in ZenML's configuration.
        ours: Names of fields.
        read: From values of theirs, None for those that are not there, to values of ours; None where it says nothing.
        write: From values of ours to values of theirs; None where these cannot say it.
        sensitive: Whether ZenML takes it for a secret.
    """

    theirs: tuple[FieldPath, ...]
    ours: tuple[str, ...]
    read: Callable[..., Mapping[str, Any] | None]
    write: Callable[..., Sequence[Any] | None]
    sensitive: bool = False

    @property
    def is_same(self) -> bool:
        """Whether it is one field with one value on both sides, which may be a reference to a secret."""
        return len(self.theirs) == len(self.ours) == 1 and self.read is _same_value


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A flavor of ZenML's and the flavor of ours that does the same.

    Attributes:
        supplied: Field of ours to what stands in it where the file does not say it, as ZenML has it by itself; in it
            `{name}` is the component's name, and `{tracker}` that of the stack's experiment tracker.
    """

    type: str
    theirs: str
    ours: str
    ways: tuple[Way, ...] = ()
    supplied: Mapping[str, str] = field(default_factory=dict)


def _same_value(value: Any) -> Any:
    return value


def _same(theirs: str, ours: str | None = None, *, sensitive: bool = False) -> Way:
    path = tuple(theirs.split("."))
    return Way((path,), (ours or theirs,), _same_value, lambda value: [value], sensitive)


def _bucket(scheme: str) -> Way:
    form = re.compile(rf"{scheme}://([^/]+)/*(.*?)/*", re.DOTALL)

    def read(path: Any) -> Mapping[str, Any] | None:
        found = form.fullmatch(path) if isinstance(path, str) else None
        return _said(bucket=found[1], prefix=found[2]) if found else None

    def write(bucket: Any, prefix: Any) -> Sequence[Any]:
        return [f"{scheme}://{bucket}/{prefix}" if prefix else f"{scheme}://{bucket}"]

    return Way((("path",),), ("bucket", "prefix"), read, write)


def _azure() -> Way:
    form = re.compile(
        r"(?:az|abfss?)://([^/@]+)(?:@([a-z0-9]+)\.(?:dfs|blob)\.core\.windows\.net)?/*(.*?)/*", re.DOTALL
    )
    ours = re.compile(r"https://([a-z0-9]+)\.blob\.core\.windows\.net/?")

    def read(path: Any) -> Mapping[str, Any] | None:
        found = form.fullmatch(path) if isinstance(path, str) else None
        url = f"https://{found[2]}.blob.core.windows.net" if found and found[2] else ""
        return _said(account_url=url, container=found[1], prefix=found[3]) if found else None

    def write(account_url: Any, container: Any, prefix: Any) -> Sequence[Any] | None:
        found = ours.fullmatch(account_url)
        end = f"/{prefix}" if prefix else ""
        return [f"abfs://{container}@{found[1]}.dfs.core.windows.net{end}"] if found else None

    return Way((("path",),), ("account_url", "container", "prefix"), read, write)


def _ecr() -> Way:
    form = re.compile(r"(?:https?://)?[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/*(.*?)/*", re.DOTALL)

    def read(uri: Any, repository: Any) -> Mapping[str, Any] | None:
        found = form.fullmatch(uri) if isinstance(uri, str) else None
        return _said(region=found[1], repository=found[2] or repository or "") if found else None

    # The address holds the number of the account, which ours does not say.
    return Way((("uri",), ("default_repository",)), ("region", "repository"), read, lambda _region, _repository: None)


def _registry() -> Way:
    """The address of images, with the repository that ZenML may have apart from it."""

    def read(uri: Any, repository: Any) -> Mapping[str, Any] | None:
        if not isinstance(uri, str) or not isinstance(repository, str | None):
            return None
        plain = re.sub(r"^https?://", "", uri).rstrip("/")
        return {"uri": f"{plain}/{repository.strip('/')}" if repository else plain}

    return Way((("uri",), ("default_repository",)), ("uri",), read, lambda uri: [uri, None])


def _label_studio() -> Way:
    form = re.compile(r"(https?)://([^/:\s]+)(?::([0-9]+))?/*")
    usual = {"https": "443", "http": "80"}

    def read(url: Any, port: Any) -> Mapping[str, Any] | None:
        found = form.fullmatch(url) if isinstance(url, str) else None
        if found is None or found[3]:
            return {"uri": url.rstrip("/")} if isinstance(url, str) and port is None else None
        # What ZenML takes where no port is set; of no use for what is reached by HTTPS.
        number = str(port or ("8093" if found[1] == "http" else "443"))
        return {"uri": f"{found[1]}://{found[2]}" + (f":{number}" if number != usual[found[1]] else "")}

    def write(uri: Any) -> Sequence[Any] | None:
        found = form.fullmatch(uri)
        if found is None or uri.endswith("/") or found[3] == usual[found[1]]:
            return None
        return [f"{found[1]}://{found[2]}", int(found[3] or usual[found[1]])]

    return Way((("instance_url",), ("port",)), ("uri",), read, write)


def _expectations() -> Way:
    """The folder of the suites, which is one of those in the folder of a data context."""
    end = "/expectations"

    def read(root: Any) -> Mapping[str, Any] | None:
        return {"path": f"{root.rstrip('/')}{end}"} if isinstance(root, str) else None

    def write(path: Any) -> Sequence[Any] | None:
        root = path.removesuffix(end)
        return [root] if path.endswith(end) and root and not root.endswith("/") else None

    return Way((("context_root_dir",),), ("path",), read, write)


def _said(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


_LOGIN = (
    _same("tracking_uri", "uri"),
    _same("tracking_username", "username", sensitive=True),
    _same("tracking_password", "password", sensitive=True),
    _same("tracking_token", "token", sensitive=True),
)
_CLUSTER = (
    _same("kubernetes_context", "context"),
    _same("kubernetes_namespace", "namespace"),
    _same("service_account_name", "service_account"),
)

COUNTERPARTS: tuple[Counterpart, ...] = (
    Counterpart("orchestrator", "local", "local"),
    Counterpart("orchestrator", "local_docker", "docker"),
    Counterpart("orchestrator", "kubernetes", "kubernetes", _CLUSTER),
    Counterpart(
        "orchestrator",
        "kubeflow",
        "kubeflow",
        (_same("kubeflow_hostname", "address"), _same("user_namespace", "namespace")),
    ),
    Counterpart("orchestrator", "airflow", "airflow", (_same("dag_output_dir", "dags_dir"),)),
    Counterpart(
        "orchestrator",
        "sagemaker",
        "sagemaker",
        (_same("region"), _same("execution_role"), _same("instance_type"), _same("aws_profile", "profile")),
    ),
    Counterpart(
        "orchestrator",
        "vertex",
        "vertex",
        (
            _same("project"),
            _same("location"),
            _same("workload_service_account", "service_account"),
            _same("network"),
        ),
    ),
    Counterpart(
        "orchestrator",
        "azureml",
        "azureml",
        (_same("subscription_id"), _same("resource_group"), _same("workspace"), _same("compute_name", "compute")),
    ),
    Counterpart("artifact_store", "local", "local", (_same("path"),), {"path": "./artifacts/{name}"}),
    Counterpart("artifact_store", "gcp", "gcs", (_bucket("gs"),)),
    Counterpart(
        "artifact_store",
        "s3",
        "s3",
        (
            _bucket("s3"),
            _same("client_kwargs.region_name", "region"),
            _same("client_kwargs.endpoint_url", "endpoint_url"),
        ),
    ),
    Counterpart("artifact_store", "azure", "azure", (_azure(),)),
    Counterpart("container_registry", "aws", "aws", (_ecr(),)),
    *(
        Counterpart("container_registry", one, one, (_registry(),))
        for one in ("default", "azure", "gcp", "dockerhub", "github")
    ),
    Counterpart(
        "step_operator",
        "sagemaker",
        "sagemaker",
        (_same("role", "execution_role"), _same("instance_type")),
    ),
    Counterpart("step_operator", "kubernetes", "kubernetes", _CLUSTER),
    Counterpart("step_operator", "spark-kubernetes", "spark", (_same("master", "address"),)),
    Counterpart("experiment_tracker", "mlflow", "mlflow", _LOGIN),
    Counterpart(
        "experiment_tracker",
        "wandb",
        "wandb",
        (_same("api_key", sensitive=True), _same("entity"), _same("project_name", "project")),
    ),
    Counterpart("model_deployer", "mlflow", "mlflow"),
    Counterpart("model_deployer", "bentoml", "bentoml"),
    Counterpart(
        "model_registry",
        "mlflow",
        "mlflow",
        supplied={"uri": "{{ components['experiment_tracker/{tracker}'].outputs.uri }}"},
    ),
    Counterpart("feature_store", "feast", "feast", (_same("feast_repo", "repository"),)),
    Counterpart(
        "alerter",
        "slack",
        "slack",
        (
            _same("slack_token", "token", sensitive=True),
            _same("slack_channel_id", "channel"),
        ),
    ),
    Counterpart(
        "annotator",
        "label_studio",
        "label_studio",
        (_label_studio(), _same("api_key", "token", sensitive=True)),
    ),
    Counterpart(
        "data_validator",
        "great_expectations",
        "great_expectations",
        (_expectations(),),
    ),
    Counterpart("image_builder", "local", "local"),
    Counterpart(
        "image_builder",
        "kaniko",
        "kaniko",
        (
            _same("kubernetes_namespace", "namespace"),
            _same("executor_image"),
            _same("service_account_name", "service_account"),
        ),
    ),
    Counterpart("deployer", "local", "local", (_same("port"),)),
    Counterpart("deployer", "docker", "docker", (_same("port"),)),
)
"""Of several with one flavor of ours, the first is the way back."""

OLDER_FIELDS: Mapping[str, Mapping[str, str]] = {"alerter/slack": {"default_slack_channel_id": "slack_channel_id"}}
"""Type and flavor of ZenML's to fields that were called something else in older versions."""

ADDRESSES = (
    "uri",
    "instance_url",
    "base_url",
    "endpoint",
    "host",
    "tracking_uri",
    "kubeflow_hostname",
    "tekton_hostname",
    "master",
    "runai_base_url",
    "path",
)
"""Fields of ZenML's that tell where something is, by which a flavor without a counterpart becomes `external`."""

MLSTACKS: Mapping[str, Mapping[str, str]] = {
    "artifact_store/s3": {"bucket_name": "bucket"},
    "artifact_store/gcp": {"bucket_name": "bucket", "project_id": "project", "region": "location"},
    "container_registry/aws": {"repo_name": "repository", "region": "region"},
    "orchestrator/vertex": {"project_id": "project", "region": "location"},
    "orchestrator/sagemaker": {"region": "region"},
    "step_operator/sagemaker": {"region": "region"},
}
"""Type and flavor of mlstacks to its words for fields of ours, beside those of ZenML's."""


def counterpart(component_type: str, theirs: str) -> Counterpart | None:
    """That of a flavor of ZenML's, if there is one."""
    return next((one for one in COUNTERPARTS if (one.type, one.theirs) == (component_type, theirs)), None)


def counterpart_of_ours(component_type: str, ours: str) -> Counterpart | None:
    """That of a flavor of ours, if there is one."""
    return next((one for one in COUNTERPARTS if (one.type, one.ours) == (component_type, ours)), None)
