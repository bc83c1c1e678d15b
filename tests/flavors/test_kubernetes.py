"""What a component makes in a Kubernetes cluster, by the official client against a server that keeps objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import Flavor, HookError
from stackspec.flavors.kubernetes.namespace import KubernetesNamespace
from stackspec.flavors.orchestrator.kubernetes import KubernetesOrchestrator
from stackspec.flavors.step_operator.kubernetes import KubernetesStepOperator
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects
from tests.flavors.kubernetes_api import Api, serving


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as one:
        yield one


@pytest.fixture
def config(api: Api, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    file = api.kubeconfig(tmp_path_factory.mktemp("kube") / "config")
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    return {"namespace": "training", "quota": {"requests.cpu": "8", "pods": "20"}}


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


class TestNamespace(FlavorConformance):
    @pytest.fixture
    def case(self, api: Api, config: dict[str, Any]) -> FlavorCase:
        def name(root: Path) -> str:
            return f"n-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}"

        def before(root: Path) -> None:
            document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name(root)}}
            assert api.answer("POST", "/api/v1/namespaces", document)[0] == 201

        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
        return FlavorCase(
            flavor=KubernetesOrchestrator,
            config=lambda root: {"namespace": name(root), "quota": {"pods": "20"}},
            changed=lambda root: {"namespace": name(root), "rules": rules},
            beside=lambda root: {"namespace": f"{name(root)}-2"},
            before=before,
            kill_points=3,
        )


@pytest.mark.parametrize("flavor", [KubernetesOrchestrator, KubernetesStepOperator])
def test_its_life(flavor: type[Flavor], api: Api, config: dict[str, Any], subjects: Subjects) -> None:
    component = subjects.component(flavor, config)
    assert "missing: the Namespace training, the ServiceAccount stackspec-runner" in component.observe().detail
    made = {"uri": api.url, "namespace": "training", "service_account": "stackspec-runner"}
    assert plain(component.provision()) == made
    kinds = ["Namespace", "ServiceAccount", "Role", "RoleBinding", "ResourceQuota"]
    assert [one["kind"] for one in api.objects.values()] == kinds
    for one in api.objects.values():
        assert one["metadata"]["annotations"]["stackspec/identity"].startswith("mine")
    assert component.observe().detail == f"{api.url}, namespace training (made by stackspec)"
    component.deprovision()
    assert api.objects == {}
    assert subjects.lines == []


ROLE = "/apis/rbac.authorization.k8s.io/v1/namespaces/training/roles/stackspec-runner"
QUOTA = "/api/v1/namespaces/training/resourcequotas/stackspec-runner"


def test_drift_is_seen_and_mended(api: Api, config: dict[str, Any], subjects: Subjects) -> None:
    component = subjects.component(KubernetesOrchestrator, config)
    component.provision()
    wanted = component.observe().fields
    wider = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    api.objects[ROLE]["rules"] = wider
    api.objects[QUOTA]["spec"]["hard"] = {"pods": "1k"}
    assert component.observe().fields == {"rules": wider, "quota": {"pods": "1k"}}
    api.conflicts = 3
    component.provision()
    assert component.observe().fields == wanted
    api.objects[QUOTA]["spec"]["hard"] = {"requests.cpu": "8000m", "pods": "20"}
    assert component.observe().fields == wanted, "the same amount, written otherwise"
    del api.objects[QUOTA]
    assert component.observe().fields["quota"] is None
    del api.objects[ROLE]
    assert not component.observe().provisioned


def test_somebody_who_always_is_first(api: Api, config: dict[str, Any], subjects: Subjects) -> None:
    component = subjects.component(KubernetesOrchestrator, config)
    component.provision()
    api.objects[ROLE]["rules"] = []
    api.conflicts = 1000
    with pytest.raises(HookError, match="changed by somebody else again and again") as caught:
        component.provision()
    assert caught.value.transient


def test_what_is_there_before_is_used_and_stays(api: Api, config: dict[str, Any], subjects: Subjects) -> None:
    for path, document in (
        ("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": "training"}}),
        (
            "/api/v1/namespaces/training/serviceaccounts",
            {"kind": "ServiceAccount", "metadata": {"name": "stackspec-runner", "namespace": "training"}},
        ),
    ):
        assert api.answer("POST", path, {"apiVersion": "v1", **document})[0] == 201
    before = set(api.objects)
    component = subjects.component(KubernetesOrchestrator, {**config, "delete_data": True})
    component.provision()
    assert component.observe().detail.endswith("(there before)")
    component.deprovision()
    assert set(api.objects) == before
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "stackspec-runner", "namespace": "training"},
        "rules": [],
    }
    assert api.answer("POST", ROLE.rpartition("/")[0], role)[0] == 201
    with pytest.raises(HookError, match="exists and is not as the config says"):
        component.provision()
    component.deprovision()
    assert ROLE in api.objects


@pytest.mark.parametrize("delete_data", [False, True])
def test_a_namespace_that_holds_something(
    delete_data: bool, api: Api, config: dict[str, Any], subjects: Subjects
) -> None:
    component = subjects.component(KubernetesOrchestrator, {**config, "delete_data": delete_data})
    component.provision()
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "training"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    assert api.answer("POST", "/api/v1/namespaces/training/persistentvolumeclaims", claim)[0] == 201
    component.deprovision()
    if delete_data:
        assert api.objects == {}
        return
    assert [one["kind"] for one in api.objects.values()] == ["Namespace", "PersistentVolumeClaim"]
    assert "it holds 1 persistentvolumeclaims, and delete_data is false" in subjects.lines[0]
    component.deprovision()
    component.provision()
    assert component.observe().detail.endswith("(there before)")


def test_a_namespace_of_another_component(api: Api, config: dict[str, Any], subjects: Subjects) -> None:
    theirs = subjects.component(KubernetesStepOperator, config, identity="theirs", lineage="l1")
    theirs.provision()
    ours: KubernetesNamespace = subjects.component(KubernetesOrchestrator, config)
    owner = ours.observe().owner
    assert owner is not None
    assert (owner.identity, owner.lineage) == ("theirs", "l1")
    with pytest.raises(HookError, match="the Namespace training belongs to another component, step_operator/main"):
        ours.provision()
    ours.deprovision()
    assert theirs.observe().provisioned


def test_credentials_that_are_refused(api: Api, config: dict[str, Any], subjects: Subjects) -> None:
    api.kubeconfig(subjects.root / "wrong.yaml", "C4nary")
    wrong = subjects.component(KubernetesOrchestrator, {**config, "kubeconfig": "wrong.yaml"})
    for hook in (wrong.observe, wrong.provision, wrong.deprovision):
        with pytest.raises(HookError, match="refuses the credentials") as caught:
            hook()
        assert "C4nary" not in f"{caught.value.message} {caught.value.hint}"
    api.forbidden = {"POST"}
    with pytest.raises(HookError, match="does not allow POST /api/v1/namespaces"):
        subjects.component(KubernetesOrchestrator, config).provision()


def test_no_cluster(config: dict[str, Any], subjects: Subjects) -> None:
    with pytest.raises(HookError, match="no configuration of a Kubernetes cluster"):
        subjects.component(KubernetesOrchestrator, {**config, "context": "absent"}).observe()
    with pytest.raises(HookError, match="no configuration of a Kubernetes cluster"):
        subjects.component(KubernetesOrchestrator, {**config, "kubeconfig": "absent"}).observe()
    Api(url=f"http://127.0.0.1:{servers.free_port()}").kubeconfig(subjects.root / "gone")
    with pytest.raises(HookError, match="does not answer") as caught:
        subjects.component(KubernetesOrchestrator, {**config, "kubeconfig": "gone"}).provision()
    assert caught.value.transient


def test_inside_a_cluster(monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], subjects: Subjects) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    with pytest.raises(HookError, match="no configuration of a Kubernetes cluster"):
        subjects.component(KubernetesOrchestrator, config).observe()
