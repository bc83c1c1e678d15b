"""Logs in artifact stores, and in CloudWatch as moto speaks it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.log_store import cloudwatch
from stackspec.flavors.log_store.artifact import ArtifactLogStore
from stackspec.flavors.log_store.cloudwatch import CloudwatchLogStore
from stackspec.flavors.owned.bucket import MARK
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects


def name_for(root: Path, suffix: str = "") -> str:
    """A log group of a project's own."""
    return f"/team/{hashlib.sha256(str(root).encode()).hexdigest()[:16]}{suffix}"


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


@pytest.fixture
def group(tmp_path: Path) -> str:
    return name_for(tmp_path)


def client(url: str) -> Any:
    import boto3

    return boto3.client("logs", endpoint_url=url, region_name="us-east-1")


class TestCloudwatch(FlavorConformance):
    @pytest.fixture
    def case(self, moto: str) -> FlavorCase:
        def config(root: Path, **other: Any) -> dict[str, Any]:
            return {"group": name_for(root), "endpoint_url": moto, "retention_days": 7, "tags": {"team": "a"}, **other}

        return FlavorCase(
            flavor=CloudwatchLogStore,
            config=config,
            changed=lambda root: config(root, retention_days=0, tags={"x": "y"}),
            beside=lambda root: config(root, group=name_for(root, "-2")),
            before=lambda root: client(moto).create_log_group(logGroupName=name_for(root)),
            kill_points=2,
        )


def place(root: Path) -> str:
    return (root / "artifacts").as_uri()


def something(root: Path) -> None:
    (root / "artifacts" / "logs").mkdir(parents=True)
    (root / "artifacts" / "logs" / "theirs").write_text("x", encoding="utf-8")


class TestArtifact(FlavorConformance):
    @pytest.fixture
    def case(self) -> FlavorCase:
        return FlavorCase(
            flavor=ArtifactLogStore,
            config=lambda root: {"uri": place(root)},
            changed=lambda root: {"uri": place(root), "delete_data": True},
            beside=lambda root: {"uri": place(root), "prefix": "other"},
            before=something,
            kill_points=6,
        )


def test_a_group_that_holds_something(moto: str, subjects: Subjects, group: str) -> None:
    config = {"group": group, "endpoint_url": moto, "retention_days": 7}
    component = subjects.component(CloudwatchLogStore, config)
    outputs = plain(component.provision())
    assert outputs == {"uri": f"cloudwatch:{group}", "group": group}
    store = subjects.component(CloudwatchLogStore, config, outputs=outputs)
    store.append("run", ["x"])
    assert component.observe().detail == "made by stackspec, 1 log stream"
    with pytest.raises(HookError, match="no files"):
        store.read("run.log")
    component.deprovision()
    assert subjects.lines == [f"the log group {group} is kept: it holds 1 log stream, and delete_data is false"]
    (left,) = client(moto).describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert "retentionInDays" not in left  # by which it would go after all
    subjects.component(CloudwatchLogStore, {**config, "delete_data": True}).deprovision()
    assert store.lines("run") == ["x"]


def test_drift_is_seen_and_mended(moto: str, subjects: Subjects, group: str) -> None:
    wanted = {"retention_days": 7, "tags": {"team": "a"}}
    component = subjects.component(CloudwatchLogStore, {"group": group, "endpoint_url": moto, **wanted})
    component.provision()
    client(moto).put_retention_policy(logGroupName=group, retentionInDays=30)
    client(moto).tag_log_group(logGroupName=group, tags={"new": "x"})
    assert component.observe().fields == {"retention_days": 30, "tags": {"team": "a", "new": "x"}}
    component.provision()
    assert component.observe().fields == wanted
    other = subjects.component(CloudwatchLogStore, {"group": group, "endpoint_url": moto}, identity="theirs")
    with pytest.raises(HookError, match="belongs to another component"):
        other.provision()


