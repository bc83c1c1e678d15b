"""Checkouts of one project that share a backend, by the real command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest import mock

import pytest

from stackspec.apply.events import Event, Started
from stackspec.core.diagnostic import StackspecError
from stackspec.core.fields import plain
from stackspec.manifest.state_settings import AzureSettings, GcsSettings, PostgresSettings, S3Settings, StateSettings
from stackspec.project import Project
from stackspec.state.run import Run
from stackspec.testing.state_conformance import code_of, run_elsewhere
from tests.cli.hostile import STACK
from tests.running import command, environment, in_process


def checkout(root: Path, settings: StateSettings, **other: str) -> Path:
    """A checkout of the project that keeps its state where the settings say."""
    (root / "stacks").mkdir(parents=True)
    (root / "stacks" / "dev.yaml").write_text(STACK)
    configure(root, settings, **other)
    return root


def configure(root: Path, settings: StateSettings, **other: str) -> None:
    """Have a checkout keep its state elsewhere."""
    state = {name: value for name, value in {**plain(settings), **other}.items() if value is not None}
    project = {"apiVersion": "stackspec.dev/v1", "kind": "Project", "spec": {"state": state}}
    (root / "stackspec.yaml").write_text(json.dumps(project))


Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]


def separately(root: Path, *arguments: str) -> Done:
    """A command in a process of its own."""
    done = subprocess.run(
        command("-C", str(root), *arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment(),
    )
    return without_bugs(done)


@pytest.fixture
def stackspec(capfd: pytest.CaptureFixture[str]) -> Command:
    """A command in this process, which is faster; variables may be given."""

    def run(root: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> Done:
        capfd.readouterr()
        with mock.patch.dict(os.environ, variables or {}):
            code = in_process(["-C", str(root), *arguments])
        written = capfd.readouterr()
        return without_bugs(Done(arguments, code, written.out, written.err))

    return run


def without_bugs(done: Done) -> Done:
    """What a command did, if that was what it was meant to."""
    assert "Traceback" not in done.stderr, done.stderr
    assert "SS0999" not in done.stderr, done.stderr
    return done


def refused(done: Done, code: str) -> str:
    """What a command says that cannot go on."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"error[{code}]" in done.stderr, done.stderr
    return done.stderr


