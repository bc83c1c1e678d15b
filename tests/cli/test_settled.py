"""A plan reads what has changed since another was made, and what that takes, and says what one of everything would."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from stackspec import seen_files
from stackspec.project import Project
from tests.cli.conftest import Answer, Ask

PROJECT = """\
apiVersion: stackspec.dev/v1
kind: Project
spec: {env: [WHO]}
"""
STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {{name: {name}}}
spec:
  components:
    orchestrator: {{flavor: local, config: {{max_parallel_steps: {steps}}}}}
    artifact_store: {{flavor: local, config: {{path: {path}}}}}
    metadata_store: {store}
"""
STORE = """\
apiVersion: stackspec.dev/v1
kind: Component
metadata: {{name: {name}}}
spec: {{type: metadata_store, flavor: sqlite, config: {{path: {path}}}}}
"""
POLICY = """\
apiVersion: stackspec.dev/v1
kind: Policy
metadata: {name: few-steps}
spec:
  match: {type: orchestrator}
  message: too many steps
  level: warning
  require: {properties: {config: {properties: {max_parallel_steps: {maximum: 1}}}}}
"""


def stack(name: str, steps: int = 1, store: str = "shared", path: str | None = None) -> str:
    """A stack of two components of its own, and one that it shares with others."""
    return STACK.format(name=name, steps=steps, store=store, path=path or f"./data/{name}")


def store(name: str, path: str | None = None) -> str:
    """A component that stacks share."""
    return STORE.format(name=name, path=path or f"./data/{name}.db")


def written(**files: str) -> None:
    """Write files of the folder of manifests."""
    for name, text in files.items():
        Path(f"stacks/{name}.yaml").write_text(text)


