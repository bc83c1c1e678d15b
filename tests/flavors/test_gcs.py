"""Artifacts in buckets of Google Cloud Storage, as fake-gcs-server keeps them."""

from __future__ import annotations

import hashlib
import http.client
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.artifact_store import gcs as gcs_flavor
from stackspec.flavors.artifact_store.gcs import GcsArtifactStore
from stackspec.flavors.contract import HookError
from stackspec.flavors.owned.bucket import MARK
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects

ALL = {
    "versioning": True,
    "uniform_access": True,
    "kms_key": "projects/p/locations/eu/keyRings/r/cryptoKeys/k",
    "expire_days": 30,
    "noncurrent_expire_days": 7,
    "abort_multipart_days": 0,
    "labels": {"team": "a", "cost": "12"},
}
"""A config with everything in it that can be seen."""


@pytest.fixture(scope="module")
def keeping(fake_gcs: str) -> Iterator[str]:
    """The same server, behind one that keeps the settings of buckets, which it forgets.

    A patch is merged as RFC 7396 says, which is what the API documents.
    """
    kept: dict[str, dict[str, Any]] = {}
    host = fake_gcs.removeprefix("http://")

    class Keeper(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.partition("?")[0].strip("/").split("/")
            is_bucket = path[:3] == ["storage", "v1", "b"] and len(path) <= 4
            upstream = http.client.HTTPConnection(host, timeout=30)
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            data = answer.read()
            if is_bucket and answer.status < 300 and data and (len(path) == 4 or self.command == "POST"):
                real = json.loads(data)
                mine = kept.setdefault(real["name"], {})
                if self.command == "POST":
                    mine.clear()
                if self.command in ("POST", "PATCH"):
                    merge(mine, json.loads(body))
                data = json.dumps({**real, **mine}).encode()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Keeper) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            merge(target.setdefault(name, {}), value)
        else:
            target[name] = value


def name_for(root: Path, suffix: str = "") -> str:
    """A bucket of a project's own."""
    return f"b-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}{suffix}"


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    return name_for(tmp_path)


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


def client(url: str) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    return storage.Client("p", AnonymousCredentials(), client_options={"api_endpoint": url})


def case(url: str, kill_points: int, **config: Any) -> FlavorCase:
    changes = {"versioning": False, "expire_days": 0, "labels": {"team": "b"}}
    always = {"endpoint_url": url, "delete_data": True, **config}
    moved = {name: value for name, value in changes.items() if name in config}
    return FlavorCase(
        flavor=GcsArtifactStore,
        config=lambda root: {"bucket": name_for(root), **always},
        changed=lambda root: {"bucket": name_for(root), **always, **moved},
        beside=lambda root: {"bucket": name_for(root, "-2"), "endpoint_url": url},
        before=lambda root: client(url).create_bucket(name_for(root)),
        kill_points=kill_points,
    )


class TestFakeGcs(FlavorConformance):
    @pytest.fixture
    def case(self, fake_gcs: str) -> FlavorCase:
        return case(fake_gcs, 4, versioning=True)


class TestKeeping(FlavorConformance):
    @pytest.fixture
    def case(self, keeping: str) -> FlavorCase:
        return case(keeping, 2, prefix="team/a", **ALL)


def test_its_life(keeping: str, subjects: Subjects, bucket: str) -> None:
    config = {"bucket": bucket, "endpoint_url": keeping, "prefix": "team/a", "location": "EU", **ALL}
    component = subjects.component(GcsArtifactStore, config, lineage="l1")
    assert component.observe().detail == f"gs://{bucket} does not exist"
    expected = {"uri": f"gs://{bucket}/team/a", "bucket": bucket, "endpoint_url": keeping}
    assert plain(component.provision()) == expected
    seen = component.observe()
    assert (seen.detail, seen.fields) == ("made by stackspec, empty", ALL)
    real = client(keeping).get_bucket(bucket)
    assert real.location == "EU"
    assert real.labels["stackspec-component"] == "artifact_store--main"
    assert [rule["condition"]["matchesPrefix"] for rule in real.lifecycle_rules] == [["team/a/"], ["team/a/"]]
    real.blob("team/a/model").upload_from_string(b"1")
    component.deprovision()
    assert subjects.lines == [f"gs://{bucket} is kept: it holds 1 object, and delete_data is false"]
    left = client(keeping).get_bucket(bucket)
    assert (list(left.lifecycle_rules), left.labels) == ([], {"team": "a", "cost": "12"})
    assert component.observe().detail == "was there before, 1 object"


def edit(**properties: Any) -> Callable[[Any], None]:
    def change(real: Any) -> None:
        for name, value in properties.items():
            setattr(real, name, value)

    return change


def open_lists(real: Any) -> None:
    real.iam_configuration.uniform_bucket_level_access_enabled = False


def other_labels(real: Any) -> None:
    real.labels = {**{key: value for key, value in real.labels.items() if key != "cost"}, "new": "x"}


