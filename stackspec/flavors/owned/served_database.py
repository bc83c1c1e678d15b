"""A database on a server, which a component may own, and the role by which others use it.

The database is used as found and removed only where the component made it. The role is the component's own: its name
is made of the component's identity, so it needs no mark. What a server of databases can do is a `ServedDatabase`; what
is done with one is the same for each, and is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Any, ClassVar, Protocol, Self
from urllib.parse import quote

from stackspec.core.loopback import is_loopback
from stackspec.flavors.contract import (
    FlavorConfig,
    HookContext,
    HookError,
    Observation,
    Owner,
    import_command,
    setting,
)
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.metadata_store import MetadataStore


class ServedDatabase(Protocol):
    """A database as a hook of one component sees it, there or not; `str` of it is its name for people.

    Every method raises `HookError` where the server refuses it or cannot be reached.
    """

    def exists(self) -> bool:
        """Whether it is there."""
        ...

    def make(self) -> bool:
        """Make it, with its mark if the server can do both at once; False where another made it meanwhile."""
        ...

    def owner(self) -> Owner | None:
        """Whose mark it carries."""
        ...

    def mark(self) -> None:
        """Put the component's mark on it."""
        ...

    def release(self) -> None:
        """Take the component's mark away."""
        ...

    def tables(self) -> int:
        """How many tables it holds, without the mark."""
        ...

    def remove(self) -> None:
        """Remove it with all that it holds."""
        ...

    def role_exists(self) -> bool:
        """Whether the component's role is there."""
        ...

    def trouble(self) -> str:
        """Why the role cannot log in to it; empty where it can."""
        ...

    def connection_limit(self) -> int:
        """How many connections the role may have; 0 where nothing limits them."""
        ...

    def grant(self) -> None:
        """Have the role there, with the password and the limit of the config, and all rights in the database."""
        ...

    def remove_role(self) -> None:
        """Remove the role and its rights, and none of the data, whether the database is there or not."""
        ...


class DatabaseConfig(FlavorConfig):
    """Where a server is, who makes a database there, and who uses it."""

    host: str = setting(
        "The server.",
        requires_replacement=True,
        pattern="^[A-Za-z0-9:][A-Za-z0-9.:-]*$",
        examples=["db.example.org", "127.0.0.1"],
    )
    database: str = setting("The database.", requires_replacement=True, pattern="^[a-z_][a-z0-9_]{0,47}$")
    admin_user: str = setting(
        "Who makes the database, and the role that uses it.", min_length=1, examples=["postgres", "root"]
    )
    admin_password: str | None = setting(
        "The administrator's password, where one is asked for.", default=None, sensitive=True
    )
    password: str = setting(
        "The password of the role that stackspec makes; it changes in place.", sensitive=True, min_length=8
    )
    create: bool = setting("Whether the database is made where it is not there.", default=True)
    connection_limit: int | None = setting(
        "How many connections the role may have at a time; 0 for any number, null for what the server says.",
        default=None,
        minimum=0,
    )
    tls: bool | None = setting(
        "Whether connections are encrypted, and the server's certificate is checked; null to do so where the server is "
        "on another machine.",
        default=None,
    )
    tls_ca: str | None = setting(
        "The file of the authorities whose certificates are trusted; null for those that the machine trusts.",
        default=None,
        path=True,
    )
    delete_data: bool = setting(
        "Whether removing the component removes the database with its tables. Without it one that holds any is kept.",
        default=False,
    )


