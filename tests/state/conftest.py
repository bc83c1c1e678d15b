"""The servers of these tests, each begun once, when it is first needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import pytest

from stackspec.manifest.state_settings import PostgresSettings, S3Settings
from tests.state import servers


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Settings]:
    """A bucket in a server that keeps what it promises; its credentials are in the environment meanwhile."""
    with mock.patch.dict(os.environ, servers.CREDENTIALS), servers.seaweed() as endpoint:
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
