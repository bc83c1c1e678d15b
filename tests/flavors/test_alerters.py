"""Alerters: Slack, as a server here speaks it, and what Apprise sends to a mail server and a webhook."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.alerter import Alerter
from stackspec.flavors.alerter.apprise import AppriseAlerter
from stackspec.flavors.alerter.slack import SlackAlerter
from stackspec.flavors.contract import HookError
from stackspec.flavors.registry import Registry
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects


class Service:
    """A server that takes what is posted, as Slack does.

    Attributes:
        url: Its address.
        got: What was posted: the path, and the object.
        token: The one that it takes.
    """

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.token = "C4nary-token"
        self.url = ""

    def answer(self, path: str, login: str | None, body: Any) -> tuple[int, str]:
        self.got.append((path, body))
        if path == "/hook":
            return 200, "ok"
        if path.startswith("/api/"):
            if login != f"Bearer {self.token}":
                return 200, '{"ok": false, "error": "invalid_auth"}'
            return 200, '{"ok": true, "team": "acme"}'
        return (429, "slow down") if path == "/busy" else (404, "no_service")


@pytest.fixture
def service() -> Iterator[Service]:
    one = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, text = one.answer(self.path, self.headers.get("Authorization"), body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        one.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield one
        server.shutdown()


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


class TestSlack(FlavorConformance):
    @pytest.fixture
    def case(self, service: Service) -> FlavorCase:
        def config(channel: str) -> dict[str, Any]:
            return {"token": service.token, "channel": channel, "api_url": f"{service.url}/api"}

        return FlavorCase(
            flavor=SlackAlerter,
            config=lambda _: config("#alerts"),
            changed=lambda _: config("#others"),
            provisions=False,
            kill_points=0,
        )


class TestApprise(FlavorConformance):
    @pytest.fixture
    def case(self) -> FlavorCase:
        servers.needs("apprise", "apprise")
        return FlavorCase(
            flavor=AppriseAlerter,
            config=lambda _: {"urls": ["json://user:C4nary@127.0.0.1:1/x"]},
            changed=lambda _: {"urls": ["json://127.0.0.1:1/x", "mailto://127.0.0.1:1?from=a@b.org&to=c@d.org"]},
            provisions=False,
            kill_points=0,
        )


@pytest.mark.parametrize("flavor", ["slack", "slack webhook", "apprise"])
def test_what_runs_on_a_stack_tells_people(flavor: str, service: Service, subjects: Subjects) -> None:
    configs: dict[str, dict[str, Any]] = {
        "slack": {"token": service.token, "channel": "#alerts", "api_url": f"{service.url}/api"},
        "slack webhook": {"webhook_url": f"{service.url}/hook"},
        "apprise": {"urls": [service.url.replace("http", "json", 1) + "/hook"]},
    }
    cls = Registry().flavor("alerter", flavor.partition(" ")[0])
    outputs = plain(subjects.component(cls, configs[flavor]).provision())
    assert outputs["uri"] in {"slack:#alerts", "slack:webhook", "apprise:json"}
    assert subjects.lines == []
    service.got.clear()
    alerter = subjects.component(cls, configs[flavor], outputs=outputs)
    assert isinstance(alerter, Alerter)
    alerter.post("accuracy < 0.9 & falling", "Training failed")
    ((path, body),) = service.got
    text = "*Training failed*\naccuracy &lt; 0.9 &amp; falling"
    if flavor == "slack":
        assert (path, body) == ("/api/chat.postMessage", {"channel": "#alerts", "text": text})
    elif flavor == "slack webhook":
        assert (path, body) == ("/hook", {"text": text})
    else:
        assert (body["title"], body["message"]) == ("Training failed", "accuracy < 0.9 & falling")


def test_mail(subjects: Subjects) -> None:
    servers.needs("apprise", "apprise")
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Message

    mails: list[Any] = []

    class Box(Message):
        def handle_message(self, message: Any) -> None:
            mails.append(message)

    controller = Controller(Box(), hostname="127.0.0.1", port=servers.free_port())
    controller.start()
    try:
        url = f"mailto://127.0.0.1:{controller.port}?from=stack@example.org&to=team@example.org&mode=insecure"
        subjects.component(AppriseAlerter, {"urls": [url]}).post("it failed", "Training")
    finally:
        controller.stop()
    (mail,) = mails
    assert (mail["Subject"], mail["To"]) == ("Training", "team@example.org")


def test_slack_refuses(service: Service, subjects: Subjects) -> None:
    wrong = {"token": "C4nary-wrong", "channel": "#a", "api_url": f"{service.url}/api"}
    alerter = subjects.component(SlackAlerter, wrong)
    assert alerter.observe().running is False
    alerter.provision()
    assert subjects.lines == ["alerter/main cannot post: Slack refuses (invalid_auth)"]
    with pytest.raises(HookError, match="invalid_auth"):
        alerter.post("x")
    for path, why, passing in (("gone/C4nary", "no_service", False), ("busy", "status 429", True)):
        with pytest.raises(HookError, match=why) as caught:
            subjects.component(SlackAlerter, {"webhook_url": f"{service.url}/{path}"}).post("x")
        assert caught.value.transient is passing
        assert "C4nary" not in f"{caught.value.message} {caught.value.hint}"


def test_nobody_takes_it(subjects: Subjects, capfd: pytest.CaptureFixture[str]) -> None:
    nowhere = f"127.0.0.1:{servers.free_port()}"
    with pytest.raises(HookError, match="the webhook cannot be reached") as caught:
        subjects.component(SlackAlerter, {"webhook_url": f"http://{nowhere}/C4nary"}).post("x")
    assert caught.value.transient
    servers.needs("apprise", "apprise")
    with pytest.raises(HookError, match="1 of 1 services did not take the message: json") as caught:
        subjects.component(AppriseAlerter, {"urls": [f"json://user:C4nary@{nowhere}"]}).post("x")
    with pytest.raises(HookError, match="does not know the service that URL 2"):
        subjects.component(AppriseAlerter, {"urls": [f"json://{nowhere}", "C4nary"]}).provision()
    assert "C4nary" not in f"{caught.value.message} {capfd.readouterr()}"


@pytest.mark.parametrize(
    "config", [{}, {"token": "x"}, {"token": "x", "channel": "c", "webhook_url": "http://localhost"}]
)
def test_one_way_to_post(config: dict[str, Any], subjects: Subjects) -> None:
    with pytest.raises(HookError, match="not clear how to post"):
        subjects.component(SlackAlerter, config).provision()


def test_what_is_only_named_tells_nobody(subjects: Subjects) -> None:
    external = subjects.component(Registry().flavor("alerter", "external"), {"uri": "https://example.org"})
    assert isinstance(external, Alerter)
    with pytest.raises(HookError, match="'external' cannot post"):
        external.post("x")


def test_a_stop_is_heeded(service: Service, subjects: Subjects) -> None:
    config = {"webhook_url": f"{service.url}/hook"}
    with pytest.raises(HookError, match="out of time"):
        subjects.component(SlackAlerter, config, deadline=monotonic() - 1).post("x")
    assert service.got == []


def test_specs_load_without_their_packages() -> None:
    modules = "stackspec.flavors.alerter.slack, stackspec.flavors.alerter.apprise"
    script = f"import sys, {modules}; print(*{{'apprise', 'urllib.request', 'ssl'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
