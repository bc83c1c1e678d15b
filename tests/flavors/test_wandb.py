"""Weights & Biases: the real client offline, and online a server here that knows one key."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError, spec_of
from stackspec.flavors.experiment_tracker.wandb import WandbExperimentTracker
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects

KEY = "C4nary" * 7


@pytest.fixture
def service() -> Iterator[str]:
    """The address of a service that knows one key."""
    right = "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            known = self.headers.get("Authorization") == right
            self.send_response(200 if self.path == "/graphql" else 404)
            self.end_headers()
            viewer = {"username": "ada"} if known else None
            self.wfile.write(json.dumps({"data": {"viewer": viewer}}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    return Subjects(tmp_path)


def a_directory(root: Path) -> None:
    (root / "runs").mkdir()
    (root / "runs" / "precious.txt").write_text("before", encoding="utf-8")


class TestOffline(FlavorConformance):
    @pytest.fixture
    def case(self) -> FlavorCase:
        return FlavorCase(
            flavor=WandbExperimentTracker,
            config=lambda _: {"mode": "offline", "project": "p", "path": "runs"},
            changed=lambda _: {"mode": "offline", "project": "q", "entity": "acme", "path": "runs"},
            beside=lambda _: {"mode": "offline", "project": "p", "path": "others"},
            before=a_directory,
            kill_points=5,
        )


class TestOnline(FlavorConformance):
    @pytest.fixture
    def case(self, service: str) -> FlavorCase:
        return FlavorCase(
            flavor=WandbExperimentTracker,
            config=lambda _: {"project": "p", "api_key": KEY, "base_url": service},
            changed=lambda _: {"project": "q", "api_key": KEY, "base_url": service},
            beside=lambda _: {"project": "p", "api_key": KEY, "base_url": service, "path": "others"},
            kill_points=0,
        )


def variables(outputs: dict[str, Any]) -> dict[str, str]:
    return {name: outputs[output] for name, output in spec_of(WandbExperimentTracker).environment.items()}


def test_the_real_client_writes_its_runs_there(subjects: Subjects, tmp_path: Path) -> None:
    servers.needs("wandb", "dev")
    config = {"mode": "offline", "project": "fraud", "entity": "acme"}
    component = subjects.component(WandbExperimentTracker, config)
    outputs = plain(component.provision())
    assert outputs["uri"] == component.context.data_dir.as_uri()
    script = "import wandb; run = wandb.init(); run.log({'loss': 0.5}); print(run.project, run.entity); run.finish()"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    environment = {**kept, **variables(outputs), "WANDB_SILENT": "true", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["fraud", "acme"]
    assert list((component.context.data_dir / "wandb").glob("offline-run-*/*.wandb"))
    component.deprovision()
    assert "is kept" in subjects.lines[0]
    assert component.observe().provisioned


def test_runs_are_recorded_offline(subjects: Subjects) -> None:
    servers.needs("wandb", "wandb")
    config = {"mode": "offline", "project": "fraud"}
    outputs = plain(subjects.component(WandbExperimentTracker, config).provision())
    component = subjects.component(WandbExperimentTracker, config, outputs=outputs)
    with component.run("first", "ours") as run:
        run.log_parameters({"depth": 3})
        run.log_metrics({"loss": 0.5})
        run.log_metrics({"loss": 0.25}, step=1)
        run.tag("data", "2026")
    assert run.url == outputs["uri"]
    with pytest.raises(ValueError, match="mine"), component.run("second"):
        raise ValueError("mine")
    (first, _) = sorted((component.context.data_dir / "wandb").glob("offline-run-*/*.wandb"))
    for word in (b"first", b"ours", b"depth", b"loss", b"data:2026"):
        assert any(word in file.read_bytes() for file in first.parents[1].glob("offline-run-*/*.wandb")), word


def test_the_key_is_asked_about(service: str, subjects: Subjects) -> None:
    config = {"project": "fraud", "entity": "acme", "api_key": KEY, "base_url": service}
    component = subjects.component(WandbExperimentTracker, config)
    outputs = plain(component.provision())
    assert (outputs["uri"], subjects.lines) == (f"{service}/acme/fraud", [])
    assert component.observe().running
    assert variables(outputs)["WANDB_API_KEY"] == KEY
    assert spec_of(WandbExperimentTracker).sensitive_outputs == {"api_key"}
    wrong = subjects.component(WandbExperimentTracker, {**config, "api_key": "C4nary-wrong"})
    wrong.provision()
    assert wrong.observe().running is False
    assert subjects.lines == [f"experiment_tracker/main: {service} refuses the key"]
    nowhere = subjects.component(WandbExperimentTracker, {**config, "base_url": f"{service}/none"})
    assert nowhere.observe().detail == f"{service}/none answers with status 404"
    away = subjects.component(WandbExperimentTracker, {**config, "base_url": "http://127.0.0.1:1"})
    assert "cannot be reached" in away.observe().detail
    with pytest.raises(HookError, match="no key"):
        subjects.component(WandbExperimentTracker, {"project": "p"}).provision()
    assert subjects.component(WandbExperimentTracker, {"project": "p"})._page == "https://wandb.ai/p"
