"""`plan --out FILE` and `apply FILE`: exactly that plan is carried out, or it is refused and the user told why."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stackspec
from stackspec import saved_plans
from stackspec.core.diagnostic import StackspecError
from stackspec.saved_plans import read_plan
from stackspec.state.run import Run
from tests.cli.conftest import Answer, Ask
from tests.cli.hostile import STACK
from tests.running import command, environment, in_bounds

LOGS = "    log_store: {flavor: local, config: {path: ./logs}}\n"
PROD = "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: prod}\nspec: {protected: true}\n"
PATIENCE = 20.0
KEY = "a key for tests, of more than 32 characters"


def manifest(root: Path, text: str) -> None:
    (root / "stacks" / "dev.yaml").write_text(text)


def refused(answer: Answer, code: str, *told: str) -> None:
    """That a command refused with a code and said why, without a trace of a bug."""
    assert (answer.code, f"error[{code}]" in answer.err) == (1, True), answer
    for text in told:
        assert text in answer.err, answer.err
    assert "Traceback" not in answer.err


def serial(ask: Ask) -> int:
    found: int = ask("state", "list", "-o", "json").json["serial"]
    return found


@pytest.fixture
def saved(dev: Path, ask: Ask) -> Path:
    """The saved plan of a project with nothing applied."""
    assert ask("plan", "--out", "saved").code == 0
    return dev / "saved"


# --- what is saved is carried out


def test_a_saved_plan_is_carried_out_without_a_question(dev: Path, ask: Ask) -> None:
    plain = ask("plan")
    answer = ask("plan", "--out", "saved")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == plain.out + "\nSaved. To carry out exactly this plan: stackspec apply saved\n"
    assert stat.S_IMODE((dev / "saved").stat().st_mode) == 0o600
    words = shlex.split(answer.out.splitlines()[-1].partition("stackspec ")[2])
    answer = ask(*words)
    assert answer.code == 0, answer.err
    assert answer.out == plain.out + "\nDone: 2 created.\n"
    assert (dev / "artifacts").is_dir()
    assert "No changes" in ask("plan").out


def test_the_file_says_what_the_plan_says(dev: Path, ask: Ask) -> None:
    answer = ask("plan", "--all", "--out", "saved", "-o", "json")
    document = json.loads((dev / "saved").read_bytes())
    assert document["body"]["plan"] == answer.json
    assert document["format"] == "stackspec plan 1"
    assert sorted(os.listdir(dev)) == [".stackspec", "saved", "stacks"]


def test_a_destroy_can_be_saved(applied: Path, ask: Ask) -> None:
    assert ask("plan", "--destroy", "--detailed-exitcode", "--out", "saved").code == 2
    assert (applied / "artifacts").is_dir()
    answer = ask("apply", "saved")
    assert (answer.code, "2 deleted" in answer.out) == (0, True), answer
    assert not (applied / "artifacts").exists()


def test_what_was_selected_is_in_the_file(applied: Path, ask: Ask) -> None:
    manifest(applied, STACK + LOGS)
    arguments = ["--target", "orchestrator/dev", "--replace", "orchestrator/dev"]
    assert ask("plan", *arguments, "--out", "saved").code == 0
    answer = ask("apply", "saved", "-o", "json")
    assert answer.code == 0, answer.out
    assert answer.lines[-1]["summary"] == {"replace": 1, "not-selected": 1}
    assert not (applied / "logs").exists()
    assert ask("plan", "--stack", "dev", "--out", "saved").code == 0
    assert "1 created" in ask("apply", "saved").out
    manifest(applied, "")
    assert ask("plan", "--allow-empty", "--out", "saved").code == 0
    assert "3 deleted" in ask("apply", "saved").out


def test_a_plan_without_changes_can_be_saved_and_applied(applied: Path, ask: Ask) -> None:
    assert ask("plan", "--detailed-exitcode", "--out", "saved").code == 0
    for _ in range(2):
        answer = ask("apply", "saved")
        assert (answer.code, answer.err) == (0, "")
        assert "No changes" in answer.out


def test_what_only_the_apply_can_tell_is_carried_out(dev: Path, ask: Ask) -> None:
    path = 'config: {path: "./m{{ components.orchestrator.outputs.uri | length }}.db"}'
    manifest(dev, STACK + f"    metadata_store: {{flavor: sqlite, {path}}}\n")
    assert "(known after apply)" in ask("plan", "--out", "saved").out
    answer = ask("apply", "saved")
    assert (answer.code, "3 created" in answer.out) == (0, True), answer


def test_what_is_made_beside_the_old_one_is_saved_so(applied: Path, ask: Ask) -> None:
    other = STACK.replace("./artifacts}", "./other}, lifecycle: {create_before_destroy: true}")
    manifest(applied, other)
    assert "+/- artifact_store/dev" in ask("plan", "--out", "saved").out
    manifest(applied, other.replace("true", "false"))
    refused(ask("apply", "saved"), "SS0608", "artifact_store/dev (changed)")
    manifest(applied, other)
    answer = ask("apply", "saved")
    assert (answer.code, "1 replaced" in answer.out) == (0, True), answer


def test_what_exists_is_taken_over_by_a_saved_plan(dev: Path, ask: Ask) -> None:
    (dev / "logs").mkdir()
    (dev / "logs" / "old").write_text("kept")
    manifest(dev, STACK + LOGS.replace("{flavor", "{import: true, flavor"))
    assert "← log_store/dev" in ask("plan", "--out", "saved").out
    answer = ask("apply", "saved")
    assert (answer.code, "1 adopted" in answer.out) == (0, True), answer


def test_what_was_moved_is_moved_by_a_saved_plan(applied: Path, ask: Ask) -> None:
    manifest(applied, STACK + LOGS)
    assert ask("apply", "--yes").code == 0
    manifest(applied, STACK + LOGS.replace("{flavor", "{name: new, moved: [log_store/dev], flavor"))
    assert "log_store/dev is now log_store/new" in ask("plan", "--out", "saved").out
    assert ask("apply", "saved").code == 0
    assert "log_store/new" in ask("state", "list").out


def test_a_refreshed_plan_looks_again(applied: Path, ask: Ask) -> None:
    (applied / "artifacts").rename(applied / "away")
    assert "1 to create" in ask("plan", "--refresh", "--out", "saved").out
    (applied / "away").rename(applied / "artifacts")
    refused(ask("apply", "saved"), "SS0608", "what components really are has changed")
    (applied / "artifacts").rename(applied / "away")
    answer = ask("apply", "saved")
    assert (answer.code, "1 created" in answer.out) == (0, True), answer


def test_a_protected_environment_takes_a_saved_plan(dev: Path, ask: Ask) -> None:
    (dev / "stackspec.yaml").write_text(PROD)
    refused(ask("apply", "--yes"), "SS0605", "or apply a saved plan")
    assert ask("plan", "-e", "prod", "--out", "saved").code == 0
    refused(ask("apply", "saved", "--approve", "dev"), "SS0605", "--approve names 'dev'")
    assert ask("apply", "saved", "-e", "prod").code == 0


def test_manifests_that_were_named_are_named_again(dev: Path, ask: Ask) -> None:
    (dev / "stacks" / "dev.yaml").rename(dev / "elsewhere.yaml")
    assert ask("plan", "-f", "elsewhere.yaml", "--out", "saved").code == 0
    refused(ask("apply", "saved"), "SS0608", "orchestrator/dev (gone)", "note: it was made with -f elsewhere.yaml")
    assert ask("apply", "-f", "elsewhere.yaml", "saved").code == 0


def test_how_manifests_are_written_does_not_matter(dev: Path, ask: Ask) -> None:
    other = STACK.replace("name: dev", "name: other").replace("./artifacts", "./others")
    manifest(dev, f"{STACK}---\n{other}")
    assert ask("plan", "--out", "saved").code == 0
    (dev / "stacks" / "deep").mkdir()
    (dev / "stacks" / "deep" / "z.yaml").write_text("# the one that was first\n" + STACK)
    manifest(dev, other.replace("flavor: local, config: {path: ./others}", "config: {path: './others'}, flavor: local"))
    answer = ask("apply", "saved")
    assert (answer.code, "4 created" in answer.out) == (0, True), answer


# --- what moved is told


MOVES: dict[str, tuple[Callable[[Path, Ask], object], list[str]]] = {
    "a component is new": (
        lambda root, ask: manifest(root, STACK + LOGS),
        ["log_store/dev (new), stack/dev (changed)"],
    ),
    "a component is gone": (lambda root, ask: manifest(root, STACK.replace("    orch", "    # orch")), ["SS0404"]),
    "a field": (
        lambda root, ask: manifest(root, STACK.replace("./artifacts", "./other")),
        ["the manifests say something else since the plan was made: artifact_store/dev (changed)"],
    ),
    "what only state records": (
        lambda root, ask: manifest(root, STACK.replace("{name: dev}", "{name: dev, labels: {team: a}}")),
        ["artifact_store/dev (changed), orchestrator/dev (changed), stack/dev (changed)"],
    ),
    "what may be touched": (
        lambda root, ask: (root / "stackspec.yaml").write_text(
            "apiVersion: stackspec.dev/v1\nkind: Project\nspec: {allowed_paths: [/srv]}\n"
        ),
        ["allowed_paths (changed)"],
    ),
    "another apply": (
        lambda root, ask: ask("apply", "--yes", "--target", "orchestrator/dev"),
        ["the state has changed since the plan was made: nothing was applied, now serial", "(apply), since"],
    ),
}


@pytest.mark.parametrize("move", MOVES)
def test_what_moved_is_told(move: str, saved: Path, ask: Ask) -> None:
    act, told = MOVES[move]
    act(saved.parent, ask)
    before = ask("state", "pull").out
    refused(ask("apply", "saved"), "SS0404" if "SS0404" in told else "SS0608", *told)
    assert ask("state", "pull").out == before
    assert not (saved.parent / "artifacts").exists()


def test_an_expression_whose_names_mean_something_else_is_another(dev: Path, ask: Ask) -> None:
    path = 'config: {path: "./{{ vars.name }}{{ components.orchestrator.outputs.uri | length }}.db"}'
    manifest(dev, STACK + f"    metadata_store: {{flavor: sqlite, {path}}}\n")
    environment = "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: dev}\nspec: {vars: {name: NAME}}\n"
    (dev / "stackspec.yaml").write_text(environment.replace("NAME", "first"))
    assert ask("plan", "--out", "saved").code == 0
    (dev / "stackspec.yaml").write_text(environment.replace("NAME", "second"))
    refused(ask("apply", "saved"), "SS0608", "metadata_store/dev (changed)\n")


def test_several_things_that_moved_are_told_at_once(applied: Path, ask: Ask) -> None:
    manifest(applied, STACK + LOGS)
    before = serial(ask)
    assert ask("plan", "--out", "saved").code == 0
    manifest(applied, STACK.replace("./artifacts", "./other"))
    assert ask("apply", "--yes").code == 0
    answer = ask("apply", "saved")
    refused(answer, "SS0608", f"serial {before} → {serial(ask)}", "log_store/dev (gone)", "2 errors")
    answer = ask("apply", "saved", "-o", "json")
    assert [one["code"] for one in answer.lines[-1]["diagnostics"]] == ["SS0608", "SS0608"]


def test_a_plan_is_applied_once(applied: Path, ask: Ask) -> None:
    manifest(applied, STACK + LOGS)
    assert ask("plan", "--out", "saved").code == 0
    before = serial(ask)
    assert ask("apply", "saved").code == 0
    refused(ask("apply", "saved"), "SS0608", "the plan was applied already, by ", f"serial {before} before")
    assert ask("destroy", "--yes").code == 0
    refused(ask("apply", "saved"), "SS0608", "the plan was applied already")
    assert not (applied / "logs").exists()


def test_the_commits_are_told_where_the_manifests_differ(dev: Path, ask: Ask) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@localhost"]
        done = subprocess.run(["git", *identity, *words], cwd=dev, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q")
    git("add", "stacks")
    git("commit", "-qm", "first")
    assert ask("plan", "--out", "saved").code == 0
    first = git("rev-parse", "HEAD")
    git("commit", "-qm", "nothing", "--allow-empty")
    assert ask("apply", "saved").code == 0
    assert ask("plan", "--out", "saved").code == 0
    manifest(dev, STACK.replace("./artifacts", "./other"))
    git("commit", "-qam", "second")
    told = f"note: the plan was made at {git('rev-parse', 'HEAD~1')}, and {git('rev-parse', 'HEAD')} is checked out"
    refused(ask("apply", "saved"), "SS0608", told)
    assert first not in ask("apply", "saved").err


def test_a_state_that_is_only_begun_is_still_empty(saved: Path, ask: Ask) -> None:
    project = stackspec.Project.open(saved.parent)
    with project.store("default").lock(Run.of_this_process("test")):
        pass
    assert ask("apply", "saved").code == 0


def test_a_plan_of_another_version_is_refused(saved: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_plans, "__version__", "9.9.9")
    refused(ask("apply", "saved"), "SS0608", "made by stackspec ", ", and this is 9.9.9", "1 error")


def test_a_plan_of_another_project_is_refused(
    applied: Path, ask: Ask, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKSPEC_PLAN_KEY", KEY)
    assert ask("plan", "--destroy", "--out", "saved").code == 0
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(applied / "stacks", other / "stacks")
    file = str(applied / "saved")
    refused(ask("-C", str(other), "apply", file), "SS0608", "of another project", "here nothing was applied yet")
    assert ask("-C", str(other), "apply", "--yes").code == 0
    refused(ask("-C", str(other), "apply", file), "SS0608", "of another project", "the lineage of its state is")
    assert (other / "artifacts").is_dir()


def test_after_a_kill_in_the_middle_the_plan_is_stale_and_a_plain_apply_goes_on(dev: Path, ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        uri = f"127.0.0.1:{silent.getsockname()[1]}/team"
        manifest(dev, STACK + f"    container_registry: {{flavor: default, config: {{uri: {uri}}}}}\n")
        assert ask("plan", "--out", "saved").code == 0
        process = subprocess.Popen(
            command("-C", str(dev), "apply", "saved"), env=environment(), stdout=subprocess.DEVNULL
        )
        connection, _ = silent.accept()  # the hook waits for an answer
        beside = ask("apply", "saved")
        refused(beside, "SS0703", f"process {process.pid} (apply of plan ")
        process.kill()
        process.wait(PATIENCE)
        connection.close()
    refused(ask("apply", "saved"), "SS0608", "the plan was applied already, by ", "may have left undone is in the new")
    assert "! container_registry/dev" in ask("plan", "--out", "saved").out
    manifest(dev, STACK)
    refused(ask("apply", "saved"), "SS0608", "container_registry/dev (gone)")
    assert ask("plan", "--out", "saved").code == 0
    assert "1 recovered" in ask("apply", "saved").out
    assert ask("plan", "--detailed-exitcode").code == 0


# --- what is no plan of ours is refused


def test_every_byte_counts(saved: Path, ask: Ask) -> None:
    """Each byte of the file flipped in one bit, and the file cut at each byte; read by the Python API, for speed."""
    good = saved.read_bytes()
    project = stackspec.Project.open(saved.parent)
    read_plan(project, saved)
    flipped = (good[:index] + bytes([good[index] ^ 1]) + good[index + 1 :] for index in range(len(good)))
    cut = (good[:length] for length in range(len(good)))
    longer = [good + good, good + b"\n", b" " + good, good[:-1] + b" \n"]
    for data in (*flipped, *cut, *longer):
        saved.write_bytes(data)
        with pytest.raises(StackspecError) as raised:
            read_plan(project, saved)
        assert [one.code for one in raised.value.diagnostics] in (["SS0607"], ["SS0609"])
    saved.write_bytes(good)
    assert ask("apply", "saved").code == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_a_plan_that_was_changed_is_refused(data: st.DataObject, saved: Path, ask: Ask) -> None:
    good = saved.with_name("good")
    if not good.exists():
        good.write_bytes(saved.read_bytes())
    text = good.read_bytes()
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    put = data.draw(st.binary(max_size=40))
    changed = text[:start] + put + text[end:]
    if changed == text:
        return
    saved.write_bytes(changed)
    answer = ask("apply", "saved")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(("error[SS0607]: ", "error[SS0609]: ")), answer.err
    assert not (saved.parent / ".stackspec" / "state").exists()


def test_what_is_no_plan_is_refused(saved: Path, ask: Ask) -> None:
    root, good = saved.parent, saved.read_bytes()
    refused(ask("apply", "nope"), "SS0111", "the file 'nope' does not exist", "an environment is named by -e")
    refused(ask("apply", "stacks/dev.yaml"), "SS0607", "it is not a saved plan", "manifests are named by -f")
    refused(ask("apply", "stacks"), "SS0607", "cannot apply 'stacks': it is a folder")
    os.mkfifo(root / "pipe")
    refused(ask("apply", "pipe"), "SS0607", "it is not a regular file")
    with open(root / "sparse", "wb") as file:
        file.truncate(300 * 1024 * 1024)
    refused(ask("apply", "sparse"), "SS0607", "it is larger than 256 MiB")
    saved.write_bytes(good.replace(b"stackspec plan 1", b"stackspec plan 2"))
    refused(ask("apply", "saved"), "SS0607", "newer stackspec (format 2, this one reads 1)", "upgrade stackspec")
    saved.write_bytes(good[: len(good) // 2])
    refused(ask("apply", "saved"), "SS0609", "it was changed or cut short after it was saved")
    for name in ("", "-"):
        refused(ask("apply", name), "SS0901", f"'{name}' cannot be the name of a saved plan")
    saved.write_bytes(good)
    saved.rename(root / "moved")
    (root / "link").symlink_to("moved")
    assert ask("apply", "link").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--target", "orchestrator/dev"],
        ["--stack=dev"],
        ["--replace", "orchestrator/dev"],
        ["--refresh"],
        ["--allow-empty"],
    ],
)
def test_a_saved_plan_is_not_planned_anew(arguments: list[str], saved: Path, ask: Ask) -> None:
    option = arguments[0].partition("=")[0]
    refused(ask("apply", "saved", *arguments), "SS0901", f"{option} does not go with a saved plan")


def test_a_saved_plan_has_its_environment(saved: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(ask("apply", "saved", "-e", "prod"), "SS0901", "for the environment 'default', and -e selects 'prod'")
    monkeypatch.setenv("STACKSPEC_ENVIRONMENT", "prod")
    refused(ask("apply", "saved"), "SS0901", "leave -e away, or give -e default")
    assert ask("apply", "saved", "-e", "default").code == 0


# --- the key


def test_the_key_is_made_once_for_its_owner_alone(saved: Path, ask: Ask) -> None:
    key = saved.parent / ".stackspec" / "plan.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    first = key.read_bytes()
    assert ask("plan", "--out", "second").code == 0
    assert key.read_bytes() == first
    assert sorted(os.listdir(key.parent)) == [".gitignore", "plan.key"]
    assert first.strip() not in saved.read_bytes() + (saved.parent / "second").read_bytes()


def test_several_that_make_the_key_at_once_have_the_same(dev: Path) -> None:
    words = [command("-C", str(dev), "plan", "--out", f"saved-{number}") for number in range(4)]
    processes = [subprocess.Popen(one, env=environment(), stdout=subprocess.DEVNULL) for one in words]
    assert [process.wait(PATIENCE) for process in processes] == [0, 0, 0, 0]
    project = stackspec.Project.open(dev)
    assert len({read_plan(project, dev / f"saved-{number}").made.id for number in range(4)}) == 4
    assert sorted(os.listdir(dev / ".stackspec")) == [".gitignore", "plan.key"]


def test_a_missing_or_other_key_is_told(saved: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    key = saved.parent / ".stackspec" / "plan.key"
    key.unlink()
    refused(ask("apply", "saved"), "SS0609", "there is no key to check the plan by", "set STACKSPEC_PLAN_KEY to")
    assert not key.exists()
    assert ask("plan", "--out", "second").code == 0
    refused(ask("apply", "saved"), "SS0609", f"signed with another key than {key}")
    monkeypatch.setenv("STACKSPEC_PLAN_KEY", KEY)
    refused(ask("apply", "second"), "SS0609", "signed with another key than STACKSPEC_PLAN_KEY")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "readable by others": (lambda key: key.chmod(0o644), "others than its owner can read or write it (mode 0644)"),
    "writable by others": (lambda key: key.chmod(0o620), "(mode 0620)"),
    "a link": (lambda key: key.symlink_to(key.rename(key.with_name("real"))), "it is a link"),
    "empty": (lambda key: key.write_bytes(b""), "it is damaged"),
    "too long": (lambda key: key.write_bytes(key.read_bytes() * 2), "it is larger than 65 bytes"),
    "a folder": (lambda key: key.rename(key.with_name("real")).with_name("plan.key").mkdir(), "it is a folder"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_key_that_others_may_know_is_refused(damage: str, saved: Path, ask: Ask) -> None:
    act, told = DAMAGE[damage]
    key = saved.parent / ".stackspec" / "plan.key"
    act(key)
    for arguments in (["apply", "saved"], ["plan", "--out", "second"]):
        refused(ask(*arguments), "SS0609", "cannot be the key of saved plans", told, "remove it")
    assert not (saved.parent / "second").exists()


def test_a_key_can_be_shared(saved: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder of the apply is another, as on another machine; the key has a newline more there."""
    there = tmp_path / "runner"
    monkeypatch.setenv("STACKSPEC_PLAN_KEY", KEY)
    plan = ask("plan", "--out", "shared")
    shutil.copytree(saved.parent / "stacks", there / "stacks")
    shutil.copy(saved.parent / "shared", there / "shared")
    monkeypatch.setenv("STACKSPEC_PLAN_KEY", KEY + "\n")
    answer = ask("-C", str(there), "apply", "shared")
    assert answer.code == 0, answer.err
    assert not (there / ".stackspec" / "plan.key").exists()
    for text in (*plan, *answer, (there / "shared").read_text()):
        assert KEY not in str(text)


