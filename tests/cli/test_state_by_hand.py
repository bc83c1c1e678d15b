"""The past of a state, and what people change of it by hand or by saying it in manifests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK
from tests.repositories import Forge, git

LOGS = "    log_store: {flavor: local, config: {path: ./logs}, depends_on: [artifact_store/dev]}\n"


@pytest.fixture
def logged(dev: Path, ask: Ask) -> Path:
    """A project with a component that stands on another, applied."""
    say(dev, STACK + LOGS)
    assert ask("apply", "--yes").code == 0
    return dev


def say(root: Path, manifest: str) -> None:
    (root / "stacks" / "dev.yaml").write_text(manifest)


def held(ask: Ask) -> set[str]:
    return set(ask("state", "list").out.split())


def renamed(extra: str = "") -> str:
    return (
        (STACK + LOGS)
        .replace("artifact_store: {flavor: local", "artifact_store: {name: data, flavor: local" + extra)
        .replace("depends_on: [artifact_store/dev]", "depends_on: [artifact_store/data]")
    )


def test_history_tells_each_run(logged: Path, ask: Ask) -> None:
    say(logged, STACK)
    assert ask("apply", "--yes").code == 0
    newest, oldest = ask("state", "history", "-o", "json").json["runs"]
    assert newest["changes"] == {"log_store/dev": "removed"}
    assert oldest["changes"] == dict.fromkeys(("orchestrator/dev", "artifact_store/dev", "log_store/dev"), "created")
    assert (oldest["first_serial"], newest["first_serial"]) == (1, oldest["serial"] + 1)
    assert newest["serial"] == ask("state", "list", "-o", "json").json["serial"]
    assert (newest["purpose"], newest["commit"]) == ("apply", None)
    assert "removed log_store/dev" in ask("state", "history").out


def test_history_tells_the_commit_of_the_project_whatever_repository_a_hook_is_called_for(
    dev: Path, tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Forge.make(tmp_path / "other")
    other.push({"README": "another repository"})
    git(dev, "init", "--quiet")
    git(dev, "commit", "--quiet", "--allow-empty", "-m", "first")
    commit = git(dev, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other.clone / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.clone))
    assert ask("apply", "--yes").code == 0
    (run,) = ask("state", "history", "-o", "json").json["runs"]
    assert run["commit"] == commit


def test_nothing_was_done_yet(dev: Path, ask: Ask) -> None:
    assert ask("state", "history").out == "Nothing was done yet in 'default'.\n"


def test_a_component_moves_with_all_that_names_it(logged: Path, ask: Ask) -> None:
    assert ask("state", "mv", "artifact_store/dev", "artifact_store/data").code == 0
    say(logged, renamed())
    answer = ask("plan")
    assert "No changes: 3 components" in answer.out
    assert "depends_on:\n- artifact_store/data" in ask("state", "show", "log_store/dev").out
    newest = ask("state", "history", "-o", "json").json["runs"][0]
    assert newest["changes"]["artifact_store/data"] == "moved from artifact_store/dev"
    assert ask("destroy", "--yes").code == 0
    assert not (logged / "artifacts").exists()


def test_a_manifest_says_what_a_component_was_called_before(logged: Path, ask: Ask) -> None:
    say(logged, renamed(", moved: [artifact_store/older, artifact_store/dev]"))
    answer = ask("plan")
    assert "State takes over, without a hook: artifact_store/dev is now artifact_store/data." in answer.out
    assert "No changes" in answer.out
    assert ask("plan", "-o", "json").json["moves"] == [{"from": "artifact_store/dev", "to": "artifact_store/data"}]
    assert "artifact_store/dev" in held(ask)  # a plan moves nothing
    assert ask("apply", "--yes").code == 0
    assert held(ask) == {"orchestrator/dev", "artifact_store/data", "log_store/dev"}
    assert "takes over" not in ask("plan").out


def test_what_moved_away_leaves_its_place_to_another(dev: Path, ask: Ask) -> None:
    assert ask("apply", "--yes").code == 0
    first = ask("state", "show", "orchestrator/dev", "-o", "json").json["outputs"]["uri"]
    assert ask("state", "mv", "orchestrator/dev", "orchestrator/old").code == 0
    other = STACK.replace("name: dev}", "name: other}").replace("orchestrator: {", "orchestrator: {name: old, ")
    say(dev, STACK + "---\n" + other.replace("./artifacts", "./others"))
    assert ask("apply", "--yes").code == 0
    uris = [
        ask("state", "show", f"orchestrator/{name}", "-o", "json").json["outputs"]["uri"] for name in ("old", "dev")
    ]
    assert uris[0] == first
    assert uris[1] != first
    assert ask("drift").code == 0
    assert ask("destroy", "--yes").code == 0
    assert not list((dev / ".stackspec" / "components").rglob("*.json"))


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("artifact_store/nope", "artifact_store/data", "artifact_store/nope is not in the state"),
        ("artifact_store/dev", "artifact_store/dev", "artifact_store/dev is in the state already"),
        ("artifact_store/dev", "log_store/data", "artifact_store/dev cannot become log_store/data"),
        ("artifact_store/dev", "data", "'data' is not an address"),
    ],
)
def test_a_move_that_cannot_be(logged: Path, ask: Ask, source: str, target: str, told: str) -> None:
    before = ask("state", "pull").out
    answer = ask("state", "mv", source, target)
    assert (answer.code, told in answer.err) == (1, True)
    assert ask("state", "pull").out == before


def test_what_is_forgotten_stays_and_can_be_taken_over_again(logged: Path, ask: Ask) -> None:
    identity = ask("state", "show", "log_store/dev", "-o", "json").json["identity"]
    (logged / "logs" / "today.txt").write_text("kept")
    assert ask("state", "rm", "log_store/dev").code == 0
    assert "log_store/dev" not in held(ask)
    failed = ask("apply", "--yes")
    assert (failed.code, "stackspec import log_store/dev" in failed.err) == (1, True)
    answer = ask("import", "log_store/dev", "--yes")
    assert answer.code == 0
    assert "← log_store/dev" in answer.out
    assert "exists already: made by stackspec, 1 entry" in answer.out
    assert ask("state", "show", "log_store/dev", "-o", "json").json["identity"] == identity
    assert (logged / "logs" / "today.txt").read_text() == "kept"
    assert "No changes" in ask("plan", "--refresh").out


def test_what_was_there_before_is_imported_by_an_entry(dev: Path, ask: Ask) -> None:
    (dev / "logs").mkdir()
    say(dev, STACK + LOGS.replace("log_store: {", "log_store: {import: true, "))
    assert ask("plan", "-o", "json").json["summary"]["adopt"] == 1
    answer = ask("apply", "--yes")
    assert "Done: 2 created, 1 adopted." in answer.out
    assert "No changes" in ask("plan").out
    assert ask("destroy", "--yes").code == 0
    assert (dev / "logs").is_dir()  # stackspec did not make it


def test_what_is_another_environments_is_not_imported(dev: Path, ask: Ask) -> None:
    environment = "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: NAME}\n"
    (dev / "stackspec.yaml").write_text("---\n".join(environment.replace("NAME", one) for one in ("one", "two")))
    assert ask("apply", "--yes", "-e", "one").code == 0
    answer = ask("import", "artifact_store/dev", "--yes", "-e", "two")
    assert answer.code == 1
    assert "it belongs to artifact_store/dev of the environment 'one'" in answer.err


def test_what_another_project_made_is_not_imported(
    dev: Path, ask: Ask, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path_factory.mktemp("shared")
    say(dev, STACK.replace("./artifacts", f"{shared}/a"))
    allowed = f"apiVersion: stackspec.dev/v1\nkind: Project\nspec: {{allowed_paths: [{shared}]}}\n"
    other = tmp_path_factory.mktemp("other")
    for root in (dev, other):
        (root / "stackspec.yaml").write_text(allowed)
    (other / "stacks").mkdir()
    (other / "stacks" / "dev.yaml").write_text(STACK.replace("./artifacts", f"{shared}/a"))
    assert ask("apply", "--yes").code == 0
    monkeypatch.chdir(other)
    answer = ask("import", "artifact_store/dev", "--yes")
    assert (answer.code, "by another state" in answer.err) == (1, True)
    assert ask("import", "artifact_store/dev", "--force", "--yes").code == 0


def test_what_an_unfinished_operation_made_is_not_imported(dev: Path, ask: Ask) -> None:
    (dev / "logs").write_text("in the way")
    say(dev, STACK + LOGS)
    assert ask("apply", "--yes").code == 1
    identity = ask("state", "show", "log_store/dev", "-o", "json").json["pending"]["component"]["identity"]
    (dev / "logs").unlink()
    (dev / "logs").mkdir()
    (dev / "logs" / ".stackspec-owner.json").write_text(
        json.dumps({"identity": identity, "address": "log_store/dev", "environment": "default"})
    )
    say(dev, STACK + LOGS.replace("log_store: {", "log_store: {name: other, "))
    answer = ask("import", "log_store/other", "--yes")
    assert (answer.code, "is not finished" in answer.err) == (1, True)
    assert (dev / "logs").is_dir()


def test_an_import_that_is_not_selected_is_not_looked_at(dev: Path, ask: Ask) -> None:
    say(dev, STACK + LOGS.replace("log_store: {", "log_store: {import: true, "))
    assert ask("plan").code == 1
    assert ask("plan", "--target", "artifact_store/dev").code == 0


def test_another_name_without_a_move_is_refused(logged: Path, ask: Ask) -> None:
    say(logged, STACK + LOGS.replace("log_store: {", "log_store: {name: other, "))
    answer = ask("apply", "--yes")
    assert (answer.code, "error[SS0507]" in answer.err) == (1, True)
    assert "moved: [log_store/dev]" in answer.err
    assert (logged / "logs").is_dir()


def test_a_replacement_where_another_one_still_is_is_refused(logged: Path, ask: Ask) -> None:
    other = STACK.replace("{name: dev}", "{name: other}").replace("./artifacts", "./others")
    (logged / "stacks" / "other.yaml").write_text(other)
    assert ask("apply", "--yes").code == 0
    (logged / "stacks" / "other.yaml").unlink()
    say(logged, (STACK + LOGS).replace("./artifacts", "./others"))
    answer = ask("apply", "--yes")
    assert (answer.code, "error[SS0507]" in answer.err) == (1, True)
    assert "artifact_store/dev would be made where artifact_store/other is" in answer.err
    assert ask("plan", "--destroy").code == 0


def test_what_is_applied_is_not_imported(logged: Path, ask: Ask) -> None:
    answer = ask("import", "log_store/dev", "--yes")
    assert (answer.code, "log_store/dev is applied already" in answer.err) == (1, True)
    shutil.rmtree(logged / "logs")
    assert ask("import", "log_store/dev", "--yes").code == 1


def test_a_forgotten_component_must_be_there(logged: Path, ask: Ask) -> None:
    answer = ask("state", "rm", "log_store/dve", "orchestrator/dev")
    assert (answer.code, "did you mean 'log_store/dev'?" in answer.err) == (1, True)
    assert "orchestrator/dev" in held(ask)
