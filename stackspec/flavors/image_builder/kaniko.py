"""Container images built by kaniko, in a cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, HookError, StackRule, setting
from stackspec.flavors.http.observed_service import ObservedService
from stackspec.flavors.image_builder import ImageBuilder
from stackspec.flavors.owned.bucket import mark_of

_LOGIN = "/kaniko/.docker"
"""Where kaniko looks for who it is to registries."""
_NAME = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class KanikoImageBuilder(ObservedService, ImageBuilder):
    """Builds images in jobs of a Kubernetes cluster, without an engine; `job` renders what the cluster is given."""

    flavor = "kaniko"
    is_remote = True
    stack_rules = (StackRule(type="container_registry", why="pushes what it builds there", remote=True),)

    class Config(FlavorConfig):
        """Where build contexts are, and what builds them."""

        context_uri: str = setting(
            "The folder of build contexts, packed as `.tar.gz`: a URI that kaniko reads.",
            pattern="^(s3|gs|https|git)://\\S+$",
            examples=["s3://builds/contexts"],
        )
        namespace: str = setting("The namespace of the jobs.", default="default", pattern=_NAME)
        service_account: str = setting(
            "The service account of the jobs, which may read the build contexts.", default="default", pattern=_NAME
        )
        registry_secret: str | None = setting(
            "The secret of type `kubernetes.io/dockerconfigjson` in that namespace with who pushes.",
            default=None,
            pattern=_NAME,
        )
        executor_image: str = setting(
            "The image of kaniko.", default="gcr.io/kaniko-project/executor:v1.23.2", min_length=1
        )
        cpus: str = setting("The processors of a job, as Kubernetes writes them.", default="1", pattern="^[0-9.]+m?$")
        memory: str = setting(
            "The memory of a job, as Kubernetes writes it.", default="2Gi", pattern="^[0-9]+(Ki|Mi|Gi)?$"
        )

    config: Config

    def outputs(self) -> FlavorOutputs:
        """Where build contexts are."""
        return self.Outputs(uri=self.config.context_uri)

    def look(self) -> str:
        """Nothing runs between builds."""
        return f"jobs in the namespace {self.config.namespace} build what is in {self.config.context_uri}"

    def job(
        self, context: str, image: str, dockerfile: str = "Dockerfile", build_args: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The Kubernetes job that builds and pushes an image.

        Args:
            context: The build context's file under `context_uri`.
            image: The full name, as `ContainerRegistry.image` makes it.
            build_args: Values of the instruction `ARG`; everybody in the namespace can read them.

        Raises:
            HookError: an argument would tell a secret.
        """
        config, digests = self.config, "/dev/termination-log"
        arguments = [
            f"--context={config.context_uri.rstrip('/')}/{context}",
            f"--dockerfile={dockerfile}",
            f"--destination={image}",
            f"--digest-file={digests}",
            *(f"--build-arg={name}={value}" for name, value in (build_args or {}).items()),
        ]
        if any(map(self.context.tells_secret, arguments)):
            raise HookError("an argument of the build would tell a secret", "give secrets to what runs instead")
        login = config.registry_secret
        amounts = {"cpu": config.cpus, "memory": config.memory}
        container = {
            "name": "kaniko",
            "image": config.executor_image,
            "args": arguments,
            "resources": {"requests": amounts, "limits": amounts},
            **({"volumeMounts": [{"name": "login", "mountPath": _LOGIN, "readOnly": True}]} if login else {}),
        }
        items = [{"key": ".dockerconfigjson", "path": "config.json"}]
        pod = {
            "restartPolicy": "Never",
            "serviceAccountName": config.service_account,
            "containers": [container],
            **({"volumes": [{"name": "login", "secret": {"secretName": login, "items": items}}]} if login else {}),
        }
        marks = {f"stackspec/{word}": value for word, value in mark_of(self.context).items()}
        name = hashlib.sha256(f"{self.context.identity} {context} {image}".encode()).hexdigest()[:16]
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": f"build-{name}", "namespace": config.namespace, "annotations": marks},
            "spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": 3600, "template": {"spec": pod}},
        }
