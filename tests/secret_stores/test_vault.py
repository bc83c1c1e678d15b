"""The store `vault` against a real OpenBao server."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stackspec.core.secret import Secret
from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.files import told
from tests.secret_stores.servers import ROOT_TOKEN, Answer, openbao, refused, self_signed, silent, web, why

READER = 'path "secret/data/open/*" { capabilities = ["read"] }'


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server."""
    with openbao() as address:
        yield address


@pytest.fixture(scope="module")
def server(address: str) -> Any:
    """A client of it that may do everything."""
    import hvac

    client = hvac.Client(url=address, token=ROOT_TOKEN)
    client.sys.create_or_update_policy("reader", READER)
    client.sys.enable_auth_method("approle")
    client.auth.approle.create_or_update_approle("ci", token_policies=["reader"])
    return client


@pytest.fixture
def case(tmp_path: Path, address: str, server: Any) -> StoreCase:
    """The store, whose paths are about an entry of this test's own."""
    entry, held = f"open/{uuid4()}", dict[str, str]()

    def put(values: Mapping[str, str]) -> None:
        held.update({path.rpartition("#")[2]: value for path, value in values.items()})
        server.secrets.kv.v2.create_or_update_secret(entry, held)

    environ = {"VAULT_ADDR": address, "VAULT_TOKEN": ROOT_TOKEN, "ENTRY": entry}
    return StoreCase("vault", put, tmp_path, environ=environ)


class TestVault(StoreConformance):
    @pytest.fixture
    def case(self, case: StoreCase) -> StoreCase:
        return case

    @pytest.fixture
    def paths(self, case: StoreCase) -> tuple[str, str, str]:
        entry = case.environ["ENTRY"]
        return f"{entry}#FIRST", f"{entry}#SECOND", f"{entry}#NOWHERE"


