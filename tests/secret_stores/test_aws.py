"""The stores `aws_secrets_manager` and `aws_ssm` against moto's server, and servers that behave badly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stackspec.core.secret import Secret
from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.files import told
from tests.secret_stores.servers import Answer, refused, silent, web, why
from tests.servers import moto

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server."""
    with moto() as url:
        yield url


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Any that there are: the server takes all; none of this machine's own."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key-canary")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def client(service: str, endpoint: str) -> Any:
    """What fills the server."""
    import boto3

    return boto3.Session().client(service, endpoint_url=endpoint, region_name=REGION)


def put_secret(endpoint: str, name: str, value: str | bytes) -> str:
    """Have Secrets Manager hold a value; its ARN."""
    manager = client("secretsmanager", endpoint)
    what = {"SecretBinary" if isinstance(value, bytes) else "SecretString": value}
    try:
        arn: str = manager.create_secret(Name=name, **what)["ARN"]
    except manager.exceptions.ResourceExistsException:
        arn = manager.put_secret_value(SecretId=name, **what)["ARN"]
    return arn


def put_parameter(endpoint: str, name: str, value: str) -> None:
    """Have Parameter Store hold a value."""
    client("ssm", endpoint).put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


def config(endpoint: str) -> dict[str, str]:
    return {"endpoint_url": endpoint, "region": REGION}


@pytest.fixture
def secrets(tmp_path: Path, endpoint: str) -> StoreCase:
    """Secrets Manager."""

    def put(values: Mapping[str, str]) -> None:
        for name, value in values.items():
            put_secret(endpoint, name, value)

    return StoreCase("aws_secrets_manager", put, tmp_path, config(endpoint))


@pytest.fixture
def parameters(tmp_path: Path, endpoint: str) -> StoreCase:
    """Parameter Store."""

    def put(values: Mapping[str, str]) -> None:
        for name, value in values.items():
            put_parameter(endpoint, name, value)

    return StoreCase("aws_ssm", put, tmp_path, config(endpoint))


@pytest.fixture(params=["secrets", "parameters"])
def either(request: pytest.FixtureRequest) -> StoreCase:
    """Each of the two."""
    case: StoreCase = request.getfixturevalue(request.param)
    return case


class Named(StoreConformance):
    @pytest.fixture
    def paths(self) -> tuple[str, str, str]:
        own = uuid4()
        return f"/{own}/first", f"/{own}/second", f"/{own}/nowhere"


class TestSecretsManager(Named):
    @pytest.fixture
    def case(self, secrets: StoreCase) -> StoreCase:
        return secrets


class TestParameterStore(Named):
    @pytest.fixture
    def case(self, parameters: StoreCase) -> StoreCase:
        return parameters


class TestFields(StoreConformance):
    """One secret of several values."""

    @pytest.fixture
    def case(self, secrets: StoreCase) -> StoreCase:
        held: dict[str, str] = {}

        def put(values: Mapping[str, str]) -> None:
            held.update({path.rpartition("#")[2]: value for path, value in values.items()})
            put_secret(secrets.config["endpoint_url"], "app/db", json.dumps(held))

        return StoreCase(secrets.type, put, secrets.root, secrets.config)

    @pytest.fixture
    def paths(self) -> tuple[str, str, str]:
        return "app/db#FIRST", "app/db#SECOND", "app/db#NOWHERE"


class TestPaths:
    def test_a_field_that_is_not_there(self, either: StoreCase) -> None:
        either.put({"/fields": '{"user": "u", "password": "p"}'})
        answer = why(either, "/fields#pasword")
        assert (answer.code, answer.hint) == ("SS0802", "did you mean 'password'?")

    def test_a_field_of_what_is_not_json(self, either: StoreCase) -> None:
        either.put({"/plain": "the-canary"})
        answer = why(either, "/plain#password")
        assert (answer.code, "canary" in f"{answer}") == ("SS0804", False)
        assert told(either.read_together("/plain#password", "/plain")) == ["SS0804", "the-canary"]

    @pytest.mark.parametrize("path", ["", "#field", "b ad", "ü", "x" * 3000])
    def test_a_name_that_cannot_be(self, path: str, either: StoreCase) -> None:
        either.put({"/one": "1", "/two": "2"})
        references = [either.reference(one, one) for one in ("/one", path, "/two")]
        found = {key: one for (_, key), one in either.values().values(references).items()}
        assert isinstance(found["/one"], Secret)
        assert isinstance(found["/two"], Secret)
        wrong = found[path]
        assert not isinstance(wrong, Secret)
        assert wrong.code == "SS0802"

    def test_arns_beside_names(self, secrets: StoreCase, endpoint: str) -> None:
        arn = put_secret(endpoint, "by-arn", '{"a": "b"}')
        put_secret(endpoint, "by-name", "c")
        references = [secrets.reference(path, path) for path in (arn, f"{arn}#a", "by-arn#a", "by-name")]
        told = [one.reveal() for one in secrets.values().values(references).values() if isinstance(one, Secret)]
        assert told == ['{"a": "b"}', "b", "b", "c"]

    def test_versions_beside_names(self, parameters: StoreCase) -> None:
        parameters.put({"/versioned": "old"})
        parameters.put({"/versioned": "new", "/other": "o"})
        references = [
            parameters.reference(path, path)
            for path in ("/versioned:1", "/versioned", "/versioned:2", "/other", "/versioned:9")
        ]
        found = parameters.values().values(references).values()
        told = [one.reveal() if isinstance(one, Secret) else one.code for one in found]
        assert told == ["old", "new", "new", "o", "SS0802"]

    def test_bytes(self, secrets: StoreCase, endpoint: str) -> None:
        put_secret(endpoint, "bytes", "ünïcödé".encode())
        assert secrets.read("bytes") == "ünïcödé"
        put_secret(endpoint, "no-text", b"canary \xff")
        answer = why(secrets, "no-text")
        assert (answer.code, "canary" in f"{answer}") == ("SS0804", False)
        assert told(secrets.read_together("no-text", "bytes")) == ["SS0804", "ünïcödé"]

    def test_a_deleted_secret(self, secrets: StoreCase, endpoint: str) -> None:
        put_secret(endpoint, "deleted", "v")
        client("secretsmanager", endpoint).delete_secret(SecretId="deleted")
        assert "does not give 'deleted': InvalidRequestException" in why(secrets, "deleted").message
        put_secret(endpoint, "there", "v")
        assert told(secrets.read_together("deleted", "there")) == ["SS0803", "v"]

    def test_many(self, either: StoreCase) -> None:
        either.put({f"/many/{number}": str(number) for number in range(45)})
        references = [either.reference(f"/many/{number}", str(number)) for number in range(46)]
        found = either.values().values(references)
        told = {int(key): one.reveal() if isinstance(one, Secret) else one.code for (_, key), one in found.items()}
        assert told == {**{number: str(number) for number in range(45)}, 45: "SS0802"}


