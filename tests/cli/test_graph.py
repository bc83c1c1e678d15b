"""Graphs of stacks and components."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK
from tests.running import command, environment
from tests.servers import program

SHARED = """\
    experiment_tracker: shared
---
apiVersion: stackspec.dev/v1
kind: Component
metadata: {name: shared}
spec:
  type: experiment_tracker
  flavor: tensorboard
  config: {log_dir: ./runs}
  depends_on: [artifact_store/dev]
---
"""
TWO = STACK.replace("name: dev", "name: two").replace("./artifacts", "./two")


@pytest.fixture
def two(dev: Path, ask: Ask) -> Path:
    """Two stacks that share a component, of which one is applied with a component that is declared no more."""
    database = "    metadata_store: {flavor: sqlite, config: {path: ./m.db}, depends_on: [artifact_store/dev]}\n"
    (dev / "stacks" / "dev.yaml").write_text(STACK + database)
    assert ask("apply", "--yes").code == 0
    (dev / "stacks" / "dev.yaml").write_text(
        STACK.replace("./artifacts", "./moved") + SHARED + TWO + "    experiment_tracker: shared\n"
    )
    return dev


def test_a_graph_has_what_is_declared_and_what_goes(two: Path, ask: Ask) -> None:
    graph = ask("graph", "--format", "json").json
    assert list(graph) == ["format_version", "environment", "planned", "nodes", "edges", "diagnostics"]
    assert {one["address"]: one["action"] for one in graph["nodes"]} == {
        "stack/dev": None,
        "stack/two": None,
        "orchestrator/dev": "no-op",
        "artifact_store/dev": "replace",
        "experiment_tracker/shared": "create",
        "orchestrator/two": "create",
        "artifact_store/two": "create",
        "metadata_store/dev": "delete",
    }
    edges = {(one["from"], one["to"], one["kind"]) for one in graph["edges"]}
    assert ("stack/two", "experiment_tracker/shared", "has") in edges
    assert ("experiment_tracker/shared", "artifact_store/dev", "depends_on") in edges
    assert ("metadata_store/dev", "artifact_store/dev", "depends_on") in edges


def test_output_json_is_the_same(two: Path, ask: Ask) -> None:
    assert ask("graph", "-o", "json").out == ask("graph", "--format", "json").out


def test_a_stack_brings_what_it_stands_on(two: Path, ask: Ask) -> None:
    nodes = {one["address"] for one in ask("graph", "--format", "json", "--stack", "two").json["nodes"]}
    assert nodes == {
        *("stack/two", "orchestrator/two", "artifact_store/two", "experiment_tracker/shared", "artifact_store/dev"),
    }
    assert "metadata_store/dev" in ask("graph", "--stack", "dev").out
    answer = ask("graph", "--stack", "tow")
    assert (answer.code, "did you mean 'two'?" in answer.err) == (1, True)


def test_what_is_declared_can_be_drawn_where_the_state_cannot_be_read(two: Path, ask: Ask) -> None:
    (two / ".stackspec" / "state" / "default.db").write_bytes(b"damaged")
    assert ask("graph").code == 1
    answer = ask("graph", "--no-plan")
    assert (answer.code, answer.err) == (0, "")
    assert "classDef" not in answer.out
    assert "metadata_store" not in answer.out


@pytest.mark.parametrize(("form", "code"), [("mermaid", 0), ("dot", 0), ("json", 0), ("svg", 1)])
def test_of_a_strangers_checkout_only_what_is_declared_is_drawn(form: str, code: int, two: Path) -> None:
    words = command("graph", "--untrusted", "--format", form)
    done = subprocess.run(words, cwd=two, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert "metadata_store" not in done.stdout
    assert ("SS0901" in done.stderr) == (form == "svg")


def test_mermaid(two: Path, ask: Ask) -> None:
    assert ask("graph", "--stack", "two").out == (
        "flowchart LR\n"
        '  n0(["stack/two"])\n'
        '  n1["artifact_store/dev<br/>local#44; replace"]:::replace\n'
        '  n2["orchestrator/two<br/>local#44; create"]:::create\n'
        '  n3["artifact_store/two<br/>local#44; create"]:::create\n'
        '  n4["experiment_tracker/shared<br/>tensorboard#44; create"]:::create\n'
        "  n0 -.-> n2\n"
        "  n0 -.-> n3\n"
        "  n0 -.-> n4\n"
        "  n4 --> n1\n"
        "  classDef create fill:#dafbe1,stroke:#1a7f37,color:#1f2328\n"
        "  classDef replace fill:#fbefff,stroke:#8250df,color:#1f2328\n"
    )


def test_svg_is_drawn_by_graphviz(two: Path, ask: Ask) -> None:
    program("dot", "apt-get install graphviz")
    answer = ask("graph", "--format", "svg", "--output-file", "graph.svg")
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    texts = [
        one.text for one in ET.fromstring((two / "graph.svg").read_text()).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert {"stack/dev", "experiment_tracker/shared", "local, replace"} <= set(texts)


def test_svg_without_graphviz_says_what_to_install(two: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(two))
    answer = ask("graph", "--format", "svg")
    assert (answer.code, answer.out) == (1, "")
    assert "error[SS1405]" in answer.err
    assert "apt-get install graphviz" in answer.err


def test_a_picture_is_not_lost_for_an_error(two: Path, ask: Ask) -> None:
    (two / "graph.dot").write_text("good")
    (two / "stacks" / "wrong.yaml").write_text("[")
    answer = ask("graph", "--format", "dot", "--output-file", "graph.dot")
    assert (answer.code, "error[SS0107]" in answer.err) == (1, True)
    assert (two / "graph.dot").read_text() == "good"


@pytest.mark.parametrize("form", ["mermaid", "dot", "json"])
def test_what_a_policy_forbids_is_told_as_by_a_plan(form: str, two: Path, ask: Ask) -> None:
    (two / "stacks" / "policy.yaml").write_text(
        "apiVersion: stackspec.dev/v1\nkind: Policy\nmetadata: {name: owned}\n"
        "spec: {match: {action: [replace]}, require: false, message: nothing is replaced}\n"
    )
    answer = ask("graph", "--format", form)
    assert answer.code == ask("plan").code == 1
    if form == "json":
        assert {one["code"] for one in answer.json["diagnostics"]} == {"SS1101"}
        assert (answer.err, len(answer.json["nodes"])) == ("", 8)
    else:
        assert "error[SS1101]" in answer.err
        assert answer.out


@pytest.mark.parametrize(("form", "code"), [("mermaid", 1), ("dot", 1), ("svg", 1), ("json", 0)])
def test_json_is_one_form_and_no_other(form: str, code: int, dev: Path, ask: Ask) -> None:
    answer = ask("graph", "--format", form, "-o", "json")
    assert answer.code == code
    assert [one["code"] for one in answer.json["diagnostics"]] == ["SS0901"] * code
