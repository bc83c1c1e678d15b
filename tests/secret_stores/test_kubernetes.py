"""The store `kubernetes`: folders as a cluster mounts them, and a small server that speaks the one call of the API."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest

from stackspec.core.secret import Secret
from stackspec.secret_stores.entries import AT_ONCE
from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.files import told
from tests.secret_stores.servers import Answer, refused, self_signed, silent, web, why
from tests.servers import needs

TOKEN = "the-token-canary"


def mount(folder: Path, values: Mapping[str, bytes]) -> None:
    """What kubelet makes of a Secret: links to links, changed as a whole, readable by everybody."""
    folder.mkdir(exist_ok=True)
    version = folder / f"..2026_{uuid4().hex}"
    version.mkdir(mode=0o755)
    for name, value in values.items():
        (version / name).write_bytes(value)
        (version / name).chmod(0o644)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data_tmp").symlink_to(version.name)
    before = folder / os.readlink(folder / "..data") if (folder / "..data").is_symlink() else None
    (folder / "..data_tmp").replace(folder / "..data")
    if before:
        shutil.rmtree(before)


@pytest.fixture
def mounted(tmp_path: Path) -> StoreCase:
    """A mounted Secret."""
    held: dict[str, bytes] = {}

    def put(values: Mapping[str, str]) -> None:
        held.update({name: value.encode() for name, value in values.items()})
        mount(tmp_path / "db", held)

    return StoreCase("kubernetes", put, tmp_path, {"mount": "db"})


class Cluster:
    """The one call, of a namespace in which Secrets may be read and one in which they may not."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        *folders, name = path.rsplit("/", 1)
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return status(401, "Unauthorized")
        if folders != ["/api/v1/namespaces/team/secrets"]:
            return status(403, f"User cannot get resource at {path}")
        if name not in self.secrets:
            return status(404, f'secrets "{name}" not found')
        data = {key: b64encode(value).decode() for key, value in self.secrets[name].items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque", "data": data}
        return 200, {"Content-Type": "application/json"}, json.dumps(secret).encode()


def status(code: int, message: str) -> Answer:
    """What the API says of an error."""
    body = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "message": f"{message}, canary", "code": code}
    return code, {"Content-Type": "application/json"}, json.dumps(body).encode()