@pytest.fixture(params=["s3", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StateSettings:
    """A place that no other test uses."""
    place: StateSettings = request.getfixturevalue(request.param)
    own = tmp_path.name.lower().replace("-", "_")
    return place.replaced(**{"schema" if isinstance(place, PostgresSettings) else "prefix": own})


def test_what_one_applies_the_other_finds(settings: StateSettings, tmp_path: Path) -> None:
    one, other = checkout(tmp_path / "one", settings), checkout(tmp_path / "other", settings)
    assert separately(other, "plan", "--detailed-exitcode").returncode == 2
    done = separately(one, "apply", "--yes")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (one / ".stackspec" / "state").iterdir()] == ["default.head"]
    done = separately(other, "plan", "--detailed-exitcode")
    assert (done.returncode, done.stderr) == (0, "")
    assert "No changes" in done.stdout
    assert sorted(separately(other, "state", "list").stdout.split()) == ["artifact_store/dev", "orchestrator/dev"]
    (other / "stacks" / "dev.yaml").write_text(STACK.replace("{flavor: local}", "{flavor: local, config: {}}", 1))
    with Project.open(one).store("default").lock(Run.of_this_process("test")):
        refused(separately(other, "apply", "--yes"), "SS0703")
    assert separately(one, "destroy", "--yes").returncode == 0
    assert separately(other, "state", "list").stdout == ""


@pytest.mark.parametrize("settings", ["gcs", "azure"], indirect=True)
def test_so_do_the_places_that_are_slow_to_begin(settings: StateSettings, tmp_path: Path) -> None:
    one, other = checkout(tmp_path / "one", settings), checkout(tmp_path / "other", settings)
    assert in_process(["-C", str(other), "plan", "--detailed-exitcode"]) == 2
    assert in_process(["-C", str(one), "apply", "--yes"]) == 0
    assert in_process(["-C", str(other), "plan", "--detailed-exitcode"]) == 0


def test_an_environment_that_is_declared_no_more_is_seen_by_all(
    stackspec: Command, settings: StateSettings, tmp_path: Path
) -> None:
    one, other = checkout(tmp_path / "one", settings), checkout(tmp_path / "other", settings)
    assert stackspec(one, "apply", "--yes").returncode == 0
    declared = "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: prod}\n"
    (other / "stacks" / "prod.yaml").write_text(declared)
    done = stackspec(other, "plan")
    assert "warning[SS0706]" in done.stderr
    assert "2 of its components" in done.stderr


def test_a_lock_is_told_and_freed(stackspec: Command, s3: S3Settings, tmp_path: Path) -> None:
    root = checkout(tmp_path / "one", s3.replaced(prefix="told"))
    run = run_elsewhere()
    with Project.open(root).store("default").lock(run):
        said = refused(stackspec(root, "apply", "--yes"), "SS0703")
        assert run.user in said
        assert "elsewhere" in said
        assert run.since in said
        assert f"stackspec state unlock {run.id} -e default" in said
        refused(stackspec(root, "state", "unlock", "nope"), "SS0711")
        done = stackspec(root, "state", "unlock", run.id)
        assert done.returncode == 0, done.stderr
        assert stackspec(root, "apply", "--yes").returncode == 0
    assert stackspec(root, "plan", "--detailed-exitcode").returncode == 0


def test_an_apply_whose_lock_is_freed_ends_and_the_next_one_makes_it_right(
    stackspec: Command, s3: S3Settings, tmp_path: Path
) -> None:
    root = checkout(tmp_path / "one", s3.replaced(prefix="freed"))
    freed: list[Run] = []

    def free(event: Event) -> None:
        if isinstance(event, Started) and not freed:
            other = Project.open(root).store("default")
            writer = other.writer()
            assert writer is not None
            freed.append(other.unlock(writer.id))

    project = Project.open(root)
    planned = project.plan()
    # As if it were another machine's: the lock of a live process of this one is not freed.
    with mock.patch("stackspec.state.run.Run.is_here", False), pytest.raises(StackspecError) as lost:
        project.apply(planned, parallelism=1, listener=free)
    assert code_of(lost) == "SS0708"
    assert "recover" in stackspec(root, "plan").stdout
    assert stackspec(root, "apply", "--yes").returncode == 0
    assert stackspec(root, "plan", "--detailed-exitcode").returncode == 0


def test_what_cannot_be_kept_beside_the_state_is_a_warning(
    stackspec: Command, postgres: PostgresSettings, tmp_path: Path
) -> None:
    root = checkout(tmp_path / "one", postgres.replaced(schema="kept"))
    (root / ".stackspec" / "state" / "default.head").mkdir(parents=True)
    done = stackspec(root, "apply", "--yes")
    assert done.returncode == 0, done.stderr
    assert "warning[SS0714]" in done.stderr
    assert "Done" in done.stdout
    done = stackspec(root, "state", "rm", "artifact_store/dev")
    assert done.returncode == 0, done.stderr
    assert "warning[SS0714]" in done.stderr
    done = stackspec(root, "destroy", "--yes", "--output", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])["diagnostics"]
    assert [(one["severity"], one["code"]) for one in told] == [("warning", "SS0714")]
    assert done.stderr == ""


def test_state_moves_in_and_out(stackspec: Command, settings: StateSettings, tmp_path: Path) -> None:
    local, shared = checkout(tmp_path / "local", StateSettings()), checkout(tmp_path / "shared", settings)
    assert stackspec(local, "apply", "--yes").returncode == 0
    kept = tmp_path / "kept.json"
    kept.write_text(stackspec(local, "state", "pull").stdout)
    done = stackspec(shared, "state", "push", str(kept))
    assert done.returncode == 0, done.stderr
    assert stackspec(shared, "plan", "--detailed-exitcode").returncode == 0
    stranger = checkout(tmp_path / "stranger", StateSettings())
    assert stackspec(stranger, "apply", "--yes").returncode == 0
    kept.write_text(stackspec(stranger, "state", "pull").stdout)
    assert "--force" in refused(stackspec(shared, "state", "push", str(kept)), "SS0707")
    assert stackspec(shared, "state", "push", "--force", str(kept)).returncode == 0


def test_a_place_that_is_not_the_one_of_before_is_refused(
    stackspec: Command, postgres: PostgresSettings, tmp_path: Path
) -> None:
    ours, theirs, empty = (postgres.replaced(schema=f"before_{name}") for name in ("ours", "theirs", "empty"))
    root, other = checkout(tmp_path / "ours", ours), checkout(tmp_path / "theirs", theirs)
    for one in (root, other):
        assert stackspec(one, "apply", "--yes").returncode == 0
    kept = tmp_path / "kept.json"
    kept.write_text(stackspec(root, "state", "pull").stdout)
    configure(root, theirs)
    for arguments in (["plan"], ["apply", "--yes"], ["state", "push", str(kept)]):
        assert "default.head" in refused(stackspec(root, *arguments), "SS0713")
    for settings in (empty, StateSettings()):
        configure(root, settings)
        assert "lineage" in refused(stackspec(root, "plan"), "SS0701")
    configure(root, empty)
    assert stackspec(root, "state", "push", str(kept)).returncode == 0
    assert stackspec(root, "plan", "--detailed-exitcode").returncode == 0
    configure(root, ours)
    assert "older" in refused(stackspec(root, "apply", "--yes"), "SS0701")


