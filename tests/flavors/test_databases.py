"""Metadata stores in databases of servers: PostgreSQL and MariaDB."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.metadata_store import mysql
from stackspec.flavors.metadata_store.mysql import MysqlMetadataStore
from stackspec.flavors.metadata_store.postgres import PostgresMetadataStore
from stackspec.flavors.owned.served_database import DatabaseFlavor
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects

PASSWORD = "C4nary' \"of\\the%s-role"
FLAVORS: dict[str, type[DatabaseFlavor]] = {"postgres": PostgresMetadataStore, "mysql": MysqlMetadataStore}


def name_for(root: Path, suffix: str = "") -> str:
    """A database of a project's own."""
    return f"d_{hashlib.sha256(str(root).encode()).hexdigest()[:16]}{suffix}"


def role(config: dict[str, Any], subjects: Subjects) -> str:
    """The name of the role of the project's component."""
    key = f"{subjects.identity}/{config['database']}"
    return "stackspec_" + hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


class Server:
    """A server, seen by its administrator.

    Attributes:
        flavor: Of the metadata store there.
        place: What a config says of the server.
    """

    def __init__(self, name: str, place: dict[str, Any]) -> None:
        self.name = name
        self.flavor = FLAVORS[name]
        self.place = place

    def run(self, statement: str, database: str | None = None, **login: Any) -> list[Any]:
        host, port, user = (self.place[name] for name in ("host", "port", "admin_user"))
        login = {"user": user, **login}
        if self.name == "postgres":
            import psycopg

            known = {"host": host, "port": port, "dbname": database or "postgres", **login}
            with psycopg.connect(**known, autocommit=True) as connection:
                cursor = connection.execute(statement.encode())
                return cursor.fetchall() if cursor.description else []
        import pymysql

        with closing(pymysql.connect(host=host, port=port, database=database, autocommit=True, **login)) as one:
            found = one.cursor()
            found.execute(statement)
            return list(found.fetchall())

    def make(self, database: str) -> None:
        self.run(f"CREATE DATABASE {database}")

    def databases(self) -> set[str]:
        catalogue = (
            "datname FROM pg_database" if self.name == "postgres" else "schema_name FROM information_schema.schemata"
        )
        return {row[0] for row in self.run(f"SELECT {catalogue}")}

    def roles(self) -> set[str]:
        catalogue = "rolname FROM pg_roles" if self.name == "postgres" else "user FROM mysql.user"
        return {row[0] for row in self.run(f"SELECT {catalogue}")}


@pytest.fixture(params=list(FLAVORS))
def server(request: pytest.FixtureRequest) -> Server:
    fixture = {"postgres": "postgres", "mysql": "mariadb"}[request.param]
    return Server(request.param, request.getfixturevalue(fixture))


@pytest.fixture
def config(server: Server, tmp_path: Path) -> dict[str, Any]:
    return {**server.place, "database": name_for(tmp_path), "password": PASSWORD}


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


class TestDatabases(FlavorConformance):
    @pytest.fixture
    def case(self, server: Server) -> FlavorCase:
        def config(root: Path, **other: Any) -> dict[str, Any]:
            return {**server.place, "database": name_for(root), "password": PASSWORD, "connection_limit": 5, **other}

        return FlavorCase(
            flavor=server.flavor,
            config=config,
            changed=lambda root: config(root, password="another one", connection_limit=7),
            beside=lambda root: config(root, database=name_for(root, "_2")),
            before=lambda root: server.make(name_for(root)),
            kill_points=4,
        )


def test_what_runs_on_a_stack_uses_it(server: Server, config: dict[str, Any], subjects: Subjects) -> None:
    component = subjects.component(server.flavor, config)
    assert component.observe().detail == f"the database {config['database']} does not exist"
    outputs = plain(component.provision())
    assert (
        outputs["uri"]
        == f"{server.flavor.scheme}://{role(config, subjects)}@127.0.0.1:{config['port']}/{config['database']}"
    )
    assert "C4nary%27%20%22of%5Cthe%25s-role@" in outputs["uri_with_password"]
    login = {"user": role(config, subjects), "password": PASSWORD}
    server.run("CREATE TABLE runs (id integer)", config["database"], **login)
    server.run("INSERT INTO runs VALUES (7)", config["database"], **login)
    assert component.observe().detail == "made by stackspec, 1 table"
    component.deprovision()
    assert subjects.lines == [f"the database {config['database']} is kept: it holds 1 table, and delete_data is false"]
    assert role(config, subjects) not in server.roles()
    assert [row[0] for row in server.run("SELECT id FROM runs", config["database"])] == [7]
    again = subjects.component(server.flavor, {**config, "delete_data": True})
    again.provision()
    assert again.observe().detail == "was there before, 1 table"
    server.run("INSERT INTO runs VALUES (8)", config["database"])
    again.deprovision()
    assert config["database"] in server.databases()


def test_its_data_goes_where_told(server: Server, config: dict[str, Any], subjects: Subjects) -> None:
    component = subjects.component(server.flavor, {**config, "delete_data": True})
    component.provision()
    login = {"user": role(config, subjects), "password": PASSWORD}
    server.run("CREATE TABLE runs (id integer)", config["database"], **login)
    component.deprovision()
    assert config["database"] not in server.databases()
    assert role(config, subjects) not in server.roles()