class TestPaths:
    def test_a_field_that_is_not_there(self, case: StoreCase) -> None:
        case.put({"password": "p", "user": "u"})
        answer = why(case, f"{case.environ['ENTRY']}#pasword")
        assert (answer.code, answer.hint) == ("SS0802", "did you mean 'password'?")

    def test_an_entry_that_is_not_there(self, case: StoreCase) -> None:
        answer = why(case, "open/nowhere#password")
        assert (answer.code, "there is no 'open/nowhere' in 'secret'" in answer.message) == ("SS0802", True)

    def test_an_entry_of_one_field_needs_no_name_of_it(self, case: StoreCase) -> None:
        case.put({"password": "p"})
        assert case.read(case.environ["ENTRY"]) == "p"
        case.put({"user": "u"})
        answer = why(case, case.environ["ENTRY"])
        assert (answer.code, "holds several values" in answer.message) == ("SS0802", True)

    def test_what_is_no_text_is_as_json_has_it(self, case: StoreCase, server: Any) -> None:
        server.secrets.kv.v2.create_or_update_secret(case.environ["ENTRY"], {"port": 5432, "tls": True})
        assert case.read(f"{case.environ['ENTRY']}#port") == "5432"
        assert case.read(f"{case.environ['ENTRY']}#tls") == "true"

    @pytest.mark.parametrize(
        ("value", "code", "said"),
        [
            (["hush", 1], "SS0802", "'field' in 'open/x' is a list, and no value"),
            (None, "SS0802", "'field' in 'open/x' is null, and no value"),
            ({"hush-1": "hush"}, "SS0802", "'field' in 'open/x' holds several values"),
            ("hush \ud83d", "SS0804", "the value at 'open/x#field' holds a NUL or half of a character"),
            ("hush \0", "SS0804", "the value at 'open/x#field' holds a NUL or half of a character"),
        ],
    )
    def test_what_is_no_value(self, value: object, code: str, said: str, case: StoreCase) -> None:
        body = json.dumps({"data": {"data": {"field": value, "good": "v", "\udc00": "v"}}}).encode()
        with web(lambda path, headers: (200, {"Content-Type": "application/json"}, body)) as url:
            case.config = {"address": url}
            answer = why(case, "open/x#field")
            assert (answer.code, said in answer.message) == (code, True)
            assert "hush " not in f"{answer}"
            assert told(case.read_together("open/x#field", "open/x#good")) == [code, "v"]
            assert why(case, "open/x#nowhere").hint == "known: field, good"

    def test_a_deleted_version(self, case: StoreCase, server: Any) -> None:
        case.put({"password": "old"})
        case.put({"password": "new"})
        server.secrets.kv.v2.delete_latest_version_of_secret(case.environ["ENTRY"])
        answer = why(case, f"{case.environ['ENTRY']}#password")
        assert (answer.code, "was deleted" in answer.message) == ("SS0802", True)
        server.secrets.kv.v2.destroy_secret_versions(case.environ["ENTRY"], [2])
        assert "was deleted" in why(case, f"{case.environ['ENTRY']}#password").message

    @pytest.mark.parametrize("path", ["../config", "a/../../../sys/auth", ".."])
    def test_a_path_out_of_the_engine(self, path: str, case: StoreCase) -> None:
        assert why(case, path).code == "SS0804"

    @pytest.mark.parametrize("path", ["", "#", "#password", "/", "?version=1", "a b", "%2e%2e/config", "ü"])
    def test_odd_paths_are_missing(self, path: str, case: StoreCase) -> None:
        assert why(case, path).code in ("SS0802", "SS0803")

    def test_another_engine(self, case: StoreCase, server: Any) -> None:
        server.sys.enable_secrets_engine("kv", "team/kv", options={"version": "2"})
        server.secrets.kv.v2.create_or_update_secret("x", {"a": "b"}, mount_point="team/kv")
        case.config = {"mount": "team/kv"}
        assert case.read("x#a") == "b"
        case.config = {"mount": "nowhere"}
        answer = why(case, "x#a")
        assert (answer.code, "has no engine at 'nowhere'" in answer.message) == ("SS0803", True)

    def test_many_entries(self, case: StoreCase, server: Any) -> None:
        for number in range(40):
            server.secrets.kv.v2.create_or_update_secret(f"open/many/{number}", {"v": str(number)})
        references = [case.reference(f"open/many/{number % 40}#v", str(number)) for number in range(200)]
        found = case.values().values(references)
        told = {int(key): one.reveal() for (_, key), one in found.items() if isinstance(one, Secret)}
        assert told == {number: str(number % 40) for number in range(200)}