class DatabaseFlavor(MetadataStore, ABC):
    """The parent of a flavor that is a database on a server.

    Attributes:
        scheme: What the SQLAlchemy URL of such a database begins with.
    """

    is_remote = False
    located_by = "host"
    occupies = frozenset({"database"})
    scheme: ClassVar[str]

    class Outputs(MetadataStore.Outputs):
        """What other components may read."""

        host: str = setting("The server.")
        port: int = setting("The port.")
        database: str = setting("The database.")
        user: str = setting("The role that may do everything in the database.")
        uri_with_password: str = setting("As `uri`, with the role's password.", sensitive=True)

    config: Any

    @abstractmethod
    def reached(self) -> AbstractContextManager[ServedDatabase]:
        """The database, reached by the administrator; what is raised inside becomes what a user is told."""

    @abstractmethod
    def tls_query(self) -> str:
        """What the SQLAlchemy URL says of encryption, where connections are encrypted."""

    def observe(self) -> Observation:
        """See whether the database is there for this component, whose it is, and whether its role can log in."""
        with self.reached() as database:
            if not database.exists():
                return Observation(provisioned=False, running=False, detail=f"{database} does not exist")
            owner = database.owner()
            if owner is not None and owner.identity != self.context.identity:
                return Observation(
                    provisioned=False, running=False, detail=f"{database} belongs to {owner}", owner=owner
                )
            if not database.role_exists():
                return Observation(provisioned=False, running=False, detail=f"{database} has no role of this component")
            if why := database.trouble():
                return Observation(provisioned=False, running=False, detail=why)
            origin = "was there before" if owner is None else "made by stackspec"
            fields: dict[str, Any] = {}
            if self.config.connection_limit is not None:
                fields["connection_limit"] = database.connection_limit()
            detail = f"{origin}, {_tables(database.tables())}"
            return Observation(provisioned=True, running=True, detail=detail, fields=fields)

    def provision(self) -> Outputs:
        """Make the database, marked as ours, or take the one that is there; and have its role as the config says."""
        with self.reached() as database:
            made = False
            if not database.exists():
                if not self.config.create:
                    raise HookError(f"{database} does not exist, and create is false", "make it, or set create to true")
                made = database.make()
            owner = database.owner()
            if made and owner is None:
                database.mark()
                owner = database.owner()
            if owner is not None and owner.identity != self.context.identity:
                raise HookError(
                    f"{database} belongs to another component, {owner}",
                    f"use another database; if that one is forgotten, take it over: {import_command(self.context)}",
                )
            database.grant()
            if why := database.trouble():
                raise HookError(why, "look at what the server allows the role: its address, its authentication")
        return self._outputs()

    def update(self, previous: Self) -> Outputs:
        """Change the role's password and limit in place."""
        return self.provision()

    def deprovision(self) -> None:
        """Remove the role, and the database where it is ours; one that holds tables stays unless `delete_data`."""
        with self.reached() as database:
            ours = False
            if database.exists():
                owner = database.owner()
                ours = owner is not None and owner.identity == self.context.identity
            if ours and (held := database.tables()) and not self.config.delete_data:
                database.release()
                self.context.log(f"{database} is kept: it holds {_tables(held)}, and delete_data is false")
                ours = False
            if ours:
                database.remove()
            database.remove_role()

    def _outputs(self) -> Outputs:
        config, user = self.config, role_of(self.context, self.config.database)
        host = f"[{config.host}]" if ":" in config.host else config.host
        place = f"{host}:{config.port}/{config.database}{self.tls_query() if is_encrypted(config) else ''}"
        return self.Outputs(
            uri=f"{self.scheme}://{user}@{place}",
            host=config.host,
            port=config.port,
            database=config.database,
            user=user,
            uri_with_password=f"{self.scheme}://{user}:{quote(config.password, safe='')}@{place}",
        )


def role_of(context: HookContext, database: str) -> str:
    """The name of a component's own role for a database; no longer than MySQL takes."""
    digest = blake2b(f"{context.identity}/{database}".encode(), digest_size=8).hexdigest()
    return f"stackspec_{digest}"


def is_encrypted(config: DatabaseConfig) -> bool:
    """Whether connections are encrypted."""
    return not is_loopback(config.host) if config.tls is None else config.tls


def seconds_for(context: HookContext, most: float) -> int:
    """Whole seconds for a step of a hook: as many as it may take, and no more than are left; 1 at least.

    Raises:
        HookError: none are left, or the user wants to stop.
    """
    return max(1, int(min(most, time_left(context))))


def _tables(count: int) -> str:
    return f"{count} table{'s' if count > 1 else ''}" if count else "empty"
