"""A plan that is asked for again is told again, unless anything that it was made from is another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from stackspec import remembered, seen_files
from stackspec.project import Project
from tests.cli.conftest import Answer, Ask

PROJECT = """\
apiVersion: stackspec.dev/v1
kind: Project
spec: {env: [WHO], allowed_paths: []}
"""


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were written a moment ago count as old."""
    monkeypatch.setattr(seen_files, "_SETTLED", -(10**18))


@pytest.fixture
def planned(dev: Path, ask: Ask, settled: None, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """A project whose plan was asked for once."""
    monkeypatch.setenv("WHO", "ada")
    (dev / "stackspec.yaml").write_text(PROJECT)
    assert ask("apply", "--yes").code == 0
    return ask("plan")


def again(ask: Ask, *words: str) -> tuple[Answer, bool]:
    """An answer, and whether it was remembered."""
    with mock.patch.object(Project, "compile", autospec=True, side_effect=Project.compile) as compiled:
        answer = ask(*(words or ("plan",)))
    return answer, not compiled.called


def test_the_same_question_has_the_same_answer(planned: Answer, ask: Ask) -> None:
    assert again(ask) == (planned, True)
    assert again(ask) == (planned, True)


@pytest.mark.parametrize("words", [("--all",), ("-o", "json"), ("--stack", "dev"), ("--detailed-exitcode",)])
def test_another_question_is_asked(words: tuple[str, ...], planned: Answer, ask: Ask) -> None:
    first, remembered_ = again(ask, "plan", *words)
    assert not remembered_
    assert again(ask, "plan", *words) == (first, True)


def write(path: str, text: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda _: void(Path(path).write_text(text))


def void(_: object) -> None:
    """What a call gives is of no use."""


def edited_in_place(_: pytest.MonkeyPatch) -> None:
    """Another text of the same length, at what seems to be the same time."""
    file = Path("stacks/dev.yaml")
    before = file.stat()
    text = file.read_text()
    changed = text.replace("artifacts", "artefacts")
    assert (len(changed), changed != text) == (len(text), True)
    file.write_text(changed)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def linked_elsewhere(_: pytest.MonkeyPatch) -> None:
    """A link in the place of a folder that a config names."""
    Path("artifacts").rename("moved")
    Path("artifacts").symlink_to("moved")


STACK = "apiVersion: stackspec.dev/v1\nkind: Stack\nmetadata: {name: x}\nspec: {components: {}}\n"
CHANGES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a text": edited_in_place,
    "a file more": write("stacks/more.yml", STACK),
    "a file less": lambda _: Path("stacks/dev.yaml").unlink(),
    "a name": lambda _: void(Path("stacks/dev.yaml").rename("stacks/other.yaml")),
    "a link": lambda _: Path("stacks/link.yaml").symlink_to("dev.yaml"),
    "a folder on the way": linked_elsewhere,
    "the settings": write("stackspec.yaml", PROJECT.replace("env: [WHO]", "env: []")),
    "no settings": lambda _: Path("stackspec.yaml").unlink(),
    "a variable": lambda patch: patch.setenv("WHO", "grace"),
    "a variable less": lambda patch: patch.delenv("WHO"),
    "an option": lambda patch: patch.setenv("STACKSPEC_ALL", "1"),
    "colour": lambda patch: patch.setenv("NO_COLOR", "1"),
    "a version": lambda patch: patch.setattr(seen_files, "__version__", "99"),
    "no state": lambda _: shutil.rmtree(".stackspec/state"),
    "no cache": lambda _: shutil.rmtree(".stackspec/cache"),
    "another's state": write(".stackspec/state/other.db", "x"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_seen(change: str, planned: Answer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    CHANGES[change](monkeypatch)
    answer, was_remembered = again(ask)
    assert not was_remembered
    shutil.rmtree(".stackspec/cache", ignore_errors=True)
    assert again(ask) == (answer, False)


def test_a_validation_is_remembered_too(planned: Answer, dev: Path, ask: Ask) -> None:
    def validated() -> tuple[Answer, bool]:
        with mock.patch.object(Project, "validate", autospec=True, side_effect=Project.validate) as validate:
            answer = ask("validate")
        return answer, not validate.called

    first, was_remembered = validated()
    assert (first.code, was_remembered) == (0, False)
    assert validated() == (first, True)
    file = dev / "stacks" / "dev.yaml"
    file.write_text(file.read_text().replace("flavor: local", "flavor: locl"))
    wrong, was_remembered = validated()
    assert (wrong.code, was_remembered, "SS0208" in wrong.err) == (1, False, True)
    shutil.rmtree(".stackspec/cache")
    assert validated() == (wrong, False)


def test_an_apply_is_seen(planned: Answer, dev: Path, ask: Ask) -> None:
    file = dev / "stacks" / "dev.yaml"
    file.write_text(file.read_text().replace("artifacts", "artefacts"))
    assert "1 to replace" in again(ask)[0].out
    assert again(ask)[1]
    assert ask("apply", "--yes").code == 0
    assert again(ask) == (planned, False)


def test_the_same_bytes_in_other_files_have_the_same_answer(planned: Answer, dev: Path, ask: Ask) -> None:
    for file in ("stackspec.yaml", "stacks/dev.yaml", ".stackspec/state/default.db"):
        text = (dev / file).read_bytes()
        (dev / file).unlink()
        (dev / file).write_bytes(text)
    assert again(ask) == (planned, True)


def test_what_was_written_a_moment_ago_may_change_in_the_same_tick(dev: Path, ask: Ask) -> None:
    assert ask("apply", "--yes").code == 0
    assert not again(ask)[1]
    assert not again(ask)[1]


@pytest.mark.parametrize("damage", [b"", b"\0\0\0", b"\xff\xfe", b"stackspec answer 2\0", b"nothing\0" * 9])
def test_what_cannot_be_read_is_no_answer(damage: bytes, planned: Answer, dev: Path, ask: Ask) -> None:
    for file in (dev / ".stackspec" / "cache").iterdir():
        file.write_bytes(damage)
    assert again(ask) == (planned, False)
    assert again(ask) == (planned, True)


def test_a_link_in_its_place_is_not_followed(planned: Answer, dev: Path, ask: Ask, tmp_path: Path) -> None:
    cache = dev / ".stackspec" / "cache"
    cache.rename(tmp_path / "elsewhere")
    cache.symlink_to(tmp_path / "elsewhere")
    assert not again(ask)[1]
    kept = sorted(one.stat().st_mtime_ns for one in (tmp_path / "elsewhere").iterdir())
    assert not again(ask)[1]
    assert sorted(one.stat().st_mtime_ns for one in (tmp_path / "elsewhere").iterdir()) == kept


SECRET = """\
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: db}
spec: {store: env, keys: {password: PASSWORD}}
"""


def test_what_has_secrets_is_not_kept(dev: Path, ask: Ask, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "C4nary-password")
    (dev / "stacks" / "secret.yaml").write_text(SECRET)
    assert ask("apply", "--yes").code == 0
    assert not again(ask)[1]
    assert not again(ask)[1]
    assert not (dev / ".stackspec" / "cache").exists()


@pytest.mark.parametrize("words", [("--refresh",), ("--out", "saved"), ("-f", "stacks/dev.yaml"), ("--untrusted",)])
def test_what_is_not_made_from_the_projects_files_alone_is_not_kept(
    words: tuple[str, ...], planned: Answer, ask: Ask
) -> None:
    # A process of its own: an untrusted one stays so.
    if words == ("--untrusted",):
        assert remembered.recall(["plan", *words]) is None
        return
    assert not again(ask, "plan", *words)[1]
    assert not again(ask, "plan", *words)[1]


def test_a_strangers_checkout_is_not_asked_by_what_it_brings(
    planned: Answer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        mock.patch("stackspec.cli.trust.is_untrusted", return_value=True),
        mock.patch("stackspec.cli.untrusted.guard"),
        mock.patch.object(remembered, "recall") as recall,
    ):
        ask("plan")
    assert not recall.called


def test_a_plan_alone_leaves_nothing(dev: Path, ask: Ask, settled: None) -> None:
    assert ask("plan").code == 0
    assert not (dev / ".stackspec").exists()


def test_old_answers_are_let_go(planned: Answer, dev: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MOST", 3)
    for number in range(5):
        monkeypatch.setenv("STACKSPEC_NUMBER", str(number))
        ask("plan")
    assert len(list((dev / ".stackspec" / "cache").glob("*.answer"))) == 3
    assert again(ask)[1]