class TestWhoAsks:
    def test_a_token_that_may_not_read(self, case: StoreCase, server: Any) -> None:
        case.environ["VAULT_TOKEN"] = server.auth.token.create(policies=["reader"])["auth"]["client_token"]
        case.put({"password": "p"})
        assert case.read(f"{case.environ['ENTRY']}#password") == "p"
        answer = why(case, "closed/db#password")
        assert answer.code == "SS0803"
        assert "does not let the token read 'closed/db'" in answer.message
        assert answer.hint == "its policies must allow 'read' of 'secret/data/closed/db'"
        paths = "closed/a#x", f"{case.environ['ENTRY']}#password", "closed/b#x"
        assert told(case.read_together(*paths)) == ["SS0803", "p", "SS0803"]

    @pytest.mark.parametrize("token", ["s.wrong-token-canary", "wrong\ntoken-canary", "tökén-canary"])
    def test_a_wrong_token(self, token: str, case: StoreCase) -> None:
        case.environ["VAULT_TOKEN"] = token
        answer = why(case, "open/x#a")
        assert (answer.code, "canary" in f"{answer}") == ("SS0803", False)
        if token.startswith("s."):
            assert "refuses the token" in answer.message

    def test_the_token_of_another_variable(self, case: StoreCase) -> None:
        case.put({"password": "p"})
        case.environ["TEAM_TOKEN"] = f" {case.environ.pop('VAULT_TOKEN')}\n"
        case.config = {"token_variable": "TEAM_TOKEN"}
        assert case.read(case.environ["ENTRY"]) == "p"
        case.config = {"token_variable": "STACKSPEC_PLAN_KEY"}
        assert why(case, "open/x#a").code == "SS0804"

    def test_the_token_that_login_left(self, case: StoreCase, tmp_path: Path) -> None:
        case.put({"password": "p"})
        del case.environ["VAULT_TOKEN"]
        assert "the variable VAULT_TOKEN is not set, nor is there ~/.vault-token" in why(case, "open/x").message
        case.environ["HOME"] = str(tmp_path)
        file = tmp_path / ".vault-token"
        assert "nor is there ~/.vault-token" in why(case, "open/x").message
        file.write_text(ROOT_TOKEN + "\n")
        file.chmod(0o644)
        answer = why(case, "open/x")
        assert (answer.code, answer.hint) == ("SS0804", "run: chmod 600 ~/.vault-token")
        file.chmod(0o600)
        assert case.read(case.environ["ENTRY"]) == "p"

    def test_a_role(self, case: StoreCase, server: Any) -> None:
        case.put({"password": "p"})
        role = server.auth.approle.read_role_id("ci")["data"]["role_id"]
        secret = server.auth.approle.generate_secret_id("ci")["data"]["secret_id"]
        del case.environ["VAULT_TOKEN"]
        case.config = {"auth": "approle", "role_id": role, "secret_id_variable": "SECRET_ID"}
        assert "the variable SECRET_ID is not set" in why(case, "open/x").message
        case.environ["SECRET_ID"] = secret
        assert case.read(case.environ["ENTRY"]) == "p"
        assert "does not let the token read" in why(case, "closed/x").message
        case.environ["SECRET_ID"] = "a-secret-id-canary"
        answer = why(case, "open/x")
        assert (answer.code, "refuses the role" in answer.message) == ("SS0803", True)
        assert "canary" not in f"{answer}"
        case.config = {"auth": "approle"}
        assert "needs 'role_id'" in why(case, "open/x").message


class TestAddresses:
    PASSWORDS = ("ada:canary@", "ada:can@ary@", "ada:ca/n@ary@", "ada:c?canary@", "canary#@")

    @pytest.mark.parametrize("user", PASSWORDS)
    def test_a_password_in_an_address_is_not_shown(self, user: str, case: StoreCase) -> None:
        for server in (refused(), "http://vault.example"):
            case.config = {"address": server.replace("http://", f"http://{user}") + "?token=canary#canary"}
            assert "canary" not in f"{why(case, 'open/x')}"

    def test_the_rest_of_an_address_is_shown(self, case: StoreCase) -> None:
        server = refused()
        case.config = {"address": server.replace("http://", "http://ada:canary@") + "/vault?token=canary"}
        assert f"{server}/vault cannot be reached" in why(case, "open/x").message

    @pytest.mark.parametrize("place", ["config", "variable"])
    def test_no_token_is_sent_to_another_machine_in_plain_text(self, place: str, case: StoreCase) -> None:
        address = "http://127.0.0.1.example.invalid:8200"
        if place == "config":
            case.config = {"address": address}
        else:
            case.environ["VAULT_ADDR"] = address
        answer = why(case, "open/x")
        assert (answer.code, "would be asked without encryption" in answer.message) == ("SS0804", True)
        case.config = {**case.config, "allow_http": True}
        assert "cannot be reached" in why(case, "open/x").message

    @pytest.mark.parametrize("host", ["localhost", "127.1.2.3", "[::1]"])
    def test_this_machine_is_asked_as_it_likes(self, host: str, case: StoreCase) -> None:
        case.config = {"address": f"http://{host}:{refused().rpartition(':')[2]}"}
        assert "cannot be reached" in why(case, "open/x").message

    @pytest.mark.parametrize("url", ["http://[", "http://"])
    def test_what_is_no_address(self, url: str, case: StoreCase) -> None:
        case.config = {"address": url}
        assert why(case, "open/x").code == "SS0804"