def kubeconfig(folder: Path, url: str, token: str = TOKEN, **cluster: str) -> str:
    """The path of a kubeconfig of one cluster, in the context `here`."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url, **cluster}}],
        "users": [{"name": "u", "user": {"token": token}}],
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    return str(folder / "kubeconfig")


@pytest.fixture
def cluster() -> Cluster:
    """A cluster."""
    return Cluster()


@pytest.fixture
def api(tmp_path: Path, cluster: Cluster) -> Iterator[StoreCase]:
    """Its API."""
    needs("kubernetes", "kubernetes")

    def put(values: Mapping[str, str]) -> None:
        for path, value in values.items():
            name, _, key = path.partition("#")
            cluster.secrets.setdefault(name, {})[key] = value.encode()

    with web(cluster.answer) as url:
        environ = {"KUBECONFIG": kubeconfig(tmp_path, url)}
        yield StoreCase("kubernetes", put, tmp_path, {"namespace": "team"}, environ)


class TestMount(StoreConformance):
    @pytest.fixture
    def case(self, mounted: StoreCase) -> StoreCase:
        return mounted

    def test_values_are_what_containers_get(self, case: StoreCase) -> None:
        case.put({"FIRST": " a line\n"})
        assert case.read("FIRST") == " a line\n"

    @pytest.mark.parametrize("path", ["../other", "..data/../../other", "nul\0", "", "..data", "out", "far"])
    def test_a_path_out_of_the_folder(self, path: str, case: StoreCase) -> None:
        case.put({"FIRST": "v"})
        (case.root / "other").write_text("canary")
        (case.root / "db" / "out").symlink_to("../other")
        (case.root / "db" / "far").symlink_to("/etc/hostname")
        answer = why(case, path)
        assert (answer.code, "canary" in f"{answer}") == ("SS0804", False)

    def test_bytes_that_are_no_text(self, case: StoreCase) -> None:
        mount(case.root / "db", {"FIRST": b"canary \xff"})
        answer = why(case, "FIRST")
        assert (answer.code, "canary" in f"{answer}") == ("SS0804", False)

    def test_a_folder_outside_the_project(self, case: StoreCase, tmp_path_factory: pytest.TempPathFactory) -> None:
        outside = tmp_path_factory.mktemp("run") / "secrets"
        mount(outside, {"FIRST": b"v"})
        case.config = {"mount": str(outside)}
        answer = why(case, "FIRST")
        assert (answer.code, "outside the project" in answer.message) == ("SS0804", True)
        case.allowed_paths = (outside,)
        assert case.read("FIRST") == "v"


class TestApi(StoreConformance):
    @pytest.fixture
    def case(self, api: StoreCase) -> StoreCase:
        return api

    @pytest.fixture
    def paths(self) -> tuple[str, str, str]:
        return "db#FIRST", "db#SECOND", "db#NOWHERE"


class TestPaths:
    def test_a_key_that_is_not_there(self, api: StoreCase) -> None:
        api.put({"db#password": "p", "db#user": "u"})
        answer = why(api, "db#pasword")
        assert (answer.code, answer.hint) == ("SS0802", "did you mean 'password'?")

    def test_a_secret_that_is_not_there(self, api: StoreCase) -> None:
        answer = why(api, "nowhere#password")
        assert answer.code == "SS0802"
        assert answer.message == "secrets.name.key: there is no Secret 'nowhere' in the namespace 'team'"

    def test_a_secret_of_one_key_needs_no_name_of_it(self, api: StoreCase, cluster: Cluster) -> None:
        api.put({"db#password": "p"})
        assert api.read("db") == "p"
        cluster.secrets["empty"] = {}
        assert why(api, "empty").code == "SS0802"

    @pytest.mark.parametrize("path", ["", "#key", "..#key", "../pods/x#key", "a/b", "A", "a?watch=1", "%2e%2e", "a\n"])
    def test_a_name_that_cannot_be_is_not_asked_for(self, path: str, api: StoreCase, cluster: Cluster) -> None:
        assert why(api, path).code == "SS0802"
        assert cluster.asked == []

    def test_bytes_that_are_no_text(self, api: StoreCase, cluster: Cluster) -> None:
        cluster.secrets["tls"] = {"key": b"canary \xff", "name": b"v"}
        answer = why(api, "tls#key")
        assert (answer.code, "canary" in f"{answer}") == ("SS0804", False)
        assert told(api.read_together("tls#key", "tls#name")) == ["SS0804", "v"]

    def test_each_secret_is_asked_for_once(self, api: StoreCase, cluster: Cluster) -> None:
        api.put({f"many-{number % 40}#key-{number}": str(number) for number in range(200)})
        references = [api.reference(f"many-{number % 40}#key-{number}", str(number)) for number in range(200)]
        found = api.values().values(references)
        told = {int(key): one.reveal() for (_, key), one in found.items() if isinstance(one, Secret)}
        assert told == {number: str(number) for number in range(200)}
        assert len(cluster.asked) == 40


class TestClusters:
    def test_a_namespace_that_is_closed(self, api: StoreCase) -> None:
        api.config = {"namespace": "closed"}
        answer = why(api, "db#password")
        assert (answer.code, answer.hint) == (
            "SS0803",
            "who asks must be allowed to 'get' secrets in the namespace 'closed'",
        )
        assert "does not give the Secret 'db': HTTP 403" in answer.message
        assert "canary" not in f"{answer}"

    def test_a_wrong_token(self, api: StoreCase, cluster: Cluster, tmp_path: Path) -> None:
        with web(cluster.answer) as url:
            api.environ["KUBECONFIG"] = kubeconfig(tmp_path, url, "wrong-canary")
            answer = why(api, "db#password")
        assert (answer.code, "HTTP 401" in answer.message, "canary" in f"{answer}") == ("SS0803", True, False)

    def test_no_configuration(self, api: StoreCase, tmp_path: Path) -> None:
        api.config = {"context": "elsewhere"}
        assert "there is no configuration of a cluster" in why(api, "db#password").message
        api.config, api.environ["KUBECONFIG"] = {}, str(tmp_path / "nowhere")
        assert "there is no configuration of a cluster" in why(api, "db#password").message
        del api.environ["KUBECONFIG"]
        api.environ["HOME"] = str(tmp_path)
        assert "there is no configuration of a cluster" in why(api, "db#password").message

    def test_inside_a_cluster_that_gave_no_token(self, api: StoreCase) -> None:
        api.environ["KUBERNETES_SERVICE_HOST"] = "10.0.0.1"
        assert "there is no configuration of a cluster" in why(api, "db#password").message

    def test_nobody_there(self, api: StoreCase, tmp_path: Path) -> None:
        api.environ["KUBECONFIG"] = kubeconfig(tmp_path, refused())
        answer = why(api, "db#password")
        assert (answer.code, "cannot be reached" in answer.message) == ("SS0803", True)

    def test_a_password_in_an_address_is_not_shown(self, api: StoreCase, tmp_path: Path) -> None:
        server = refused()
        shown = server.replace("http://", "http://ada:canary@") + "?canary"
        api.environ["KUBECONFIG"] = kubeconfig(tmp_path, shown)
        answer = why(api, "db#password")
        assert f"{server} cannot be reached" in answer.message
        assert "canary" not in f"{answer}"

    def test_no_answer(self, api: StoreCase, tmp_path: Path) -> None:
        with silent() as url:
            api.environ["KUBECONFIG"] = kubeconfig(tmp_path, url)
            answer = why(api, "db#password", patience=1.0)
        assert (answer.code, "does not answer in time" in answer.message) == ("SS0803", True)

    @pytest.mark.parametrize("code", [200, 302, 500])
    def test_a_server_that_is_another(self, code: int, api: StoreCase, tmp_path: Path) -> None:
        with web(page(code)) as url:
            api.environ["KUBECONFIG"] = kubeconfig(tmp_path, url)
            answer = why(api, "db#password")
        assert (answer.code, "canary" in f"{answer}") == ("SS0803", False)

    def test_a_certificate(self, api: StoreCase, cluster: Cluster, tmp_path: Path) -> None:
        api.put({"db#password": "p"})
        certificate = self_signed(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with web(cluster.answer, context) as url:
            api.environ["KUBECONFIG"] = kubeconfig(tmp_path, url)
            answer = why(api, "db#password")
            assert (answer.code, "is not trusted" in answer.message) == ("SS0804", True)
            trusted: dict[str, Any] = {"certificate-authority": str(certificate)}
            api.environ["KUBECONFIG"] = kubeconfig(tmp_path, url, **trusted)
            assert api.read("db#password") == "p"


class TestClientCertificates:
    """Those of a kubeconfig, which the library reads from files only."""

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Where temporary files are."""
        folder = tmp_path / "temporary"
        folder.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        return folder

    @pytest.fixture
    def url(self, api: StoreCase, cluster: Cluster, folder: Path, tmp_path: Path) -> Iterator[str]:
        """A cluster that asks for a certificate, and a kubeconfig that holds one."""
        api.put({f"db-{number}#password": str(number) for number in range(20)})
        certificate = self_signed(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.load_verify_locations(certificate)
        context.verify_mode = ssl.CERT_REQUIRED

        def answer(path: str, headers: Mapping[str, str]) -> Answer:
            assert [one.stat().st_mode & 0o077 for one in folder.iterdir()] == [0]
            return cluster.answer(path, headers)

        with web(answer, context) as url:
            pem = b64encode(certificate.read_bytes()).decode()
            trusted: dict[str, Any] = {"certificate-authority-data": pem}
            file = Path(kubeconfig(tmp_path, url, **trusted))
            document = json.loads(file.read_text())
            document["users"][0]["user"] |= {"client-certificate-data": pem, "client-key-data": pem}
            file.write_text(json.dumps(document))
            api.environ["KUBECONFIG"] = str(file)
            yield url

    @pytest.mark.usefixtures("url")
    def test_they_are_in_no_file_when_all_is_read(self, api: StoreCase, folder: Path) -> None:
        for _ in range(2):
            assert api.read("db-1#password") == "1"
            assert list(folder.iterdir()) == []

    def test_they_are_in_no_file_when_nothing_can_be_read(self, api: StoreCase, folder: Path, url: str) -> None:
        file = Path(api.environ["KUBECONFIG"])
        file.write_text(file.read_text().replace(url, refused().replace("http:", "https:")))
        assert "cannot be reached" in why(api, "db-1#password").message
        assert list(folder.iterdir()) == []


def test_no_store_takes_certificates_from_another_one_of_the_same(api: StoreCase, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    first_has_begun, second_has_begun, first_is_done = Event(), Event(), Event()

    def answer(path: str, headers: Mapping[str, str]) -> Answer:
        if path.endswith("first"):
            first_has_begun.set()
            second_has_begun.wait(10)
        else:
            second_has_begun.set()
            first_is_done.wait(10)
        return status(404, "not found")

    def read_first() -> None:
        api.read("first#x")
        first_is_done.set()

    with web(answer, context) as url:
        trusted: dict[str, Any] = {"certificate-authority-data": b64encode(certificate.read_bytes()).decode()}
        api.environ["KUBECONFIG"] = kubeconfig(tmp_path, url, **trusted)
        first = Thread(target=read_first)
        first.start()
        assert first_has_begun.wait(10)
        # More than are asked for at once: the last connections are made when the first store's files are gone.
        paths = [f"second-{number}#x" for number in range(AT_ONCE + 4)]
        assert told(api.read_together(*paths)) == ["SS0802"] * len(paths)
        first.join()


def page(code: int) -> Callable[[str, Mapping[str, str]], Answer]:
    """A server that says the same to everybody."""
    return lambda path, headers: (code, {"Location": "/elsewhere"}, b"<p>canary")
