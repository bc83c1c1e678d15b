"""Where a Project keeps applied state: a record a backend, chosen by `backend`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, cast

from stackspec.core.fields import Fields, Schema, json_schema, setting

BUCKET_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$"
CONTAINER_PATTERN = "^[a-z0-9]([a-z0-9-]{1,61})[a-z0-9]$"
PREFIX_PATTERN = "^[A-Za-z0-9._-]{1,200}(/[A-Za-z0-9._-]{1,200}){0,20}$"
SCHEMA_PATTERN = "^[a-z_][a-z0-9_]{0,62}$"
POSTGRES_PATTERN = "^postgres(ql)?://"
ENDPOINT_PATTERN = "^https?://"

_BACKEND = "The kind of state store."
_PREFIX = "The folder in it, one a project: two projects of one folder have one state."


class StateSettings(Fields):
    """Where applied state is kept."""

    backend: str = setting(_BACKEND, default="sqlite")
    history: int = setting("How many runs are remembered.", default=100, minimum=1, maximum=100_000)

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> Self:
        """Build the record of the backend that is chosen; see `Fields.from_value`."""
        chosen = STATE_SETTINGS[value.get("backend", "sqlite")]
        return cast(Self, super(StateSettings, chosen).from_value(value))


class SqliteSettings(StateSettings):
    """A file an environment under `.stackspec/`, for one machine."""

    backend: Literal["sqlite"] = setting(_BACKEND, default="sqlite")


class S3Settings(StateSettings):
    """Objects in a bucket of Amazon S3, or of a store that speaks its language; shared by several machines."""

    backend: Literal["s3"] = setting(_BACKEND)
    bucket: str = setting("The bucket, which exists.", pattern=BUCKET_PATTERN, examples=["acme-stackspec"])
    prefix: str = setting(_PREFIX, pattern=PREFIX_PATTERN, examples=["stackspec/fraud"])
    region: str | None = setting("The bucket's region; where absent, as the AWS tools find it.", default=None)
    endpoint_url: str | None = setting(
        "The address of a store other than Amazon's.",
        default=None,
        schema={"type": ["string", "null"], "pattern": ENDPOINT_PATTERN},
        examples=["https://minio.example.com"],
    )


class PostgresSettings(StateSettings):
    """Rows in a schema of a PostgreSQL database; shared by several machines."""

    backend: Literal["postgres"] = setting(_BACKEND)
    url: str = setting(
        "The database, without a password: that is read from PGPASSWORD, ~/.pgpass or a service file.",
        pattern=POSTGRES_PATTERN,
        examples=["postgresql://stackspec@db.example.com/stackspec"],
    )
    schema: str = setting(
        "The schema in it, one a project: two projects of one schema have one state. Made where it is missing.",
        pattern=SCHEMA_PATTERN,
        examples=["fraud"],
    )


class GcsSettings(StateSettings):
    """Objects in a bucket of Google Cloud Storage; shared by several machines."""

    backend: Literal["gcs"] = setting(_BACKEND)
    bucket: str = setting("The bucket, which exists.", pattern=BUCKET_PATTERN, examples=["acme-stackspec"])
    prefix: str = setting(_PREFIX, pattern=PREFIX_PATTERN, examples=["stackspec/fraud"])


class AzureSettings(StateSettings):
    """Blobs in a container of Azure Blob Storage; shared by several machines."""

    backend: Literal["azure"] = setting(_BACKEND)
    account_url: str = setting(
        "The address of the storage account.", pattern=ENDPOINT_PATTERN, examples=["https://acme.blob.core.windows.net"]
    )
    container: str = setting("The container, which exists.", pattern=CONTAINER_PATTERN, examples=["stackspec"])
    prefix: str = setting(_PREFIX, pattern=PREFIX_PATTERN, examples=["stackspec/fraud"])


STATE_SETTINGS: Mapping[str, type[StateSettings]] = {
    "sqlite": SqliteSettings,
    "s3": S3Settings,
    "postgres": PostgresSettings,
    "gcs": GcsSettings,
    "azure": AzureSettings,
}
"""Backend to the record of its settings."""

STATE_SCHEMA: Schema = {
    "type": "object",
    "properties": {"backend": {"type": "string", "enum": list(STATE_SETTINGS), "description": _BACKEND}},
    "allOf": [
        {
            "if": {
                "properties": {"backend": {"const": name}},
                **({} if name == "sqlite" else {"required": ["backend"]}),
            },
            "then": json_schema(record),
        }
        for name, record in STATE_SETTINGS.items()
    ],
}
"""The schema of the settings of any backend."""


def backends_with(name: str) -> list[str]:
    """The backends that have a setting of a name."""
    return [backend for backend, record in STATE_SETTINGS.items() if name in record.__settings__]


def holds_password(url: str) -> bool:
    """Whether a database's URL carries a password, where everybody who reads the manifest would see it."""
    from urllib.parse import parse_qs, urlsplit

    try:
        parts = urlsplit(url)
        return parts.password is not None or "password" in parse_qs(parts.query, keep_blank_values=True)
    except ValueError:
        return True  # it cannot be taken apart: rather refused than shown
