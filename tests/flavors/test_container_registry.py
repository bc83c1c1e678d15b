"""Container registries: real ones, and what is said of addresses that nobody can have meant."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.container_registry.default import DefaultContainerRegistry
from stackspec.flavors.container_registry.oci import OciContainerRegistry
from stackspec.flavors.contract import HookError, spec_of
from stackspec.flavors.http.request import request
from stackspec.flavors.registry import Registry
from stackspec.manifest.schema import Checker
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects
from tests.secret_stores.servers import Answer, web

WRONG = ["", "[]:50", "a b:50", "a..b", "-", "a:0", "a:00080", "a:99999", "a:-1", "é.example", "h/UP", "h//x"]
WRONG += ["https://a.b", "user@a.b", f"{'a' * 64}.b", f"{'a.' * 150}b", "a.b/", "a.b/x:tag", "a.b\n", "localhost:", "a"]


@pytest.mark.parametrize("uri", WRONG)
def test_what_is_no_address_is_refused_by_the_schema(uri: str) -> None:
    assert Checker(spec_of(DefaultContainerRegistry).schema).check({"uri": uri, "insecure": True})


@pytest.mark.parametrize("uri", ["[::::]:50", "[....]", "[1.2]:80/team", "[:::1]", "[::ffff:1.2.3.4.5]"])
def test_brackets_around_no_address_are_told(uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    subjects = Subjects(tmp_path)
    registry = subjects.component(DefaultContainerRegistry, {"uri": uri, "insecure": True})
    url = f"http://{uri.partition('/')[0]}/v2/"
    assert registry.observe().detail == f"{url} is no address"
    assert registry.provision().uri == uri
    assert subjects.lines == [f"the registry {uri} is not reachable: {url} is no address"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("uri", ["[::1]:1", "localhost:1/a/b"])
def test_what_cannot_be_reached_is_told(uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    registry = Subjects(tmp_path).component(DefaultContainerRegistry, {"uri": uri, "insecure": True})
    observation = registry.observe()
    assert observation.running is False
    assert "cannot be reached" in observation.detail
    assert capfd.readouterr() == ("", "")


def pushed(url: str, repository: str, tag: str, login: tuple[str, str] | None = None) -> str:
    """Push an image of one empty layer by plain HTTP; its digest."""
    headers = {"Authorization": f"Basic {b64encode(':'.join(login).encode()).decode()}"} if login else {}
    blob = b"{}"
    digest = f"sha256:{sha256(blob).hexdigest()}"
    begun = request("POST", f"{url}/v2/{repository}/blobs/uploads/", body=b"", headers=headers)
    assert begun.status == 202, begun
    place = urljoin(url, begun.headers["location"])
    sent = {**headers, "Content-Type": "application/octet-stream"}
    assert request("PUT", f"{place}&digest={quote(digest)}", body=blob, headers=sent).status == 201
    kind = "application/vnd.oci.image.manifest.v1+json"
    part = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(blob)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": part, "layers": []}).encode()
    sent = {**headers, "Content-Type": kind}
    assert request("PUT", f"{url}/v2/{repository}/manifests/{tag}", body=manifest, headers=sent).status == 201
    return f"sha256:{sha256(manifest).hexdigest()}"


def oci(subjects: Subjects, **config: Any) -> OciContainerRegistry:
    servers.program("docker-registry", "apt install docker-registry")
    servers.needs("bcrypt", "oci-registry")
    return subjects.component(OciContainerRegistry, config)


@pytest.fixture
def subjects(tmp_path: Path) -> Iterator[Subjects]:
    """Components of one project, whose server is gone at the end."""
    made = Subjects(tmp_path)
    yield made
    made.component(OciContainerRegistry, {"delete_data": True}).deprovision()


def test_its_life(subjects: Subjects) -> None:
    registry = oci(subjects, path="images")
    uri = plain(registry.provision())["uri"]
    digest = pushed(f"http://{uri}", "team/train", "v1")
    assert request("DELETE", f"http://{uri}/v2/team/train/manifests/{digest}").status == 405
    registry.suspend()
    assert registry.observe().running is False

    open_to_deletion = oci(subjects, path="images", delete_enabled=True)
    assert plain(open_to_deletion.resume())["uri"] == uri
    assert open_to_deletion.observe().fields["delete_enabled"] is True
    assert registry.observe().fields["delete_enabled"] is True  # drift
    assert subjects.component(OciContainerRegistry, {"path": "images"}, outputs={"uri": uri}).tags("team/train") == [
        "v1"
    ]
    assert request("DELETE", f"http://{uri}/v2/team/train/manifests/{digest}").status == 202

    open_to_deletion.deprovision()
    assert (subjects.root / "images" / "docker").is_dir()  # kept
    assert not (subjects.root / ".stackspec" / "data" / "main").exists()
    assert any("is kept" in line for line in subjects.lines)


def test_only_who_knows_the_password_is_let_in(subjects: Subjects) -> None:
    config = {"username": "ada", "password": "first secret"}
    registry = oci(subjects, **config)
    uri = plain(registry.provision())["uri"]
    users = subjects.root / ".stackspec" / "data" / "main" / "registry.htpasswd"
    assert users.stat().st_mode & 0o777 == 0o600
    assert b"first secret" not in users.read_bytes()
    pushed(f"http://{uri}", "a", "v1", ("ada", "first secret"))
    assert request("GET", f"http://{uri}/v2/a/tags/list").status == 401

    changed = oci(subjects, username="ada", password="second")
    changed.update(registry)
    outputs = {"uri": uri}
    with pytest.raises(HookError, match=r"refuses to tell about .*/a ") as caught:
        subjects.component(OciContainerRegistry, config, outputs=outputs).tags("a")
    assert "first secret" not in f"{caught.value} {caught.value.hint}"
    known = {"username": "ada", "password": "second"}
    assert subjects.component(OciContainerRegistry, known, outputs=outputs).tags("a") == ["v1"]
    assert subjects.component(DefaultContainerRegistry, {"uri": uri, **known}, outputs=outputs).tags("a") == ["v1"]

    oci(subjects).update(changed)
    assert subjects.component(OciContainerRegistry, outputs=outputs).tags("a") == ["v1"]
    assert not users.exists()
    with pytest.raises(HookError, match="a username and no password"):
        oci(subjects, username="ada").provision()


@pytest.mark.parametrize("flavor", ["oci", "default", "external"])
def test_what_any_registry_tells_of_its_images(flavor: str, subjects: Subjects) -> None:
    uri = plain(oci(subjects).provision())["uri"]
    for tag in ("v1", "v2"):
        digest = pushed(f"http://{uri}", "team/train", tag)
    config = {} if flavor == "oci" else {"uri": f"{uri}/team"}
    cls = Registry().flavor("container_registry", flavor)
    registry: Any = subjects.component(cls, config, outputs={"uri": config.get("uri", uri)})
    name = "team/train" if flavor == "oci" else "train"
    assert registry.tags(name) == ["v1", "v2"]
    assert registry.tags("nothing") == []
    assert registry.digest(registry.image(name, "v2")) == digest
    assert registry.digest(f"{registry.image(name).rpartition(':')[0]}@{digest}") == digest
    assert registry.digest(registry.image(name, "v3")) is None
    for wrong in ("elsewhere:5000/x:v1", f"{config.get('uri', uri)}/../x:v1"):
        with pytest.raises(HookError):
            registry.digest(wrong)


def test_a_registry_that_wants_a_token_is_given_the_password_for_it_and_tells_in_pages(tmp_path: Path) -> None:
    asked: list[tuple[str, str | None]] = []

    def answer(path: str, headers: Mapping[str, str]) -> Answer:
        shown = headers.get("Authorization")
        asked.append((path, shown))
        if path.startswith("/token"):
            return 200, {}, b'{"token": "t0ken"}'
        if shown != "Bearer t0ken":
            realm = f'Bearer realm="{address}/token",service="it",scope="repository:x:pull"'
            return 401, {"WWW-Authenticate": realm}, b""
        if "last" in path:
            return 200, {}, b'{"tags": ["a"]}'
        return 200, {"Link": '</v2/x/tags/list?last=b>; rel="next"'}, b'{"tags": ["b"]}'

    with web(answer) as address:
        uri = address.removeprefix("http://")
        config = {"uri": uri, "username": "ada", "password": "word"}
        registry = Subjects(tmp_path).component(DefaultContainerRegistry, config, outputs={"uri": uri})
        assert registry.tags("x") == ["a", "b"]
    given = {path.partition("?")[0]: shown for path, shown in asked if shown}
    assert given["/token"] == f"Basic {b64encode(b'ada:word').decode()}"


def test_a_program_that_is_missing_is_told(subjects: Subjects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(subjects.root))
    with pytest.raises(HookError, match="docker-registry is not installed"):
        subjects.component(OciContainerRegistry).provision()


CASE = FlavorCase(
    flavor=OciContainerRegistry,
    config=lambda _: {"username": "ada", "password": "a secret word", "delete_data": True},
    changed=lambda _: {"username": "ada", "password": "another word", "delete_enabled": True, "delete_data": True},
    before=lambda root: (root / "images").mkdir(),
    kill_points=5,
)


@pytest.mark.parametrize("case", [CASE], ids=str)
class TestOci(FlavorConformance):
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        servers.program("docker-registry", "apt install docker-registry")
        servers.needs("bcrypt", "oci-registry")