def test_a_backend_that_cannot_be_reached_or_refuses(stackspec: Command, s3: S3Settings, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        root = checkout(tmp_path / "down", s3, endpoint_url=down)
        assert down in refused(stackspec(root, "apply", "--yes"), "SS0709")
    assert not (root / "artifacts").exists()
    root = checkout(tmp_path / "bucket", s3, bucket="missing")
    assert "make it" in refused(stackspec(root, "plan"), "SS0709")
    root = checkout(tmp_path / "password", s3)
    assert "credentials" in refused(stackspec(root, "plan", variables={"AWS_SECRET_ACCESS_KEY": "wrong"}), "SS0709")
    nobody_home = {"HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert "credentials" in refused(stackspec(root, "plan", variables=nobody_home), "SS0709")
    assert stackspec(root, "validate").returncode == 0


def test_a_database_that_cannot_be_reached_or_refuses(
    stackspec: Command, postgres: PostgresSettings, tmp_path: Path
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        down = f"postgresql://127.0.0.1:{nobody.getsockname()[1]}/postgres"
        root = checkout(tmp_path / "down", postgres, url=down)
        assert "cannot reach" in refused(stackspec(root, "apply", "--yes"), "SS0709")
    assert not (root / "artifacts").exists()
    root = checkout(tmp_path / "password", postgres, url=postgres.url.replace("postgres@", "ada@"), schema="of_ada")
    for given in ({"PGPASSWORD": "wrong"}, {}):
        said = refused(stackspec(root, "plan", variables={"HOME": str(tmp_path), **given}), "SS0709")
        assert "PGPASSWORD" in said
        assert "wrong" not in said
    right = {"PGPASSWORD": "right"}
    assert stackspec(root, "plan", variables=right).returncode == 0, "to read makes nothing"
    assert "to make it" in refused(stackspec(root, "apply", "--yes", variables=right), "SS0709")
    root = checkout(tmp_path / "missing", postgres, url=f"{postgres.url.rpartition('/')[0]}/missing")
    assert '"missing" does not exist' in refused(stackspec(root, "plan"), "SS0709")
    root = checkout(tmp_path / "shown", postgres, url=postgres.url.replace("postgres@", "ada:right@"))
    for arguments in (["plan"], ["apply", "--yes"], ["validate"], ["state", "list"]):
        assert "right" not in refused(stackspec(root, *arguments), "SS0210")


def test_a_google_bucket_that_cannot_be_reached_or_is_not_there(
    stackspec: Command, gcs: GcsSettings, tmp_path: Path
) -> None:
    root = checkout(tmp_path / "bucket", gcs, bucket="missing")
    assert "make it" in refused(stackspec(root, "plan"), "SS0709")
    root = checkout(tmp_path / "credentials", gcs)
    nobody = {"STORAGE_EMULATOR_HOST": "", "HOME": str(tmp_path), "GCE_METADATA_HOST": "127.0.0.1:9"}
    assert "gcloud auth" in refused(stackspec(root, "plan", variables=nobody), "SS0709")
    assert not (root / "artifacts").exists()


def test_an_azure_container_that_cannot_be_reached_or_is_not_there(
    stackspec: Command, azure: AzureSettings, tmp_path: Path
) -> None:
    root = checkout(tmp_path / "container", azure, container="missing")
    assert "make it" in refused(stackspec(root, "plan"), "SS0709")
    root = checkout(tmp_path / "credentials", azure)
    said = refused(stackspec(root, "plan", variables={"AZURE_STORAGE_KEY": "d3Jvbmc="}), "SS0709")
    assert "AZURE_STORAGE_KEY" in said
    root = checkout(tmp_path / "down", azure, account_url="http://127.0.0.1:9/devstoreaccount1")
    assert "account_url" in refused(stackspec(root, "plan"), "SS0709")


def test_a_store_that_overwrites_is_refused(stackspec: Command, ignorant_s3: S3Settings, tmp_path: Path) -> None:
    root = checkout(tmp_path / "one", ignorant_s3)
    refused(stackspec(root, "apply", "--yes"), "SS0710")
    assert not (root / "artifacts").exists()
    assert stackspec(root, "state", "list").stdout == ""