@pytest.fixture
def planned(tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that was applied and then planned: of four stacks two share a store, and one has one of its own."""
    monkeypatch.setattr(seen_files, "_SETTLED", -(10**18))
    monkeypatch.setenv("WHO", "ada")
    monkeypatch.chdir(tmp_path)
    Path("stacks").mkdir()
    Path("stackspec.yaml").write_text(PROJECT)
    written(red=stack("red"), blue=stack("blue"), white=stack("white", store="other"))
    written(green=stack("green", store="{flavor: sqlite, config: {path: ./elsewhere/deep/green.db}}"))
    written(shared=store("shared"), other=store("other"))
    assert ask("apply", "--yes").code == 0
    assert ask("plan").out.startswith("No changes")
    return tmp_path


def again(ask: Ask, *words: str) -> tuple[Answer, set[str] | None]:
    """A plan's answer, and the files that it did not read; None where it was a plan of everything."""
    with (
        mock.patch.object(Project, "without", autospec=True, side_effect=Project.without) as without,
        mock.patch.object(Project, "plan", autospec=True, side_effect=Project.plan) as plan,
    ):
        answer = ask("plan", *words)
    if plan.called:
        return answer, None
    (call,) = without.call_args_list
    return answer, {Path(one).stem for one in call.args[1]}


def check(ask: Ask, left: set[str] | None, *words: str) -> Answer:
    """A plan leaves these files, or none, and says what a plan of everything does that knows of nothing."""
    answer, unread = again(ask, *words)
    assert unread == left
    shutil.rmtree(".stackspec/cache", ignore_errors=True)
    assert again(ask, *words) == (answer, None)
    return answer


Change = Callable[[pytest.MonkeyPatch], object]

PARTS: dict[str, tuple[Change, set[str], str]] = {
    "a value": (
        lambda _: written(green=stack("green", 2, "{flavor: sqlite, config: {path: ./elsewhere/deep/green.db}}")),
        {"red", "blue", "white", "shared", "other"},
        "1 to update, 10 unchanged",
    ),
    "a value of one that shares": (
        lambda _: written(red=stack("red", 2)),
        {"blue", "green", "white", "other"},
        "1 to update, 10 unchanged",
    ),
    "two files": (
        lambda _: written(red=stack("red", 2), white=stack("white", 2, "other")),
        {"blue", "green"},
        "2 to update, 9 unchanged",
    ),
    "what is shared": (
        lambda _: written(shared=store("shared", "./data/another.db")),
        {"green", "white", "other"},
        "1 to replace, 10 unchanged",
    ),
    "a comment": (
        lambda _: written(red="# of Ada\n" + stack("red")),
        {"blue", "green", "white", "other"},
        "No changes: 11 components",
    ),
    "a stack more": (
        lambda _: written(black=stack("black", store="{flavor: sqlite, config: {path: ./data/black.db}}")),
        {"red", "blue", "green", "white", "shared", "other"},
        "3 to create, 11 unchanged",
    ),
    "a stack less": (
        lambda _: Path("stacks/green.yaml").unlink(),
        {"red", "blue", "white", "shared", "other"},
        "3 to delete, 8 unchanged",
    ),
    "another name of a file": (
        lambda _: Path("stacks/green.yaml").rename("stacks/olive.yaml"),
        {"red", "blue", "white", "shared", "other"},
        "No changes: 11 components",
    ),
    "a component more": (
        lambda _: written(third=store("third")),
        {"red", "blue", "green", "white", "shared", "other"},
        "No changes: 11 components",
    ),
}


@pytest.mark.parametrize("change", PARTS)
@pytest.mark.parametrize("words", [(), ("-o", "json")], ids=["text", "json"])
def test_only_what_changed_is_read(
    change: str, words: tuple[str, ...], planned: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, left, told = PARTS[change]
    edit(monkeypatch)
    answer = check(ask, left, *words)
    assert words or told in answer.out


def linked(_: pytest.MonkeyPatch) -> None:
    """A link in the place of a folder that a config of another file names."""
    written(red=stack("red", 2))
    Path("data/green").rename("moved")
    Path("data/green").symlink_to("../moved")


WHOLES: dict[str, Change] = {
    "another stack uses what is shared": lambda _: written(black=stack("black")),
    "a stack uses another shared one": lambda _: written(red=stack("red", store="other")),
    "a stack uses a shared one no more": lambda _: written(
        red=stack("red", store="{flavor: sqlite, config: {path: ./data/red.db}}")
    ),
    "a name that is taken": lambda _: written(black=stack("green")),
    "an address that is taken": lambda _: written(third=store("green")),
    "a path that is taken": lambda _: written(red=stack("red", path="./data/green")),
    "a path inside of another's": lambda _: written(red=stack("red", path="./data/green/a/b")),
    "a path around another's": lambda _: written(red=stack("red", path="./elsewhere")),
    "what is wrong": lambda _: written(red=stack("red").replace("local", "locl")),
    "no YAML": lambda _: written(red="{"),
    "settings": lambda _: Path("stackspec.yaml").write_text(PROJECT.replace("[WHO]", "[WHO, WHAT]")),
    "an environment": lambda _: written(
        new="{apiVersion: stackspec.dev/v1, kind: Environment, metadata: {name: default}, spec: {}}"
    ),
    "a policy": lambda _: written(policy=POLICY),
    "a variable": lambda patch: patch.setenv("WHO", "grace"),
    "a version": lambda patch: patch.setattr(seen_files, "__version__", "99"),
    "a folder on the way": linked,
    "no state": lambda _: shutil.rmtree(".stackspec/state"),
}


@pytest.mark.parametrize("change", WHOLES)
def test_everything_is_read_where_that_may_matter(
    change: str, planned: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    WHOLES[change](monkeypatch)
    check(ask, None)


@pytest.mark.parametrize(
    "words",
    [("--all",), ("--refresh",), ("--stack", "red"), ("--destroy",), ("-o", "markdown"), ("--out", "saved")],
    ids=" ".join,
)
def test_other_plans_are_of_everything(words: tuple[str, ...], planned: Path, ask: Ask) -> None:
    written(red=stack("red", 2))
    assert again(ask, *words)[1] is None


def test_one_plan_after_the_other_reads_what_changed_since_the_first(planned: Path, ask: Ask) -> None:
    written(red=stack("red", 2))
    assert again(ask)[1] == {"blue", "green", "white", "other"}
    written(white=stack("white", 2, "other"))
    answer, left = again(ask)
    assert left == {"blue", "green"}
    assert "2 to update, 9 unchanged" in answer.out
    assert ask("plan") == answer
    assert ask("apply", "--yes").code == 0
    written(red=stack("red"))
    assert again(ask)[1] is None  # another state
    written(white=stack("white", 1, "other"))
    assert again(ask)[1] == {"blue", "green"}  # what waits for an apply is read again each time


@pytest.mark.parametrize("folder", ["./stacks", "stacks/", ".", "stacks/../stacks", "stacks//"])
def test_a_folder_has_one_name(folder: str, planned: Path, ask: Ask) -> None:
    Path("stackspec.yaml").write_text(PROJECT.replace("[WHO]", f'[WHO], manifests: ["{folder}"]'))
    ask("plan")
    written(red=stack("red", 2))
    answer = check(ask, {"blue", "green", "white", "other"})
    assert "1 to update" in answer.out


def test_a_component_that_moves_is_planned_in_the_whole(planned: Path, ask: Ask) -> None:
    moved = stack("blue").replace(
        "max_parallel_steps: 1}", "max_parallel_steps: 1}, moved: [orchestrator/blue], name: b2"
    )
    written(blue=moved)
    first = ask("plan", "-o", "json").json
    assert first["moves"]
    written(white=stack("white", 2, "other"))
    assert check(ask, {"green", "red"}, "-o", "json").json["moves"] == first["moves"]
    assert check(ask, None, "--detailed-exitcode", "--all").code == 2


def test_a_name_that_is_no_text_is_no_hindrance(planned: Path, ask: Ask) -> None:
    Path(os.fsdecode(b"stacks/\xff.yaml")).write_text("# nothing\n")
    for words in (("plan",), ("plan",), ("validate",), ("validate",), ("plan", "-o", "json")):
        answer = ask(*words)
        assert (answer.code, "SS0999" in answer.out + answer.err) == (0, False)
    written(red=stack("red", 2))
    assert "1 to update" in check(ask, {"blue", "green", "white", "other"}).out


def test_what_is_too_much_in_the_whole_is_too_much_in_a_part(
    planned: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(red=stack("red", 2, path='"./data/{{ stack.name }}"'))
    assert again(ask)[1] is not None
    monkeypatch.setattr("stackspec.settled.MOST_WORK", 1)
    written(red=stack("red", 3, path='"./data/{{ stack.name }}"'))
    check(ask, None)


def test_a_warning_is_told_each_time(planned: Path, ask: Ask) -> None:
    written(policy=POLICY, red=stack("red", 2))
    assert "too many steps" in ask("plan").err
    written(white=stack("white", 3, "other"))
    answer = check(ask, {"blue", "green"})
    assert answer.err.count("too many steps") == 2


def test_a_state_written_in_between_is_not_taken_for_the_one_that_was_read(planned: Path, ask: Ask) -> None:
    """A writer that comes between the look at the files and the look into the state."""
    from stackspec import settled

    def changed(*arguments: object) -> set[str]:
        found = looked(*arguments)  # type: ignore[arg-type]
        assert ask("state", "rm", "artifact_store/green").code == 0
        return found

    written(red=stack("red", 2))
    looked = settled._changed
    with mock.patch.object(settled, "_changed", side_effect=changed):
        answer, left = again(ask)
    assert left is None
    assert "1 to create, 1 to update" in answer.out


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b"{}", b"\xff", b"[1,2,3,4,5,6,7]", b'["x",[],[],{},{},["",0],{"a":[]}]']
)
def test_what_cannot_be_read_is_nothing(damage: bytes, planned: Path, ask: Ask) -> None:
    (file,) = Path(".stackspec/cache").glob("*.settled")
    file.write_bytes(damage)
    written(red=stack("red", 2))
    check(ask, None)
