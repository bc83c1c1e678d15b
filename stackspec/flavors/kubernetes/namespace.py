"""What steps need in a Kubernetes cluster: a namespace, and a service account that may do what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from stackspec.core.frozen import dataclass
from stackspec.flavors.contract import (
    Flavor,
    FlavorConfig,
    FlavorOutputs,
    HookError,
    Observation,
    import_command,
    setting,
)
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.kubernetes.cluster import Cluster, annotations_of, owner_by, unmarked

_RBAC = "rbac.authorization.k8s.io"
_NAME = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_WORDS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_RULES: Sequence[Mapping[str, Any]] = (
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "delete"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "watch", "create", "delete"]},
)
_ALWAYS_THERE = {("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")}
_POLL = 0.2
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class _Object:
    """One object that is to be there.

    Attributes:
        folder: The path of its collection.
        content: What it holds, beside its metadata.
    """

    kind: str
    folder: str
    name: str
    document: Mapping[str, Any]
    content: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}"

    def __str__(self) -> str:
        return f"the {self.kind} {self.name}"

    def fits(self, found: Mapping[str, Any]) -> bool:
        """Whether what is there holds what is wanted."""
        if self.kind == "ResourceQuota":
            return _same_amounts(found.get("spec", {}).get("hard"), self.document["spec"]["hard"])
        return all(found.get(part) == self.document[part] for part in self.content)


class KubernetesNamespace(Flavor):
    """The parent of a flavor whose steps run as pods, in a namespace with a service account of the component's own.

    It stands before the component type among a flavor's parents. The mark of ownership are annotations. A namespace
    that was there before is used, and never deleted.
    """

    extra = "kubernetes"
    imports = ("kubernetes",)
    requirements = ("kubernetes>=31",)
    is_remote = True
    runs_in_image = True
    occupies = frozenset({"namespace"})

    class Config(FlavorConfig):
        """A cluster, and what steps get there."""

        kubeconfig: str | None = setting(
            "The file that says where clusters are. By default the service account, where this runs in a container of "
            "a cluster, else what KUBECONFIG names, else ~/.kube/config.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
        )
        context: str | None = setting(
            "The context of that file; by default its current one.", default=None, requires_replacement=True
        )
        namespace: str = setting(
            "The namespace of the steps, made where it is not there.",
            default="stackspec",
            requires_replacement=True,
            pattern=_NAME,
        )
        service_account: str = setting(
            "The service account of the steps; its role, the binding of the role and the quota have the same name.",
            default="stackspec-runner",
            requires_replacement=True,
            pattern=_NAME,
        )
        rules: Sequence[Mapping[str, Any]] = setting(
            "What steps may do in the namespace, as the rules of a Kubernetes role.",
            default=_RULES,
            schema={
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "apiGroups": _WORDS,
                        "resources": _WORDS,
                        "verbs": _WORDS,
                        "resourceNames": _WORDS,
                    },
                    "required": ["apiGroups", "resources", "verbs"],
                    "additionalProperties": False,
                },
            },
        )
        quota: Mapping[str, str] | None = setting(
            "What all that runs in the namespace may use together: a resource's name to an amount, both as Kubernetes "
            "writes them. None by default.",
            default=None,
            schema={
                "type": ["object", "null"],
                "minProperties": 1,
                "additionalProperties": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(m|k|[KMGTP]i?|E|Ei)?$"},
            },
            examples=[{"requests.cpu": "8", "requests.memory": "32Gi", "pods": "20"}],
        )
        delete_data: bool = setting(
            "Whether removing the component removes a namespace that stackspec made with all that is in it. Without it "
            "one that holds anything is kept.",
            default=False,
        )

    class Outputs(FlavorOutputs):
        """Where steps run."""

        uri: str = setting("The address of the cluster's API, where steps are submitted.")
        namespace: str = setting("The namespace of the steps.")
        service_account: str = setting("The service account of the steps.")

    config: Config

    def observe(self) -> Observation:
        """See whether all of it is there, whose it is, and what it holds."""
        cluster = self._cluster()
        missing, found_at = [], {}
        for one in self._wanted():
            found = cluster.find(one.path)
            if found is None or "deletionTimestamp" in found["metadata"]:
                missing.append(str(one))
                continue
            owner = owner_by(found)
            if owner is not None and owner.identity != self.context.identity:
                detail = f"{one} belongs to {owner}"
                return Observation(provisioned=False, running=True, detail=detail, owner=owner)
            found_at[one.kind] = found
        if missing:
            detail = f"{cluster.address} answers; missing: {', '.join(missing)}"
            # A quota that somebody removed is drift; without the rest nothing runs.
            if any("ResourceQuota" not in one for one in missing):
                return Observation(provisioned=False, running=True, detail=detail)
        origin = "made by stackspec" if owner_by(found_at["Namespace"]) else "there before"
        return Observation(
            provisioned=True,
            running=True,
            detail=f"{cluster.address}, namespace {self.config.namespace} ({origin})",
            fields={"rules": found_at["Role"].get("rules") or [], "quota": self._real_quota(cluster)},
        )

    def provision(self) -> FlavorOutputs:
        """Make each object, marked as ours, or bring the one that is ours to what is wanted."""
        cluster = self._cluster()
        for one in self._wanted():
            self._converge(cluster, one)
        if self.config.quota is None:
            self._remove(cluster, self._quota({}))
        outputs: type[FlavorOutputs] = self.Outputs
        return outputs.from_value(
            {
                "uri": cluster.address,
                "namespace": self.config.namespace,
                "service_account": self.config.service_account,
            }
        )

    def update(self, previous: Self) -> FlavorOutputs:
        """Bring each object to what is wanted now."""
        return self.provision()

    def deprovision(self) -> None:
        """Remove what is ours; a namespace that holds anything else stays unless `delete_data`."""
        cluster = self._cluster()
        namespace, *rest = self._wanted()
        if self.config.quota is None:
            rest.append(self._quota({}))
        for one in reversed(rest):
            self._remove(cluster, one)
        found = cluster.find(namespace.path)
        if found is None or not self._is_ours(found):
            return
        if not self.config.delete_data and (held := self._held(cluster)):
            self._release(cluster, namespace)
            self.context.log(f"{namespace} is kept: it holds {held}, and delete_data is false")
            return
        cluster.remove(namespace.path, found)
        while (found := cluster.find(namespace.path)) is not None and self._is_ours(found):
            self._pause(f"{namespace} is still being removed")

    def _converge(self, cluster: Cluster, one: _Object) -> None:
        for _ in range(_ATTEMPTS):
            found = cluster.find(one.path)
            while found is not None and "deletionTimestamp" in found["metadata"]:
                self._pause(f"{one} is still being removed")
                found = cluster.find(one.path)
            if found is None:
                if cluster.make(one.folder, one.document):
                    return
                continue
            owner = owner_by(found)
            if owner is not None and owner.identity != self.context.identity:
                raise HookError(
                    f"{one} belongs to another component, {owner}",
                    "use another namespace; if that component is forgotten, take it over: "
                    f"{import_command(self.context)}",
                )
            if one.fits(found):
                return
            if owner is None:
                raise HookError(
                    f"{one} in the namespace {self.config.namespace} exists and is not as the config says",
                    "use another service_account, or remove it",
                )
            if cluster.change(one.path, {**found, **{part: one.document[part] for part in one.content}}):
                return
        raise HookError(f"{one} is changed by somebody else again and again", "apply again", transient=True)

    def _remove(self, cluster: Cluster, one: _Object) -> None:
        found = cluster.find(one.path)
        if found is not None and self._is_ours(found):
            cluster.remove(one.path, found)

    def _release(self, cluster: Cluster, one: _Object) -> None:
        for _ in range(_ATTEMPTS):
            if (found := cluster.find(one.path)) is None or not self._is_ours(found):
                return
            metadata = found["metadata"]
            metadata = {**metadata, "annotations": unmarked(metadata.get("annotations") or {})}
            if cluster.change(one.path, {**found, "metadata": metadata}):
                return
        raise HookError(f"{one} is changed by somebody else again and again", "apply again", transient=True)

    def _held(self, cluster: Cluster) -> str:
        """What is in the namespace beside what is there always and what is ours, in words."""
        folder = f"/api/v1/namespaces/{self.config.namespace}"
        batch = f"/apis/batch/v1/namespaces/{self.config.namespace}"
        kinds = ("pods", "persistentvolumeclaims", "services", "secrets", "configmaps", "serviceaccounts")
        held = []
        for path in (*(f"{folder}/{kind}" for kind in kinds), f"{batch}/jobs"):
            kind = path.rpartition("/")[2]
            listed = (cluster.find(path) or {}).get("items") or ()
            there = [
                one for one in listed if (kind, one["metadata"]["name"]) not in _ALWAYS_THERE and not self._is_ours(one)
            ]
            if there:
                held.append(f"{len(there)} {kind}")
        return ", ".join(held)

    def _is_ours(self, found: Mapping[str, Any]) -> bool:
        owner = owner_by(found)
        return owner is not None and owner.identity == self.context.identity

    def _real_quota(self, cluster: Cluster) -> Mapping[str, str] | None:
        found = cluster.find(self._quota({}).path)
        hard = found.get("spec", {}).get("hard") if found else None
        return self.config.quota if _same_amounts(hard, self.config.quota) else hard

    def _pause(self, problem: str) -> None:
        time_left(self.context)
        self.context.cancelled.wait(min(_POLL, self.context.remaining()))
        if not self.context.remaining():
            raise HookError(problem, "apply again", transient=True)

    def _wanted(self) -> list[_Object]:
        return list(self._objects())

    def _objects(self) -> Iterator[_Object]:
        """What is to be there, each after what it stands on, the namespace first."""
        config, name = self.config, self.config.service_account
        yield self._object("Namespace", "v1", "/api/v1/namespaces", config.namespace, {})
        core = f"/api/v1/namespaces/{config.namespace}"
        rbac = f"/apis/{_RBAC}/v1/namespaces/{config.namespace}"
        yield self._object("ServiceAccount", "v1", f"{core}/serviceaccounts", name, {})
        rules = {"rules": [dict(rule) for rule in config.rules]}
        yield self._object("Role", f"{_RBAC}/v1", f"{rbac}/roles", name, rules)
        yield self._object(
            "RoleBinding",
            f"{_RBAC}/v1",
            f"{rbac}/rolebindings",
            name,
            {
                "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": config.namespace}],
            },
        )
        if config.quota is not None:
            yield self._quota(config.quota)

    def _quota(self, hard: Mapping[str, str]) -> _Object:
        folder = f"/api/v1/namespaces/{self.config.namespace}/resourcequotas"
        return self._object("ResourceQuota", "v1", folder, self.config.service_account, {"spec": {"hard": dict(hard)}})

    def _object(self, kind: str, version: str, folder: str, name: str, content: Mapping[str, Any]) -> _Object:
        metadata: dict[str, Any] = {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": "stackspec"},
            "annotations": annotations_of(self.context),
        }
        if kind != "Namespace":
            metadata["namespace"] = self.config.namespace
        document = {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
        return _Object(kind, folder, name, document, tuple(content))

    def _cluster(self) -> Cluster:
        chosen = self.config.kubeconfig
        return Cluster(None if chosen is None else self.context.path(chosen), self.config.context, self.context)


def _same_amounts(real: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> bool:
    """Whether two quotas are the same: a cluster writes 1000m as 1."""
    from kubernetes.utils.quantity import parse_quantity

    if real is None or wanted is None:
        return real is wanted
    return real.keys() == wanted.keys() and all(
        parse_quantity(real[one]) == parse_quantity(wanted[one]) for one in real
    )
