"""No secret gets to a place that several machines reach: not into what can be asked of it, nor into its files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import time

import pytest

from stackspec.core.fields import plain
from stackspec.manifest.state_settings import PostgresSettings, S3Settings, StateSettings
from stackspec.testing.children import KILLED
from tests.secrets.canary import in_files, traces
from tests.secrets.machine import SECRETS, STACK, Machine, with_config


@dataclass(frozen=True)
class Place:
    """Where state is kept.

    Attributes:
        stored: All that can be asked of it: what it is called, and its bytes.
        folder: Where its server keeps everything.
    """

    settings: StateSettings
    stored: Callable[[], Iterator[tuple[str, bytes]]]
    folder: Path


@pytest.fixture
def in_s3(s3: S3Settings, s3_folder: Path) -> Place:
    import boto3

    # A session of its own: the default one keeps what it first found, in whichever test that was.
    client = boto3.Session().client("s3", endpoint_url=s3.endpoint_url, region_name="us-east-1")

    def stored() -> Iterator[tuple[str, bytes]]:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=s3.bucket):
            for one in page["Contents"]:
                answer = client.get_object(Bucket=s3.bucket, Key=one["Key"])
                yield f"{one['Key']} {answer['Metadata']}", answer["Body"].read()

    return Place(s3.replaced(prefix="secrets"), stored, s3_folder)


@pytest.fixture
def in_postgres(postgres: PostgresSettings) -> Place:
    import psycopg
    from psycopg.sql import SQL, Identifier

    tables = SQL(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )

    def stored() -> Iterator[tuple[str, bytes]]:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            for schema, table in connection.execute(tables).fetchall():
                for row in connection.execute(SQL("SELECT * FROM {}").format(Identifier(schema, table))):
                    cells = (cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
                    yield f"{schema}.{table}", b"\n".join(cells)
            connection.execute("CHECKPOINT")  # what is only in the server's memory goes to its files

    with psycopg.connect(postgres.url) as connection:
        (folder,) = connection.execute("SHOW data_directory").fetchone() or ()
    return Place(postgres.replaced(schema="secrets"), stored, Path(folder))


@pytest.mark.parametrize("kind", ["in_s3", "in_postgres"])
def test_whatever_happens_to_an_apply(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    began = time()
    place: Place = request.getfixturevalue(kind)
    machine = Machine(tmp_path, {**SECRETS, "STACKSPEC_SECRETS_KEY": token_hex(32)})
    project = {"apiVersion": "stackspec.dev/v1", "kind": "Project", "spec": {"state": plain(place.settings)}}
    (machine.project / "stackspec.yaml").write_text(json.dumps(project))

    def apply(status: int, fails: str = "") -> None:
        machine.variables["FAILS"] = fails
        assert machine.run("apply --yes") == status
        names = [name for name, data in place.stored() for secret in machine.secrets if traces(data, secret)]
        assert names == []

    machine.say(STACK)
    apply(0)
    machine.rotate()
    apply(0)
    machine.say(with_config("port: 2"))
    apply(1, "update")
    apply(KILLED, "provision killed late")
    machine.say(STACK)
    apply(0)
    assert machine.run("state history") == machine.run("state pull") == machine.run("drift") == 0
    assert len([data for name, data in place.stored() if b"secrets.db.password" in data or b"DB_PASSWORD" in data]) > 3
    assert in_files(place.folder, *machine.secrets, since=began) == []