class TestServers:
    def test_nothing_of_netrc_is_sent(self, case: StoreCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[str | None] = []

        def answer(path: str, headers: Mapping[str, str]) -> Answer:
            sent.append(headers.get("Authorization"))
            return 404, {}, b'{"errors": []}'

        (tmp_path / "netrc").write_text("default login ada password canary")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        with web(answer) as url:
            case.config = {"address": url}
            assert why(case, "open/x").code == "SS0802"
            case.config = {"address": url.replace("http://", "http://ada:own@")}
            assert why(case, "open/x").code == "SS0802"
        assert sent == [None, f"Basic {b64encode(b'ada:own').decode()}"]

    def test_a_proxy_of_the_environment(self, case: StoreCase, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        with other(404, asked) as url:
            monkeypatch.setenv("http_proxy", url)
            case.config = {"address": "http://vault.invalid:8200", "allow_http": True}
            assert why(case, "open/x").code == "SS0802"
        assert asked == ["http://vault.invalid:8200/v1/secret/data/open/x"]

    def test_no_address(self, case: StoreCase) -> None:
        del case.environ["VAULT_ADDR"]
        assert "the address of Vault is not known" in why(case, "open/x").message

    def test_nobody_there(self, case: StoreCase) -> None:
        case.config = {"address": refused()}
        answer = why(case, "open/x")
        assert (answer.code, "cannot be reached" in answer.message) == ("SS0803", True)

    def test_no_answer(self, case: StoreCase) -> None:
        with silent() as url:
            case.config = {"address": url}
            answer = why(case, "open/x", patience=1.0)
        assert (answer.code, "does not answer in time" in answer.message) == ("SS0803", True)

    def test_a_sealed_server(self, case: StoreCase) -> None:
        import hvac

        with openbao() as address:
            hvac.Client(url=address, token=ROOT_TOKEN).sys.seal()
            case.config = {"address": address}
            answer = why(case, "open/x")
        assert (answer.code, "is sealed" in answer.message) == ("SS0803", True)

    def test_a_server_that_sends_elsewhere(self, case: StoreCase) -> None:
        asked: list[str] = []
        with other(302, asked) as url:
            case.config = {"address": url}
            answer = why(case, "open/x")
        assert (answer.code, "HTTP 302" in answer.message, len(asked)) == ("SS0803", True, 1)

    @pytest.mark.parametrize("status", [200, 400, 404, 429, 500])
    def test_a_server_that_is_no_vault(self, status: int, case: StoreCase) -> None:
        with other(status, []) as url:
            case.config = {"address": url}
            answer = why(case, "open/x")
        assert answer.code in ("SS0802", "SS0803")
        assert "canary" not in f"{answer}"

    def test_a_certificate(self, case: StoreCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        certificate = self_signed(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with other(404, [], context) as url:
            case.config = {"address": url}
            answer = why(case, "open/x")
            assert (answer.code, "is not trusted" in answer.message) == ("SS0804", True)
            case.config = {"address": url, "ca_file": certificate.name}
            assert why(case, "open/x").code == "SS0802"
            case.config = {"address": url}
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
            assert why(case, "open/x").code == "SS0802"
            monkeypatch.delenv("REQUESTS_CA_BUNDLE")
            case.environ["VAULT_CACERT"] = str(certificate)
            assert why(case, "open/x").code == "SS0802"
            case.environ["VAULT_CACERT"] = str(tmp_path / "nowhere")
            assert (answer := why(case, "open/x")).code == "SS0804"
            assert answer.hint == "mend the variable VAULT_CACERT"
            case.config = {"address": url, "ca_file": "nowhere.pem"}
            assert why(case, "open/x").code == "SS0804"
            case.config = {"address": url, "ca_file": "/etc/hosts"}
            assert "outside the project" in why(case, "open/x").message


def other(status: int, asked: list[str], context: ssl.SSLContext | None = None) -> AbstractContextManager[str]:
    """The address of a web server that says one thing to everybody."""

    def answer(path: str, headers: Mapping[str, str]) -> Answer:
        asked.append(path)
        return status, {"Location": f"http://{headers['Host']}/elsewhere"}, b"a page, canary"

    return web(answer, context)
