"""What an agent answers over HTTP: metrics as Prometheus reads them, and its health."""

from __future__ import annotations

import shutil
from math import isclose
from pathlib import Path
from time import time

from prometheus_client.parser import text_string_to_metric_families

from stackspec.reconcile.health import Pulse
from stackspec.reconcile.schedule import STUCK_AFTER
from stackspec.reconcile.server import Server, health
from tests.agents import Begin, get
from tests.repositories import Forge

Sample = tuple[str, frozenset[tuple[str, str]]]


def samples(text: str) -> dict[Sample, float]:
    """Name and labels of each sample to its value."""
    families = list(text_string_to_metric_families(text))
    assert all(one.documentation for one in families)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def test_metrics_and_health(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    one = agent("--repo", str(forge.path), "--interval", "1", "--mode", "report", "--listen", "0")
    address = one.wait("listening")["address"]
    assert address.startswith("127.0.0.1:")
    good = one.wait("looked", condition="in-line")["commit"]
    one.again("looked", condition="in-line")
    status, kind, text = get(address, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = samples(text)
    default = ("environment", "default")

    def value(name: str, *labels: tuple[str, str]) -> float:
        return found[f"stackspec_reconcile_{name}", frozenset(labels)]

    assert value("looks_total", default, ("condition", "in-line")) >= 2
    assert value("condition", default, ("condition", "in-line")) == 1
    assert value("condition", default, ("condition", "failed")) == 0
    assert value("drifted_components", default) == 0
    assert value("fetches_total", ("result", "success")) >= 1
    assert value("commit", ("commit", good), ("role", "good")) == 1
    assert isclose(value("last_good_timestamp_seconds", default), time(), abs_tol=60)
    assert value("look_seconds_count", default) >= 2
    status, _, text = get(address, "/healthz")
    assert (status, text[:3]) == (200, "ok:")
    assert get(address, "/")[0] == 404
    shutil.rmtree(tmp_path / "work" / ".stackspec" / "reconcile" / "tree" / "artifacts")
    bad = forge.push({"stacks/dev.yaml": "nonsense"})
    one.wait("looked", condition="drifted")
    one.wait("commit-refused")
    one.again("looked", condition="drifted")
    found = samples(get(address, "/metrics")[2])
    assert value("drifted_components", default) == 1
    assert value("commit", ("commit", bad), ("role", "bad")) == 1
    assert one.end() == 0


def test_what_is_stuck_says_so_and_why() -> None:
    now = 0.0
    server = Server("127.0.0.1", 0, {"/healthz": lambda: health(Pulse(0.0, "planning 'prod'"), now, 60.0)})
    assert get(server.address, "/healthz") == (200, "text/plain; charset=utf-8", "ok: planning 'prod'\n")
    now = 60.0 * STUCK_AFTER + 1
    assert get(server.address, "/healthz")[::2] == (503, "stuck for 301 s: planning 'prod'\n")
