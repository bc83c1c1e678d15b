"""Artifacts in buckets, of SeaweedFS, and of moto for what SeaweedFS lacks."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.artifact_store import s3 as s3_flavor
from stackspec.flavors.artifact_store.s3 import S3ArtifactStore
from stackspec.flavors.contract import HookError
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects
from tests.running import command, environment

ALL = {
    "prefix": "team/a",
    "versioning": True,
    "encryption": "AES256",
    "expire_days": 30,
    "noncurrent_expire_days": 7,
    "abort_multipart_days": 0,
    "tags": {"team": "a", "cost": "12"},
    "block_public_access": True,
}
"""A config with everything in it."""


def name_for(root: Path, suffix: str = "") -> str:
    """A bucket of a project's own."""
    return f"b-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}{suffix}"


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    return name_for(tmp_path)


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


def client(endpoint: str) -> Any:
    import boto3

    keys = servers.CREDENTIALS["AWS_ACCESS_KEY_ID"], servers.CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    return boto3.Session(*keys).client("s3", endpoint_url=endpoint, region_name="us-east-1")


def settings(s3: Any, bucket: str) -> list[Any]:
    """All that may be set of a bucket, as the store tells it; the name of the refusal for what is not set."""
    from botocore.exceptions import ClientError

    told = []
    for request in (
        s3.get_bucket_versioning,
        s3.get_bucket_encryption,
        s3.get_bucket_lifecycle_configuration,
        s3.get_bucket_tagging,
        s3.get_public_access_block,
    ):
        try:
            told.append({key: value for key, value in request(Bucket=bucket).items() if key != "ResponseMetadata"})
        except ClientError as error:
            told.append(error.response["Error"]["Code"])
    return told


def case(endpoint: str, kill_points: int, **config: Any) -> FlavorCase:
    changes = {"versioning": False, "expire_days": 0, "tags": {"team": "b"}}
    return FlavorCase(
        flavor=S3ArtifactStore,
        config=lambda root: {"bucket": name_for(root), "endpoint_url": endpoint, "delete_data": True, **config},
        changed=lambda root: {
            "bucket": name_for(root),
            "endpoint_url": endpoint,
            "delete_data": True,
            **config,
            **{name: value for name, value in changes.items() if name in config},
        },
        beside=lambda root: {"bucket": name_for(root, "-2"), "endpoint_url": endpoint},
        before=lambda root: client(endpoint).create_bucket(Bucket=name_for(root)),
        kill_points=kill_points,
    )


class TestSeaweed(FlavorConformance):
    @pytest.fixture
    def case(self, seaweed: str) -> FlavorCase:
        return case(seaweed, 4, versioning=True, expire_days=30, tags={"team": "a"})


class TestMoto(FlavorConformance):
    @pytest.fixture
    def case(self, moto: str) -> FlavorCase:
        return case(moto, 0, **ALL)


def test_its_life(moto: str, subjects: Subjects, bucket: str) -> None:
    config = {"bucket": bucket, "endpoint_url": moto, **ALL}
    component = subjects.component(S3ArtifactStore, config)
    assert component.observe().detail == f"s3://{bucket} does not exist"
    outputs = component.provision()
    assert plain(outputs) == {"uri": f"s3://{bucket}/team/a", "bucket": bucket, "endpoint_url": moto, "region": None}
    seen = component.observe()
    assert (seen.provisioned, seen.detail) == (True, "made by stackspec, empty")
    assert seen.fields == {name: value for name, value in ALL.items() if name != "prefix"}
    rules = client(moto).get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [rule["Filter"]["Prefix"] for rule in rules] == ["team/a/", "team/a/"]


def edit(request: str, **arguments: Any) -> Callable[[Any, str], None]:
    return lambda s3, bucket: getattr(s3, request)(Bucket=bucket, **arguments)


def half_public(s3: Any, bucket: str) -> None:
    half = {"BlockPublicAcls": True, "IgnorePublicAcls": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=half)


def other_days(s3: Any, bucket: str) -> None:
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    for rule in rules:
        if "Expiration" in rule:
            rule["Expiration"] = {"Days": 3}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def disabled(s3: Any, bucket: str) -> None:
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    for rule in rules:
        rule["Status"] = "Disabled"
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def other_tags(s3: Any, bucket: str) -> None:
    tags = [one for one in s3.get_bucket_tagging(Bucket=bucket)["TagSet"] if one["Key"] != "cost"]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [*tags, {"Key": "new", "Value": "x"}]})