@pytest.mark.parametrize(
    ("change", "drifted"),
    [
        (edit(versioning_enabled=False), {"versioning": False}),
        (open_lists, {"uniform_access": False}),
        (edit(default_kms_key_name=None), {"kms_key": None}),
        (edit(lifecycle_rules=[]), {"expire_days": 0, "noncurrent_expire_days": 0}),
        (
            edit(lifecycle_rules=[{"action": {"type": "Delete"}, "condition": {"age": 3}}]),
            {"expire_days": 3, "noncurrent_expire_days": 0},
        ),
        (other_labels, {"labels": {"team": "a", "new": "x"}}),
    ],
)
def test_drift_is_seen_and_mended(
    keeping: str, subjects: Subjects, bucket: str, change: Callable[[Any], None], drifted: dict[str, Any]
) -> None:
    component = subjects.component(GcsArtifactStore, {"bucket": bucket, "endpoint_url": keeping, **ALL})
    component.provision()
    real = client(keeping).get_bucket(bucket)
    change(real)
    real.patch()
    assert component.observe().fields == {**ALL, **drifted}
    component.provision()
    assert component.observe().fields == ALL


def test_what_was_there_before_keeps_its_own(keeping: str, subjects: Subjects, bucket: str) -> None:
    theirs = client(keeping).bucket(bucket)
    theirs.labels = {"owner": "them"}
    theirs.create()
    rule = {"action": {"type": "Delete"}, "condition": {"age": 9, "matchesStorageClass": ["NEARLINE"]}}
    theirs.lifecycle_rules = [rule]
    theirs.patch()
    config = {"bucket": bucket, "endpoint_url": keeping, "labels": {"team": "a"}, "expire_days": 3, "delete_data": True}
    component = subjects.component(GcsArtifactStore, config)
    component.provision()
    assert component.observe().detail == "was there before, empty"
    theirs.reload()
    assert (theirs.labels, len(list(theirs.lifecycle_rules))) == ({"owner": "them", "team": "a"}, 2)
    component.deprovision()
    theirs.reload()
    assert [dict(one) for one in theirs.lifecycle_rules] == [rule]


@pytest.mark.parametrize("marked", ["labels", "an object"])
def test_a_bucket_of_another_component(
    keeping: str, fake_gcs: str, subjects: Subjects, bucket: str, marked: str
) -> None:
    config = {"bucket": bucket, "endpoint_url": keeping if marked == "labels" else fake_gcs, "delete_data": True}
    theirs = subjects.component(GcsArtifactStore, config, identity="theirs", lineage="l1")
    theirs.provision()
    ours = subjects.component(GcsArtifactStore, config)
    owner = ours.observe().owner
    assert owner is not None
    assert (owner.identity, owner.address, owner.environment, owner.lineage) == (
        "theirs",
        "artifact_store/main",
        "dev",
        "l1",
    )
    with pytest.raises(HookError, match="belongs to another component, artifact_store/main of the environment 'dev'"):
        ours.provision()
    ours.deprovision()
    assert theirs.observe().provisioned
    assert client(fake_gcs).bucket(bucket).blob(MARK).exists() is (marked != "labels")


def test_all_versions_go_where_data_is_deleted(
    fake_gcs: str, subjects: Subjects, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"bucket": bucket, "endpoint_url": fake_gcs, "versioning": True, "delete_data": True}
    component = subjects.component(GcsArtifactStore, config)
    component.provision()
    for name in ("a", "a", "deep/b", "c"):
        client(fake_gcs).bucket(bucket).blob(name).upload_from_string(b"1")
    assert component.observe().detail == "made by stackspec, 3 objects"
    monkeypatch.setattr(gcs_flavor, "PAGE", 2)
    assert component.observe().detail == "made by stackspec, 1 object or more"  # the mark is one of the two
    component.deprovision()
    assert not client(fake_gcs).bucket(bucket).exists()
    assert subjects.lines == []


def test_a_store_that_forgets_what_it_is_told(fake_gcs: str, subjects: Subjects, bucket: str) -> None:
    config = {"bucket": bucket, "endpoint_url": fake_gcs, "expire_days": 3}
    with pytest.raises(HookError, match="the store does not keep expire_days"):
        subjects.component(GcsArtifactStore, config).provision()


def test_one_that_must_be_there(fake_gcs: str, subjects: Subjects, bucket: str) -> None:
    config = {"bucket": bucket, "endpoint_url": fake_gcs, "create": False}
    with pytest.raises(HookError, match="does not exist, and create is false"):
        subjects.component(GcsArtifactStore, config).provision()


def test_a_store_that_does_not_answer(subjects: Subjects, bucket: str) -> None:
    config = {"bucket": bucket, "endpoint_url": f"http://127.0.0.1:{servers.free_port()}"}
    with pytest.raises(HookError, match="does not answer") as caught:
        subjects.component(GcsArtifactStore, config, deadline=monotonic() + 1).observe()
    assert caught.value.transient


def test_no_credentials(subjects: Subjects, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key.json").write_text('{"type": "service_account", "private_key": "C4nary"}', encoding="utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(HookError, match="no credentials to use") as caught:
        subjects.component(GcsArtifactStore, {"bucket": bucket, "project": "p"}).observe()
    assert "C4nary" not in f"{caught.value.message} {caught.value.hint}"


def test_a_stop_is_heeded(fake_gcs: str, subjects: Subjects, bucket: str) -> None:
    config = {"bucket": bucket, "endpoint_url": fake_gcs}
    component = subjects.component(GcsArtifactStore, config)
    component.context.cancelled.set()
    with pytest.raises(HookError, match="stopped"):
        component.provision()
    with pytest.raises(HookError, match="out of time"):
        subjects.component(GcsArtifactStore, config, deadline=monotonic() - 1).provision()


def test_its_spec_loads_without_its_packages() -> None:
    packages = {"google", "gcsfs", "fsspec"}
    script = f"import sys, stackspec.flavors.artifact_store.gcs; print(*{packages} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
