"""The store `gcp_secret_manager` against drongo's server, and servers that behave badly."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.secret import Secret
from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.files import told
from tests.secret_stores.servers import Answer, drongo, refused, self_signed, silent, web, why

PROJECT = "projects/team"
UNIVERSE = "universe.example"
"""Of accounts of Google's own the library asks Google where they may be used."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server."""
    with drongo() as url:
        yield url


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key of a service account, with which the library signs tokens of its own."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    plain = serialization.NoEncryption()
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
    )
    file = tmp_path_factory.mktemp("account") / "key.json"
    told = {"type": "service_account", "project_id": "team", "private_key_id": "1", "private_key": key.decode()}
    told |= {
        "universe_domain": UNIVERSE,
        "client_email": "ci@team.iam.gserviceaccount.com",
        "token_uri": "http://127.0.0.1:9/token",
    }
    file.write_text(json.dumps(told))
    return file


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, account: Path, tmp_path: Path) -> None:
    """Those of the account, and none of this machine's own."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", UNIVERSE)


@pytest.fixture
def client(endpoint: str, credentials: None) -> Any:
    """What fills the server."""
    from google.cloud import secretmanager_v1

    return secretmanager_v1.SecretManagerServiceClient(transport="rest", client_options={"api_endpoint": endpoint})


def put_bytes(client: Any, name: str, value: bytes) -> str:
    """Have the server hold a value; the name of its version."""
    from google.api_core.exceptions import Conflict

    with suppress(Conflict):
        client.create_secret(parent=PROJECT, secret_id=name, secret={"replication": {"automatic": {}}})
    version: str = client.add_secret_version(parent=f"{PROJECT}/secrets/{name}", payload={"data": value}).name
    return version


@pytest.fixture
def case(tmp_path: Path, endpoint: str, client: Any) -> StoreCase:
    """The store."""

    def put(values: Mapping[str, str]) -> None:
        for name, value in values.items():
            put_bytes(client, name, value.encode())

    return StoreCase("gcp_secret_manager", put, tmp_path, {"project": "team", "endpoint_url": endpoint})


class TestSecretManager(StoreConformance):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        return case


class TestPaths:
    def test_a_field(self, case: StoreCase) -> None:
        case.put({"fields": '{"user": "u", "password": "p"}', "plain": "the-canary"})
        assert case.read("fields#password") == "p"
        answer = why(case, "fields#pasword")
        assert (answer.code, answer.hint) == ("SS0802", "did you mean 'password'?")
        answer = why(case, "plain#password")
        assert (answer.code, "canary" in f"{answer}") == ("SS0804", False)

    def test_a_version(self, case: StoreCase, client: Any) -> None:
        case.put({"versioned": "old"})
        case.put({"versioned": "new"})
        assert (case.read("versioned/versions/1"), case.read("versioned")) == ("old", "new")
        assert why(case, "versioned/versions/9").code == "SS0802"
        client.disable_secret_version(name=f"{PROJECT}/secrets/versioned/versions/1")
        answer = why(case, "versioned/versions/1")
        assert (answer.code, "does not give 'versioned/versions/1': HTTP 400" in answer.message) == ("SS0803", True)
        assert answer.hint == "its version may be disabled or destroyed"
        assert told(case.read_together("versioned/versions/1", "versioned")) == ["SS0803", "new"]

    @pytest.mark.parametrize("path", ["", "#field", "..", "a b", "../../other/secrets/x", "a/b", "ü", "a\n", "a?b"])
    def test_a_name_that_cannot_be(self, path: str, case: StoreCase) -> None:
        assert why(case, path).code == "SS0802"

    def test_bytes_that_are_no_text(self, case: StoreCase, client: Any) -> None:
        put_bytes(client, "no-text", b"canary \xff")
        put_bytes(client, "text", b"v")
        assert told(case.read_together("no-text", "text")) == ["SS0804", "v"]
        answer = why(case, "no-text")
        assert (answer.code, "canary" in f"{answer}") == ("SS0804", False)

    def test_many(self, case: StoreCase, caplog: pytest.LogCaptureFixture) -> None:
        case.put({f"many-{number}": str(number) for number in range(40)})
        caplog.clear()
        references = [case.reference(f"many-{number % 41}", str(number)) for number in range(82)]
        found = case.values().values(references)
        told = {int(key): one.reveal() if isinstance(one, Secret) else one.code for (_, key), one in found.items()}
        assert told == {number: "SS0802" if number % 41 == 40 else str(number % 41) for number in range(82)}
        assert caplog.text == ""


class TestServers:
    def test_a_password_in_an_address_is_not_shown(self, case: StoreCase) -> None:
        for server in (refused(), "http://google.example"):
            case.config = {
                "project": "team",
                "endpoint_url": server.replace("http://", "http://ada:canary@") + "?canary",
            }
            answer = why(case, "a")
            assert f"{server} " in answer.message
            assert "canary" not in f"{answer}"

    def test_another_machine_is_not_asked_in_plain_text(self, case: StoreCase) -> None:
        case.config = {"project": "team", "endpoint_url": "http://google.invalid"}
        answer = why(case, "a")
        assert (answer.code, "would be asked without encryption" in answer.message) == ("SS0804", True)
        case.config = {**case.config, "allow_http": True}
        assert "cannot be reached" in why(case, "a").message

    def test_nothing_of_netrc_is_sent(self, case: StoreCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[str] = []

        def answer(path: str, headers: Mapping[str, str]) -> Answer:
            sent.append(headers["Authorization"].partition(" ")[0])
            return 404, {}, b"{}"

        (tmp_path / "netrc").write_text("default login ada password canary")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        with web(answer) as url:
            case.config = {"project": "team", "endpoint_url": url}
            assert why(case, "a").code == "SS0802"
        assert sent == ["Bearer"]

    @pytest.mark.parametrize("code", [401, 403])
    def test_a_refusal(self, code: int, case: StoreCase) -> None:
        body = json.dumps({"error": {"code": code, "message": "canary", "status": "PERMISSION_DENIED"}}).encode()
        with web(saying(code, body)) as url:
            case.config = {"project": "team", "endpoint_url": url}
            answer = why(case, "a")
        assert (answer.code, "canary" in f"{answer}") == ("SS0803", False)
        if code == 403:
            assert answer.hint == "who asks needs the role roles/secretmanager.secretAccessor"

    @pytest.mark.parametrize("code", [200, 302, 500, 503])
    def test_a_server_that_is_another(self, code: int, case: StoreCase) -> None:
        with web(saying(code, b"<p>canary")) as url:
            case.config = {"project": "team", "endpoint_url": url}
            answer = why(case, "a")
        assert (answer.code, "canary" in f"{answer}") == ("SS0803", False)

    def test_nobody_there(self, case: StoreCase) -> None:
        case.config = {"project": "team", "endpoint_url": refused()}
        answer = why(case, "a")
        assert (answer.code, "cannot be reached" in answer.message) == ("SS0803", True)

    def test_no_answer(self, case: StoreCase) -> None:
        with silent() as url:
            case.config = {"project": "team", "endpoint_url": url}
            answer = why(case, "a", patience=1.0)
        assert (answer.code, "does not answer in time" in answer.message) == ("SS0803", True)

    def test_a_certificate(self, case: StoreCase, tmp_path: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self_signed(tmp_path))
        with web(saying(404, b"{}"), context) as url:
            case.config = {"project": "team", "endpoint_url": url}
            answer = why(case, "a")
        assert (answer.code, "is not trusted" in answer.message) == ("SS0804", True)

    def test_no_credentials(self, case: StoreCase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
        monkeypatch.setenv("HOME", str(tmp_path))
        answer = why(case, "a")
        assert (answer.code, "DefaultCredentialsError" in answer.message) == ("SS0803", True)


def saying(code: int, body: bytes) -> Callable[[str, Mapping[str, str]], Answer]:
    """A server that says the same to everybody."""
    return lambda path, headers: (code, {"Location": "/elsewhere", "Content-Type": "application/json"}, body)