def other_key(s3: Any, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/theirs"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


@pytest.mark.parametrize(
    ("change", "real"),
    [
        (edit("put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"}), {"versioning": False}),
        (edit("delete_bucket_encryption"), {"encryption": None}),
        (other_key, {"encryption": "aws:kms"}),
        (other_days, {"expire_days": 3}),
        (disabled, {"expire_days": 0, "noncurrent_expire_days": 0}),
        (edit("delete_bucket_lifecycle"), {"expire_days": 0, "noncurrent_expire_days": 0}),
        (other_tags, {"tags": {"team": "a", "new": "x"}}),
        (edit("delete_public_access_block"), {"block_public_access": False}),
        (half_public, {"block_public_access": False}),
    ],
)
def test_drift_is_seen_and_mended(
    moto: str, subjects: Subjects, bucket: str, change: Callable[[Any, str], None], real: dict[str, Any]
) -> None:
    config = {"bucket": bucket, "endpoint_url": moto, **ALL}
    component = subjects.component(S3ArtifactStore, config)
    component.provision()
    wanted = dict(component.observe().fields)
    change(client(moto), bucket)
    assert component.observe().fields == {**wanted, **real}
    component.provision()
    assert component.observe().fields == wanted
    assert component.observe().detail.startswith("made by stackspec")


@pytest.mark.parametrize("key", ["1234abcd", "alias/ours", "arn:aws:kms:us-east-1:1:key/1234abcd"])
def test_a_key_is_the_same_by_its_full_name(moto: str, subjects: Subjects, bucket: str, key: str) -> None:
    config = {"bucket": bucket, "endpoint_url": moto, "encryption": "aws:kms", "kms_key_id": key}
    component = subjects.component(S3ArtifactStore, config)
    component.provision()
    if not key.startswith("arn:"):
        full = f"arn:aws:kms:us-east-1:1:{key}" if "/" in key else f"arn:aws:kms:us-east-1:1:key/{key}"
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": full}}
        client(moto).put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert component.observe().fields == {"encryption": "aws:kms", "kms_key_id": key}
    other_key(client(moto), bucket)
    assert component.observe().fields == {"encryption": "aws:kms", "kms_key_id": "alias/theirs"}


def test_a_key_needs_encryption_by_it(subjects: Subjects, bucket: str) -> None:
    component = subjects.component(S3ArtifactStore, {"bucket": bucket, "kms_key_id": "x", "encryption": "AES256"})
    with pytest.raises(HookError, match="kms_key_id needs"):
        component.provision()


def given_before(s3: Any, bucket: str) -> None:
    """A bucket with all settings, as somebody else has made it."""
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    other_key(s3, bucket)
    rule = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 2}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "owner", "Value": "them"}]})
    half_public(s3, bucket)


def test_what_was_there_before_keeps_what_the_config_leaves_out(moto: str, subjects: Subjects, bucket: str) -> None:
    s3 = client(moto)
    given_before(s3, bucket)
    before = settings(s3, bucket)
    component = subjects.component(S3ArtifactStore, {"bucket": bucket, "endpoint_url": moto, "delete_data": True})
    component.provision()
    assert (component.observe().detail, component.observe().fields) == ("was there before, empty", {})
    component.deprovision()
    assert settings(s3, bucket) == before


def test_what_was_there_before_keeps_its_other_rules_and_tags(moto: str, subjects: Subjects, bucket: str) -> None:
    s3 = client(moto)
    given_before(s3, bucket)
    config = {"bucket": bucket, "endpoint_url": moto, "expire_days": 9, "tags": {"team": "a"}, "delete_data": True}
    component = subjects.component(S3ArtifactStore, config)
    component.provision()
    assert component.observe().fields == {"expire_days": 9, "tags": {"team": "a"}}
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [rule.get("Expiration") for rule in rules] == [{"Days": 2}, {"Days": 9}]
    tags = {one["Key"]: one["Value"] for one in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    assert tags == {"owner": "them", "team": "a"}
    s3.put_object(Bucket=bucket, Key="precious", Body=b"1")
    component.deprovision()
    component.deprovision()
    assert [rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]] == ["theirs"]
    assert s3.get_object(Bucket=bucket, Key="precious")["Body"].read() == b"1"


