"""What the tests of flavors share: contexts, and the rule for real parts that are not installed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest

from stackspec.core.address import ComponentAddress
from stackspec.flavors.contract import HookContext
from stackspec.flavors.processes.marked_processes import MARK
from tests import servers

RealPart = Callable[[str, str], None]
MakeContext = Callable[..., HookContext]
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="session")
def real_part() -> RealPart:
    """Call it with a module's or program's name and the command that installs it: skips where it is missing.

    With STACKSPEC_TEST_ALL=1 a missing part fails the test instead.
    """

    def require(name: str, install: str) -> None:
        if find_spec(name) is None and shutil.which(name) is None:
            reason = f"{name} is not installed; to test with it: {install}"
            pytest.fail(reason) if os.environ.get("STACKSPEC_TEST_ALL") == "1" else pytest.skip(reason)

    return require


@pytest.fixture(scope="session")
def until() -> Until:
    """Waits for a condition, 20 seconds at most."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = monotonic() + 20
        while not condition():
            assert monotonic() < deadline, "it did not happen in time"
            Event().wait(0.01)

    return wait


@pytest.fixture
def make_context(tmp_path: Path) -> Iterator[MakeContext]:
    """Contexts of components whose project is in `tmp_path`; afterwards none of their processes may be left."""
    psutil = pytest.importorskip("psutil", reason="psutil is not installed; to test with it: pip install psutil")
    identities: set[str] = set()

    def make(identity: str = f"identity-{tmp_path.name}", *, seconds: float = 120, **other: object) -> HookContext:
        identities.add(identity)
        values: dict[str, object] = {
            "address": ComponentAddress("experiment_tracker", "main"),
            "environment": "dev",
            "root": tmp_path,
            "data_dir": tmp_path / "data" / "main",
            **other,
        }
        return HookContext(identity=identity, deadline=monotonic() + seconds, **values)  # type: ignore[arg-type]

    yield make
    left = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK, "").rpartition("/")[0] in identities:
                left.append(process)
        except psutil.Error:
            continue  # ended meanwhile, or another user's
    for process in left:
        process.kill()
    assert not left, "processes left over"


@pytest.fixture(scope="session")
def s3_credentials() -> Iterator[None]:
    """What the servers that speak S3 take, in the environment."""
    with mock.patch.dict(os.environ, servers.CREDENTIALS):
        yield


@pytest.fixture(scope="session")
def seaweed(s3_credentials: None) -> Iterator[str]:
    """The address of a real S3 server."""
    servers.needs("s3fs", "s3-artifacts")
    with TemporaryDirectory() as folder, servers.seaweed(Path(folder)) as endpoint:
        servers.make_bucket(endpoint, "warm")
        yield endpoint


@pytest.fixture(scope="session")
def moto(s3_credentials: None) -> Iterator[str]:
    """The address of a server that speaks as AWS does."""
    with servers.moto() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The address of an account in a server that speaks as Azure Blob Storage does."""
    servers.needs("adlfs", "azure-artifacts")
    with servers.azurite() as url, mock.patch.dict(os.environ, {"AZURE_STORAGE_KEY": servers.AZURITE_KEY}):
        yield url


@pytest.fixture(scope="session")
def fake_gcs() -> Iterator[str]:
    """The address of a server that speaks as Google Cloud Storage does."""
    servers.needs("gcsfs", "gcs-artifacts")
    with servers.fake_gcs() as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[dict[str, Any]]:
    """Where a PostgreSQL server is, and who may do everything there."""
    servers.needs("psycopg", "postgres")
    with servers.postgres() as url:
        found = urlsplit(url)
        yield {"host": found.hostname, "port": found.port, "admin_user": found.username}


@pytest.fixture(scope="session")
def mariadb() -> Iterator[dict[str, Any]]:
    """Where a MariaDB server is, and who may do everything there."""
    with servers.mariadb() as (host, port):
        yield {"host": host, "port": port, "admin_user": "root"}


@pytest.fixture(scope="session")
def podman() -> Iterator[str]:
    """The address of an engine that speaks Docker's API."""
    with servers.podman() as host:
        yield host


@pytest.fixture(scope="session")
def docker_registry() -> Iterator[str]:
    """The host and port of a container registry."""
    with servers.docker_registry() as host:
        yield host


@pytest.fixture(scope="session")
def slurm_conf() -> Iterator[Path]:
    """The configuration of a Slurm cluster."""
    with servers.slurm() as file:
        yield file


@pytest.fixture
def slurm(slurm_conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Slurm cluster that this machine's programs know."""
    monkeypatch.setenv("SLURM_CONF", str(slurm_conf))


@pytest.fixture
def store_config(flavor: str, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A config with which a store of files of that flavor works here."""
    if flavor == "local":
        return {"path": "data"}
    name = f"b-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]}"
    if flavor == "azure":
        return {"container": name, "prefix": "deep/down", "account_url": request.getfixturevalue("azurite")}
    server = request.getfixturevalue({"gcs": "fake_gcs", "s3": "seaweed"}[flavor])
    return {"bucket": name, "prefix": "deep/down", "endpoint_url": server}


@pytest.fixture
def log_config(flavor: str, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A config with which a log store of that flavor works here."""
    if flavor == "cloudwatch":
        name = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]
        return {"group": f"/types/{name}", "endpoint_url": request.getfixturevalue("moto")}
    return {"path": "logs"} if flavor == "local" else {"uri": (tmp_path / "artifacts").as_uri()}