def test_many_lines_and_long_ones(moto: str, subjects: Subjects, group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch, "_EVENTS", 3)
    monkeypatch.setattr(cloudwatch, "_LONGEST", 10)
    config = {"group": group, "endpoint_url": moto, "delete_data": True}
    component = subjects.component(CloudwatchLogStore, config)
    store = subjects.component(CloudwatchLogStore, config, outputs=plain(component.provision()))
    store.append("run", [*map(str, range(8)), "", "0123456789abc", "two\nlines"])
    assert store.lines("run") == [*map(str, range(8)), "", "0123456789", "abc", "two", "lines"]
    component.deprovision()
    assert not component.observe().provisioned


def test_cloudwatch_that_does_not_answer(s3_credentials: None, subjects: Subjects, group: str) -> None:
    config = {"group": group, "endpoint_url": f"http://127.0.0.1:{servers.free_port()}"}
    with pytest.raises(HookError, match="does not answer"):
        subjects.component(CloudwatchLogStore, config).observe()


def test_a_folder_of_another_component(subjects: Subjects, tmp_path: Path) -> None:
    config = {"uri": place(tmp_path)}
    theirs = subjects.component(ArtifactLogStore, config, identity="theirs")
    theirs.provision()
    ours = subjects.component(ArtifactLogStore, config)
    owner = ours.observe().owner
    assert owner is not None
    assert owner.identity == "theirs"
    with pytest.raises(HookError, match="belongs to another component"):
        ours.provision()
    ours.deprovision()
    assert theirs.observe().provisioned


@pytest.mark.parametrize("then", ["provision", "deprovision"])
def test_a_mark_that_was_never_finished(then: str, subjects: Subjects, tmp_path: Path) -> None:
    mark = tmp_path / "artifacts" / "logs" / MARK
    mark.parent.mkdir(parents=True)
    mark.write_bytes(b'{"identi')
    component = subjects.component(ArtifactLogStore, {"uri": place(tmp_path)})
    assert not component.observe().provisioned
    getattr(component, then)()
    assert component.observe().provisioned is (then == "provision")
    assert mark.exists() is (then == "provision")


def test_logs_stay_unless_told(subjects: Subjects, tmp_path: Path) -> None:
    config = {"uri": place(tmp_path), "prefix": "deep/logs"}
    component = subjects.component(ArtifactLogStore, config)
    store = subjects.component(ArtifactLogStore, config, outputs=plain(component.provision()))
    store.append("run", ["x"])
    component.deprovision()
    said = f"{place(tmp_path)}/deep/logs is kept: it holds 1 file, and delete_data is false"
    assert subjects.lines == [said]
    assert component.observe().detail == "was there before, 1 file"
    assert store.lines("run") == ["x"]


@pytest.mark.parametrize(
    ("uri", "why"), [("nothing://x", "fsspec does not open"), ("http://127.0.0.1:1/x", r"cannot be used \(")]
)
def test_places_that_cannot_be_opened(subjects: Subjects, uri: str, why: str) -> None:
    with pytest.raises(HookError, match=why):
        subjects.component(ArtifactLogStore, {"uri": uri, "options": {}}).provision()


def test_a_stop_is_heeded(subjects: Subjects, tmp_path: Path) -> None:
    late = subjects.component(ArtifactLogStore, {"uri": place(tmp_path)}, deadline=monotonic() - 1)
    with pytest.raises(HookError, match="out of time"):
        late.provision()


def test_logs_in_a_bucket(seaweed: str, subjects: Subjects) -> None:
    options = {"endpoint_url": seaweed, "use_listings_cache": False}
    with TemporaryDirectory(prefix="run-") as unique:
        config = {"uri": "s3://warm", "prefix": f"logs{unique}", "options": options, "delete_data": True}
    component = subjects.component(ArtifactLogStore, config)
    store = subjects.component(ArtifactLogStore, config, outputs=plain(component.provision()))
    store.append("run", ["a", "b"])
    store.append("run", ["c"])
    assert store.lines("run") == ["a", "b", "c"]
    assert component.observe().detail == "made by stackspec, 2 files"
    component.deprovision()
    assert not component.observe().provisioned


def test_specs_load_without_their_packages() -> None:
    modules = "stackspec.flavors.log_store.artifact, stackspec.flavors.log_store.cloudwatch"
    script = f"import sys, {modules}; print(*{{'boto3', 'fsspec'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
