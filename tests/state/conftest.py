"""The servers of these tests, each begun once, when it is first needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest

from stackspec.manifest.state_settings import AzureSettings, GcsSettings, PostgresSettings, S3Settings
from tests import servers


@pytest.fixture(scope="session")
def s3_folder() -> Iterator[Path]:
    """Where the server of `s3` keeps everything."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def s3(s3_folder: Path) -> Iterator[S3Settings]:
    """A bucket in a server that keeps what it promises; its credentials are in the environment meanwhile."""
    with mock.patch.dict(os.environ, servers.CREDENTIALS), servers.seaweed(s3_folder) as endpoint:
        servers.make_bucket(endpoint, "states")
        yield S3Settings(backend="s3", bucket="states", prefix="tests", endpoint_url=endpoint)


@pytest.fixture(scope="session")
def ignorant_s3() -> Iterator[S3Settings]:
    """A bucket in a server that creates an object though one is there."""
    with mock.patch.dict(os.environ, servers.CREDENTIALS), servers.rclone() as endpoint:
        servers.make_bucket(endpoint, "states")
        yield S3Settings(backend="s3", bucket="states", prefix="tests", endpoint_url=endpoint)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresSettings]:
    """A database."""
    with servers.postgres() as url:
        yield PostgresSettings(backend="postgres", url=url, schema="tests")


@pytest.fixture(scope="session")
def gcs() -> Iterator[GcsSettings]:
    """A bucket in a server that speaks as Google Cloud Storage does."""
    from google.cloud import storage

    with servers.fake_gcs() as url:
        given = {"STORAGE_EMULATOR_HOST": url, "GOOGLE_CLOUD_PROJECT": "tests"}
        with mock.patch.dict(os.environ, given):
            storage.Client().create_bucket("states")
            yield GcsSettings(backend="gcs", bucket="states", prefix="tests")


@pytest.fixture(scope="session")
def azure() -> Iterator[AzureSettings]:
    """A container in a server that speaks as Azure Blob Storage does."""
    from azure.storage.blob import ContainerClient

    with servers.azurite() as url, mock.patch.dict(os.environ, {"AZURE_STORAGE_KEY": servers.AZURITE_KEY}):
        ContainerClient(url, "states", servers.AZURITE_KEY).create_container()
        yield AzureSettings(backend="azure", account_url=url, container="states", prefix="tests")