@pytest.mark.parametrize("delete_data", [False, True])
def test_a_bucket_of_another_component(seaweed: str, subjects: Subjects, bucket: str, delete_data: bool) -> None:
    config = {"bucket": bucket, "endpoint_url": seaweed, "delete_data": delete_data}
    theirs = subjects.component(S3ArtifactStore, config, identity="theirs", lineage="l1")
    theirs.provision()
    ours = subjects.component(S3ArtifactStore, config)
    seen = ours.observe()
    assert not seen.provisioned
    assert seen.owner is not None
    assert (seen.owner.identity, seen.owner.environment, seen.owner.lineage) == ("theirs", "dev", "l1")
    with pytest.raises(HookError, match="belongs to another component, artifact_store/main of the environment 'dev'"):
        ours.provision()
    ours.deprovision()
    assert theirs.observe().provisioned


def test_a_bucket_of_another_account(
    seaweed: str, subjects: Subjects, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"bucket": bucket, "endpoint_url": seaweed}
    component = subjects.component(S3ArtifactStore, config)
    component.provision()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.STRANGER[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.STRANGER[1])
    for hook in (component.observe, component.provision, component.deprovision):
        with pytest.raises(HookError, match="belongs to another account, or the credentials may not"):
            hook()


CANARY = "C4nary-of-the-store"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": CANARY}, "are refused .SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": CANARY, "AWS_SECRET_ACCESS_KEY": CANARY}, "are refused .InvalidAccessKeyId"),
        ({"AWS_ACCESS_KEY_ID": CANARY}, "no credentials to use .PartialCredentialsError"),
        ({}, "no credentials to use .NoCredentialsError"),
        ({"AWS_PROFILE": "nobody's"}, "no credentials to use .ProfileNotFound"),
    ],
)
def test_credentials_that_cannot_be_used(
    seaweed: str,
    subjects: Subjects,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    told: str,
) -> None:
    for name in (*servers.CREDENTIALS, "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    component = subjects.component(S3ArtifactStore, {"bucket": bucket, "endpoint_url": seaweed})
    for hook in (component.observe, component.provision, component.deprovision):
        with pytest.raises(HookError, match=told) as caught:
            hook()
        assert not caught.value.transient
        assert caught.value.hint
        assert "credentials" in caught.value.hint
        assert CANARY not in f"{caught.value.message} {caught.value.hint} {subjects.lines}"


def test_a_store_that_does_not_answer(subjects: Subjects, bucket: str, s3_credentials: None) -> None:
    endpoint = f"http://127.0.0.1:{servers.free_port()}"
    component = subjects.component(S3ArtifactStore, {"bucket": bucket, "endpoint_url": endpoint})
    with pytest.raises(HookError, match=f"{endpoint} does not answer") as caught:
        component.observe()
    assert caught.value.transient


def test_what_a_store_lacks(seaweed: str, subjects: Subjects, bucket: str) -> None:
    config = {"bucket": bucket, "endpoint_url": seaweed, "block_public_access": True}
    with pytest.raises(HookError, match="has no block of public access"):
        subjects.component(S3ArtifactStore, config).provision()


def test_one_that_must_be_there(seaweed: str, subjects: Subjects, bucket: str) -> None:
    component = subjects.component(S3ArtifactStore, {"bucket": bucket, "endpoint_url": seaweed, "create": False})
    with pytest.raises(HookError, match="does not exist, and create is false"):
        component.provision()
    client(seaweed).create_bucket(Bucket=bucket)
    component.provision()
    assert component.observe().detail == "was there before, empty"


def fill(s3: Any, bucket: str) -> None:
    """Objects, older versions, deletions and uploads under way."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "a", "deep/b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    s3.delete_object(Bucket=bucket, Key="c")
    s3.create_multipart_upload(Bucket=bucket, Key="begun")


@pytest.mark.parametrize("server", ["seaweed", "moto"])
def test_a_bucket_that_holds_something_is_kept_unless_told(
    server: str, subjects: Subjects, bucket: str, request: pytest.FixtureRequest
) -> None:
    endpoint = request.getfixturevalue(server)
    s3, config = client(endpoint), {"bucket": bucket, "endpoint_url": endpoint, "expire_days": 1}
    component = subjects.component(S3ArtifactStore, config)
    component.provision()
    fill(s3, bucket)
    assert component.observe().detail == "made by stackspec, 2 objects"
    component.deprovision()
    component.deprovision()
    assert subjects.lines == [f"s3://{bucket} is kept: it holds 2 objects, and delete_data is false"]
    assert component.observe().detail == "was there before, 2 objects"
    s3.delete_object(Bucket=bucket, Key="a")


@pytest.mark.parametrize("server", ["seaweed", "moto"])
def test_told_to_it_removes_every_version(
    server: str, subjects: Subjects, bucket: str, request: pytest.FixtureRequest
) -> None:
    endpoint = request.getfixturevalue(server)
    component = subjects.component(S3ArtifactStore, {"bucket": bucket, "endpoint_url": endpoint, "delete_data": True})
    component.provision()
    fill(client(endpoint), bucket)
    component.deprovision()
    assert component.observe().detail == f"s3://{bucket} does not exist"
    component.deprovision()
    assert subjects.lines == []


def test_older_versions_are_something(moto: str, subjects: Subjects, bucket: str) -> None:
    component = subjects.component(S3ArtifactStore, {"bucket": bucket, "endpoint_url": moto, "versioning": True})
    component.provision()
    s3 = client(moto)
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="a")
    component.deprovision()
    assert "it holds older versions of objects" in subjects.lines[0]
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1


def test_the_count_is_of_one_page(moto: str, subjects: Subjects, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_flavor, "PAGE", 3)
    component = subjects.component(S3ArtifactStore, {"bucket": bucket, "endpoint_url": moto, "delete_data": True})
    component.provision()
    s3 = client(moto)
    for number in range(7):
        s3.put_object(Bucket=bucket, Key=str(number), Body=b"")
    assert component.observe().detail == "made by stackspec, 3 objects or more"
    component.deprovision()
    assert not component.observe().provisioned


def test_a_stop_is_heeded(seaweed: str, subjects: Subjects, bucket: str) -> None:
    component = subjects.component(S3ArtifactStore, {"bucket": bucket, "endpoint_url": seaweed})
    component.context.cancelled.set()
    with pytest.raises(HookError, match="stopped"):
        component.provision()
    late = subjects.component(S3ArtifactStore, {"bucket": bucket, "endpoint_url": seaweed}, deadline=monotonic() - 1)
    with pytest.raises(HookError, match="out of time"):
        late.provision()


def test_a_store_without_tags_keeps_the_mark_in_an_object(
    subjects: Subjects, bucket: str, s3_credentials: None
) -> None:
    with servers.rclone() as endpoint:
        config = {"bucket": bucket, "endpoint_url": endpoint}
        component = subjects.component(S3ArtifactStore, config)
        component.provision()
        component.provision()
        assert component.observe().detail == "made by stackspec, empty"
        other = subjects.component(S3ArtifactStore, config, identity="other")
        with pytest.raises(HookError, match="belongs to another component"):
            other.provision()
        component.deprovision()
        assert component.observe().detail == f"s3://{bucket} does not exist"


PROJECT = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {{name: dev}}
spec:
  components:
    orchestrator: {{flavor: local}}
    artifact_store:
      flavor: s3
      config: {{bucket: {bucket}, endpoint_url: "{endpoint}", versioning: true, tags: {{team: a}}, delete_data: true}}
"""


def test_a_project_with_it(seaweed: str, tmp_path: Path, bucket: str) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(PROJECT.format(bucket=bucket, endpoint=seaweed))
    said = []

    def run(*arguments: str) -> str:
        words = [*command("-C", str(tmp_path)), *arguments]
        done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment(servers.CREDENTIALS))
        said.append(done.stdout + done.stderr)
        return done.stdout

    run("apply", "--yes")
    assert "No changes" in run("plan", "--refresh")
    edit("put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"})(client(seaweed), bucket)
    assert "versioning" in run("plan", "--refresh")
    run("apply", "--yes", "--refresh")
    assert client(seaweed).get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    run("destroy", "--yes")
    assert bucket not in [one["Name"] for one in client(seaweed).list_buckets()["Buckets"]]
    kept = [file.read_bytes() for file in (tmp_path / ".stackspec").rglob("*") if file.is_file()]
    assert kept
    secret = servers.CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    assert not [text for text in said if f"={secret}" in text]


def test_its_spec_loads_without_its_packages() -> None:
    script = "import sys, stackspec.flavors.artifact_store.s3; print(*{'boto3', 's3fs', 'fsspec'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