def test_a_password_is_rotated_in_place(server: Server, config: dict[str, Any], subjects: Subjects) -> None:
    before = subjects.component(server.flavor, config)
    before.provision()
    changed = {**config, "password": "rotated-password"}
    after = subjects.component(server.flavor, changed)
    assert "cannot log in" in after.observe().detail  # as where somebody changed it by hand
    after.update(before)
    assert after.observe().running
    seen = before.observe()
    assert not seen.provisioned
    assert "password is refused" in seen.detail
    server.run("SELECT 1", config["database"], user=role(config, subjects), password="rotated-password")


def test_the_limit_drifts(server: Server, config: dict[str, Any], subjects: Subjects) -> None:
    component = subjects.component(server.flavor, {**config, "connection_limit": 3})
    component.provision()
    server.run(
        f"ALTER ROLE {role(config, subjects)} CONNECTION LIMIT 9"
        if server.name == "postgres"
        else f"ALTER USER '{role(config, subjects)}'@'%' WITH MAX_USER_CONNECTIONS 9"
    )
    assert component.observe().fields == {"connection_limit": 9}
    component.provision()
    assert component.observe().fields == {"connection_limit": 3}


def test_a_database_of_another_component(server: Server, config: dict[str, Any], subjects: Subjects) -> None:
    theirs = subjects.component(server.flavor, {**config, "delete_data": True}, identity="theirs", lineage="l1")
    theirs.provision()
    ours = subjects.component(server.flavor, {**config, "delete_data": True})
    owner = ours.observe().owner
    assert owner is not None
    assert (owner.identity, owner.environment, owner.lineage) == ("theirs", "dev", "l1")
    with pytest.raises(HookError, match="belongs to another component, metadata_store/main of the environment 'dev'"):
        ours.provision()
    ours.deprovision()
    assert theirs.observe().provisioned
    theirs.deprovision()


def test_one_that_must_be_there(server: Server, config: dict[str, Any], subjects: Subjects) -> None:
    with pytest.raises(HookError, match="does not exist, and create is false"):
        subjects.component(server.flavor, {**config, "create": False}).provision()


def test_administrators_that_are_refused(server: Server, config: dict[str, Any], subjects: Subjects) -> None:
    wrong = {**config, "admin_user": "ada", "admin_password": "C4nary-admin"}
    component = subjects.component(server.flavor, wrong)
    for hook in (component.observe, component.provision, component.deprovision):
        with pytest.raises(HookError, match="administrator cannot log in") as caught:
            hook()
        assert "C4nary" not in f"{caught.value.message} {caught.value.hint}"
    subjects.component(server.flavor, config).provision()
    weak = {**config, "admin_user": role(config, subjects), "admin_password": PASSWORD, "database": "other"}
    if server.name == "mysql":
        weak["database"] = "information_schema_2"
    with pytest.raises(HookError, match=r"administrator may not do that|cannot log in"):
        subjects.component(server.flavor, weak, identity="second").provision()
    subjects.component(server.flavor, config).deprovision()


def test_no_server(server: Server, config: dict[str, Any], subjects: Subjects) -> None:
    nowhere = {**config, "port": servers.free_port()}
    with pytest.raises(HookError, match="server answers") as caught:
        subjects.component(server.flavor, nowhere).provision()
    assert caught.value.transient
    late = subjects.component(server.flavor, config, deadline=monotonic() - 1)
    with pytest.raises(HookError, match="out of time"):
        late.provision()


def test_a_password_is_in_no_log(server: Server, config: dict[str, Any], subjects: Subjects) -> None:
    component = subjects.component(server.flavor, config)
    if server.name == "postgres":
        server.run("ALTER SYSTEM SET log_statement = 'all'")
        server.run("SELECT pg_reload_conf()")
        component.provision()
        (log,) = server.run("SELECT pg_read_file(replace(current_setting('data_directory'), '/data', '/server.log'))")
        server.run("ALTER SYSTEM RESET log_statement")
    else:
        server.run("SET GLOBAL log_output = 'TABLE', general_log = 1")
        component.provision()
        server.run("SET GLOBAL general_log = 0")
        log = server.run("SELECT argument FROM mysql.general_log")
    assert role(config, subjects) in str(log)
    assert "C4nary" not in str(log)


def test_a_server_that_keeps_no_comments(
    mariadb: dict[str, Any], subjects: Subjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql._Database, "_is_mariadb", False)  # as on MySQL
    server = Server("mysql", mariadb)
    config = {**mariadb, "database": name_for(tmp_path), "password": PASSWORD}
    component = subjects.component(MysqlMetadataStore, config)
    component.provision()
    assert component.observe().detail == "made by stackspec, empty"
    other = subjects.component(MysqlMetadataStore, config, identity="theirs").observe()
    assert other.owner is not None
    assert other.owner.identity.startswith("mine")
    server.run("CREATE TABLE runs (id integer)", config["database"])
    component.deprovision()
    assert server.run("SHOW TABLES", config["database"]) == [("runs",)]
    server.run("DROP TABLE runs", config["database"])


def test_encrypted_where_the_server_is_elsewhere(subjects: Subjects) -> None:
    config = {"host": "db.example.org", "database": "d", "password": "12345678", "admin_user": "a"}
    for flavor, said in (
        (PostgresMetadataStore, "?sslmode=verify-full&sslrootcert=system"),
        (MysqlMetadataStore, "?ssl_ca="),
    ):
        assert said in subjects.component(flavor, config)._outputs().uri
        assert "?" not in subjects.component(flavor, {**config, "tls": False})._outputs().uri


def test_specs_load_without_their_packages() -> None:
    modules = "stackspec.flavors.metadata_store.postgres, stackspec.flavors.metadata_store.mysql"
    script = f"import sys, {modules}; print(*{{'psycopg', 'pymysql', 'ssl'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