def test_a_short_key_is_refused(dev: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKSPEC_PLAN_KEY", "0123456789")
    answer = ask("plan", "--out", "saved")
    refused(answer, "SS0609", "STACKSPEC_PLAN_KEY has fewer than 32 characters", "secrets.token_hex")
    assert "0123456789" not in answer.err
    assert os.listdir(dev) == ["stacks"]


def test_no_manifest_reads_the_key(dev: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKSPEC_PLAN_KEY", KEY)
    project = "apiVersion: stackspec.dev/v1\nkind: Project\nspec: {env: [STACKSPEC_PLAN_KEY]}\n"
    (dev / "stackspec.yaml").write_text(project)
    manifest(dev, STACK.replace("./artifacts", '"./{{ env.STACKSPEC_PLAN_KEY }}"'))
    answer = ask("plan")
    refused(answer, "SS0306", "'env.STACKSPEC_PLAN_KEY' is a key of stackspec's own, which no manifest reads")
    assert KEY not in answer.out + answer.err


# --- the file


def test_a_plan_with_errors_leaves_the_file_alone(saved: Path, ask: Ask) -> None:
    good = saved.read_bytes()
    manifest(saved.parent, "kind: Stak\n")
    for name in ("saved", "second"):
        refused(ask("plan", "--out", name), "SS0202")
    assert saved.read_bytes() == good
    assert not (saved.parent / "second").exists()


def test_a_plan_takes_the_place_of_a_plan(saved: Path, ask: Ask) -> None:
    manifest(saved.parent, STACK + LOGS)
    saved.chmod(0o644)
    assert ask("plan", "--out", "saved").code == 0
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert "3 created" in ask("apply", "saved").out


def test_a_file_that_cannot_be_written_is_told(dev: Path, ask: Ask) -> None:
    (dev / "notes").write_text("mine")
    (dev / "empty").write_text("")
    (dev / "link").symlink_to("notes")
    os.mkfifo(dev / "pipe")
    refusals = {
        "notes": "it is there already, and is no saved plan",
        "stacks/dev.yaml": "it is there already, and is no saved plan",
        "link": "it is a link",
        "pipe": "it is not a regular file",
        "stacks": "it is a folder",
        "nowhere/saved": "No such file or directory",
        "notes/saved": "Not a directory",
        "/dev/null": "it is not a regular file",
        "x" * 300: "File name too long",
    }
    for name, told in refusals.items():
        answer = ask("plan", "--out", name)
        refused(answer, "SS0902", told)
        assert answer.out == ""
    for name in ("", "-", ".", "stacks/"):
        refused(ask("plan", f"--out={name}"), "SS0901", "cannot be the name of a saved plan")
    assert (dev / "notes").read_text() == "mine"
    assert sorted(os.listdir(dev)) == [".stackspec", "empty", "link", "notes", "pipe", "stacks"]
    assert ask("plan", "--out", "empty").code == 0
    assert ask("plan", "--out=-odd name").out.endswith("stackspec apply './-odd name'\n")


def test_folders_that_may_not_be_written(saved: Path) -> None:
    root = saved.parent
    (root / "closed").mkdir(mode=0o500)
    done = in_bounds(root, "plan", "--out", "closed/saved", obeying_permissions=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error[SS0902]: cannot write closed/saved: Permission denied" in done.stderr
    (root / "closed").chmod(0o700)
    (root / ".stackspec" / "plan.key").unlink()
    (root / ".stackspec").chmod(0o500)
    done = in_bounds(root, "plan", "--out", "second", obeying_permissions=True)
    assert (done.returncode, "error[SS0704]: cannot write " in done.stderr) == (1, True)
    (root / ".stackspec").chmod(0o700)
    saved.chmod(0o000)
    done = in_bounds(root, "apply", "saved", obeying_permissions=True)
    assert (done.returncode, "error[SS0101]: cannot read 'saved': Permission denied" in done.stderr) == (1, True)


def test_a_full_disk_leaves_no_half_of_a_plan(saved: Path) -> None:
    """The limit on a file's size stands for the disk."""
    good = saved.read_bytes()
    words = 'trap "" XFSZ; ulimit -f 1; exec "$@"'
    manifest(saved.parent, STACK + LOGS)
    done = subprocess.run(
        ["/bin/sh", "-c", words, "sh", *command("-C", str(saved.parent), "plan", "--out", "saved")],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert (done.returncode, done.stdout) == (1, ""), done
    assert "error[SS0902]: cannot write saved: File too large" in done.stderr
    assert saved.read_bytes() == good
    assert sorted(os.listdir(saved.parent)) == [".stackspec", "saved", "stacks"]