class TestServers:
    def test_a_password_in_an_address_is_not_shown(self, either: StoreCase) -> None:
        for server in (refused(), "http://aws.example"):
            either.config = config(server.replace("http://", "http://ada:canary@") + "/aws?canary")
            answer = why(either, "a")
            assert f"{server}/aws " in answer.message
            assert "canary" not in f"{answer}"

    def test_another_machine_is_not_asked_in_plain_text(self, either: StoreCase) -> None:
        either.config = config("http://aws.invalid")
        answer = why(either, "a")
        assert (answer.code, "would be asked without encryption" in answer.message) == ("SS0804", True)
        either.config = {**either.config, "allow_http": True}
        assert "cannot be reached" in why(either, "a").message

    def test_nobody_there(self, either: StoreCase) -> None:
        either.config = config(refused())
        answer = why(either, "a")
        assert (answer.code, "cannot be reached" in answer.message) == ("SS0803", True)

    def test_no_answer(self, either: StoreCase) -> None:
        with silent() as url:
            either.config = config(url)
            answer = why(either, "a", patience=1.0)
        assert (answer.code, "does not answer in time" in answer.message) == ("SS0803", True)

    @pytest.mark.parametrize("code", ["AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"])
    def test_a_refusal(self, code: str, either: StoreCase) -> None:
        with web(saying(lambda _: (400, {"__type": code, "message": "canary"}))) as url:
            either.config = config(url)
            answer = why(either, "a")
        assert answer.code == "SS0803"
        assert f"does not give 'a': {code}" in answer.message
        assert "canary" not in f"{answer}"

    def test_who_may_not_ask_for_several(self, secrets: StoreCase) -> None:
        asked: Counter[str] = Counter()

        def answer(action: str) -> tuple[int, Any]:
            asked[action] += 1
            if action == "BatchGetSecretValue":
                return 400, {"__type": "AccessDeniedException", "message": "no"}
            return 200, {"Name": "x", "ARN": "arn", "SecretString": "v"}

        with web(saying(answer)) as url:
            secrets.config = config(url)
            found = secrets.values().values([secrets.reference(str(number), str(number)) for number in range(30)])
        assert all(isinstance(one, Secret) for one in found.values())
        assert asked == {"BatchGetSecretValue": 2, "GetSecretValue": 30}

    @pytest.mark.parametrize("status", [200, 302, 500])
    def test_a_server_that_is_another(self, status: int, either: StoreCase) -> None:
        with web(lambda path, headers: (status, {"Location": "/elsewhere"}, b"<p>canary")) as url:
            either.config = config(url)
            answer = why(either, "a")
        assert (answer.code, "canary" in f"{answer}") == ("SS0803", False)


class TestWhoAsks:
    def test_no_credentials(self, either: StoreCase, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        answer = why(either, "a")
        assert (answer.code, "NoCredentialsError" in answer.message) == ("SS0803", True)

    def test_no_region(self, either: StoreCase) -> None:
        either.config = {"endpoint_url": either.config["endpoint_url"]}
        assert "NoRegionError" in why(either, "a").message

    def test_a_profile(self, either: StoreCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        either.put({"/profiled": "v"})
        either.config = {"endpoint_url": either.config["endpoint_url"], "profile": "team"}
        assert "ProfileNotFound" in why(either, "/profiled").message
        (tmp_path / "config").write_text(f"[profile team]\nregion = {REGION}\n")
        (tmp_path / "credentials").write_text("[team]\naws_access_key_id = k\naws_secret_access_key = s\n")
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        assert either.read("/profiled") == "v"


def saying(answer: Callable[[str], tuple[int, Any]]) -> Callable[[str, Mapping[str, str]], Answer]:
    """A server that speaks as AWS does, given what it says to an action."""

    def reply(_path: str, headers: Mapping[str, str]) -> Answer:
        status, body = answer(headers["X-Amz-Target"].rpartition(".")[2])
        return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()

    return reply
