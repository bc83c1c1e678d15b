"""Reports for pull requests and CI: where they go, how they end, and what they say where there is nothing to show."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK
from tests.running import command, environment, obey_permissions

FORMS = ["markdown", "github", "sarif", "junit", "gitlab"]
WRONG = STACK.replace("local}", "locl}")
BEGINS = {"markdown": "<!-- stackspec ", "github": "::", "sarif": "{", "junit": "<?xml", "gitlab": "["}


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in os.environ if one.startswith(("GITHUB_", "CI_"))]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("arguments", "manifest", "code"),
    [
        (["validate"], STACK, 0),
        (["validate"], WRONG, 1),
        (["plan", "--detailed-exitcode"], STACK, 0),
        (["plan", "--detailed-exitcode"], STACK.replace("./artifacts", "./moved"), 2),
        (["plan"], WRONG, 1),
        (["plan", "-e", "nope"], STACK, 1),
        (["drift"], STACK, 0),
        (["drift", "-e", "nope"], STACK, 1),
    ],
)
def test_the_exit_code_is_that_of_a_text(
    arguments: list[str], manifest: str, code: int, form: str, applied: Path, ask: Ask
) -> None:
    (applied / "stacks" / "dev.yaml").write_text(manifest)
    assert ask(*arguments).code == code
    answer = ask(*arguments, "-o", form)
    assert (answer.code, answer.err) == (code, "")
    assert answer.out.startswith(BEGINS[form])


@pytest.mark.parametrize("form", FORMS)
def test_drift_is_reported(form: str, applied: Path, ask: Ask) -> None:
    shutil.rmtree(applied / "artifacts")
    answer = ask("drift", "-o", form)
    assert (answer.code, answer.err) == (2, "")
    assert "artifact_store/dev" in answer.out
    assert "stacks/dev.yaml" in answer.out or form == "junit"


@pytest.mark.parametrize("form", ["text", "json", *FORMS])
def test_an_answer_can_go_to_a_file(form: str, dev: Path, ask: Ask) -> None:
    expected = ask("plan", "-o", form).out
    answer = ask("plan", "-o", form, "--output-file", "report")
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert (dev / "report").read_text(encoding="utf-8") == expected


@pytest.mark.parametrize("form", ["text", "json", *FORMS])
@pytest.mark.parametrize("manifest", [STACK, WRONG])
@pytest.mark.parametrize("file", ["no/folder/report", "stacks", "/dev/null", "pipe"])
def test_a_file_that_cannot_be_written_is_an_error(form: str, manifest: str, file: str, dev: Path, ask: Ask) -> None:
    os.mkfifo(dev / "pipe")
    (dev / "stacks" / "dev.yaml").write_text(manifest)
    answer = ask("plan", "-o", form, "--output-file", file)
    assert answer.code == 1
    assert "SS0902" in answer.out + answer.err or (form == "text" and manifest == WRONG)
    assert manifest == STACK or "SS0208" in answer.out + answer.err
    assert sorted(os.listdir(dev)) == ["pipe", "stacks"]


def test_a_failed_plan_has_the_marker_of_a_good_one(dev: Path, ask: Ask) -> None:
    more = "---\napiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: prod}\n"
    (dev / "stacks" / "dev.yaml").write_text(STACK + more)
    good = ask("plan", "-o", "markdown").out
    (dev / "stacks" / "dev.yaml").write_text(WRONG + more)
    bad = ask("plan", "-o", "markdown").out
    assert good.splitlines()[0] == bad.splitlines()[0] == "<!-- stackspec plan -->"
    assert "### stackspec plan: `prod`" in good


@pytest.mark.parametrize("asked", [None, "prod"])
@pytest.mark.parametrize("broken", ["stackspec.yaml", "stacks/envs.yaml", "nothing is left"])
def test_a_comment_is_found_again_where_the_environments_cannot_be_read(
    asked: str | None, broken: str, dev: Path, ask: Ask
) -> None:
    project = dev / "ml"
    (project / "stacks").mkdir(parents=True)
    (dev / ".git").mkdir()
    (project / "stackspec.yaml").write_text(
        "apiVersion: stackspec.dev/v1\nkind: Project\nmetadata: {name: ml}\nspec: {default_environment: prod}\n"
    )
    (project / "stacks" / "dev.yaml").write_text(STACK)
    environments = "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: prod}\n"
    (project / "stacks" / "envs.yaml").write_text(environments)
    words = ["-C", str(project), "plan", "-o", "markdown", *(["-e", asked] if asked else [])]
    good = ask(*words)
    if broken == "nothing is left":
        shutil.rmtree(dev / "stacks")
        shutil.rmtree(project / "stacks")
        (project / "stackspec.yaml").unlink()
    else:
        (project / broken).write_text("a: [")
    bad = ask(*words)
    assert (good.code, bad.code) == (0, 1)
    marker = f"<!-- stackspec plan{' prod' if asked else ''} in ml -->"
    assert good.out.splitlines()[0] == bad.out.splitlines()[0] == marker
    assert "default" not in bad.out.splitlines()[1]


def test_names_that_are_no_text_make_a_comment_no_longer_than_it_may_be(dev: Path, ask: Ask) -> None:
    for number in range(150):
        name = os.fsdecode(b"%d" % number + b"\xff" * 100 + b".yaml")
        (dev / "stacks" / name).write_text(WRONG.replace("local}", "locl}" + " " * number))
    assert ask("validate", "-o", "markdown", "--output-file", "r.md").code == 1
    written = (dev / "r.md").read_bytes()
    assert len(written) <= 65_535
    assert b"\\udcff" in written


@pytest.mark.parametrize(
    ("words", "told"), [([], "✅ 1 stack: valid"), (["--alone", "stacks/dev.yaml"], "✅ 1 file: valid, each by itself")]
)
def test_what_is_valid_is_said_once(words: list[str], told: str, dev: Path, ask: Ask) -> None:
    assert f"**{told}**" in ask("validate", *words, "-o", "markdown").out
    assert ask("validate", *words, "-o", "github").out.endswith(f"::{told[2:]}\n")


def test_links_lead_to_the_commit_in_the_repository(dev: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    project = dev / "ml platform"
    (project / "stacks").mkdir(parents=True)
    (project / "stacks" / "dev.yaml").write_text(WRONG)
    (dev / ".git").mkdir()
    assert "](ml%20platform/stacks/dev.yaml#L6)" in ask("-C", str(project), "plan", "-o", "markdown").out
    for name, value in (("SERVER_URL", "https://github.com"), ("REPOSITORY", "acme/ml"), ("SHA", "4f1c")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    text = ask("-C", str(project), "plan", "-o", "markdown").out
    assert "](https://github.com/acme/ml/blob/4f1c/ml%20platform/stacks/dev.yaml#L6)" in text
    monkeypatch.delenv("GITHUB_SHA")
    monkeypatch.setenv("CI_PROJECT_URL", "https://gitlab.com/acme/ml")
    monkeypatch.setenv("CI_COMMIT_SHA", "4f1c")
    text = ask("-C", str(project), "plan", "-o", "markdown").out
    assert "](https://gitlab.com/acme/ml/-/blob/4f1c/ml%20platform/stacks/dev.yaml#L6)" in text
    assert "file=ml platform/stacks/dev.yaml,line=6" in ask("-C", str(project), "plan", "-o", "github").out
    (issue,) = json.loads(ask("-C", str(project), "validate", "-o", "gitlab").out)
    assert issue["location"]["path"] == "ml platform/stacks/dev.yaml"


@pytest.mark.parametrize("manifest", [STACK, WRONG])
@pytest.mark.parametrize("more", [[], ["--untrusted"]])
def test_the_summary_of_a_job_gets_the_markdown_too(
    manifest: str, more: list[str], dev: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (dev / "stacks" / "dev.yaml").write_text(manifest)
    summary = tmp_path_factory.mktemp("runner") / "summary.md"
    summary.write_text("before\n")
    done = subprocess.run(
        command("plan", "-o", "github", *more),
        cwd=dev,
        env=environment({"GITHUB_STEP_SUMMARY": str(summary)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (manifest == WRONG, "")
    assert done.stdout.startswith("::")
    assert summary.read_text(encoding="utf-8").startswith("before\n<!-- stackspec plan -->\n")


def test_a_summary_grows_no_longer_than_github_takes(
    dev: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    summary = tmp_path_factory.mktemp("runner") / "summary.md"
    summary.write_bytes(b"x" * (1024 * 1024 - 100))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert ask("plan", "-o", "github").code == 0
    assert summary.stat().st_size <= 1024 * 1024


def test_a_summary_that_cannot_be_written_is_an_error(dev: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(dev / "no" / "such" / "folder"))
    answer = ask("plan", "-o", "github")
    assert answer.code == 1
    assert "SS0902" in answer.out


def test_a_strangers_checkout_has_no_file_written(dev: Path) -> None:
    done = subprocess.run(
        command("plan", "--untrusted", "-o", "sarif", "--output-file", "report"),
        cwd=dev,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=obey_permissions,
    )
    assert done.returncode == 1
    assert "SS0901" in done.stdout
    assert os.listdir(dev) == ["stacks"]


@pytest.mark.parametrize("form", FORMS)
def test_no_secret_is_in_any_report(form: str, dev: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2-of-the-process")
    (dev / "stacks" / "dev.yaml").write_text(
        STACK
        + "    alerter: {flavor: process, config: {command: [x], environment: {A: '{{ secrets.a.token }}'}}}\n"
        + "    log_store: {flavor: local, config: {path: ./logs, password: hunter2-in-plain-text}}\n"
        + "---\napiVersion: stackspec.dev/v1\nkind: Secret\nmetadata: {name: a}\n"
        + "spec: {store: env, keys: {token: TOKEN}}\n"
    )
    wrong = ask("validate", "-o", form)
    assert (wrong.code, wrong.err) == (1, "")
    text = (dev / "stacks" / "dev.yaml").read_text().replace(", password: hunter2-in-plain-text", "")
    (dev / "stacks" / "dev.yaml").write_text(text)
    planned = ask("plan", "-o", form)
    assert (planned.code, planned.err) == (0, "")
    assert form != "markdown" or "(sensitive)  (secrets.a.token)" in planned.out
    assert "hunter2" not in wrong.out + planned.out


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("manifest", "code"), [(STACK, 0), (WRONG, 1)])
@pytest.mark.parametrize("command_", ["plan", "drift"])
def test_a_comment_can_be_written_beside_a_report(
    command_: str, manifest: str, code: int, form: str, applied: Path, ask: Ask
) -> None:
    (applied / "stacks" / "dev.yaml").write_text(manifest)
    markdown, report = ask(command_, "-o", "markdown").out, ask(command_, "-o", form)
    answer = ask(command_, "-o", form, "--comment", "comment.md")
    assert (answer.code, answer.out) == (report.code, report.out)
    assert (applied / "comment.md").read_text(encoding="utf-8") == markdown
    assert code == report.code or command_ == "drift"
    assert "SS0902" in ask(command_, "-o", form, "--comment", "no/folder/comment.md").out


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_comment_goes_beside_a_report_alone(form: str, dev: Path, ask: Ask) -> None:
    answer = ask("plan", "-o", form, "--comment", "comment.md")
    assert (answer.code, "SS0901" in answer.out + answer.err, os.listdir(dev)) == (1, True, ["stacks"])


@pytest.mark.parametrize("manifest", ["stacks/dev.yaml", "link.txt", "more.txt"])
def test_no_answer_takes_the_place_of_a_manifest(manifest: str, dev: Path, ask: Ask) -> None:
    header = "# a licence\n" * 1000
    (dev / "stacks" / "dev.yaml").write_text(header + STACK)
    (dev / "link.txt").symlink_to("stacks/dev.yaml")
    (dev / "more.txt").write_text(STACK)
    named = ["-f", "more.txt"] if manifest == "more.txt" else []
    answer = ask("plan", *named, "--output-file", manifest)
    assert (answer.code, "SS0902" in answer.err) == (1, True)
    assert (dev / "stacks" / "dev.yaml").read_text() == header + STACK
    assert (dev / "more.txt").read_text() == STACK


@pytest.mark.parametrize("words", [["validate"], ["validate", "stacks/dev.yaml"], ["plan"]])
def test_a_text_that_fails_takes_the_place_of_what_was_there(words: list[str], dev: Path, ask: Ask) -> None:
    assert ask(*words, "--output-file", "report").code == 0
    (dev / "stacks" / "dev.yaml").write_text(WRONG)
    answer = ask(*words, "--output-file", "report")
    assert (answer.code, answer.out) == (1, "")
    assert (dev / "report").read_text() == answer.err
    assert answer.err.count("SS0208") == 1


@pytest.mark.parametrize("more", [["--out", "same"], ["--comment", "same", "-o", "github"]])
def test_a_plan_and_its_report_are_two_files(more: list[str], dev: Path, ask: Ask) -> None:
    answer = ask("plan", *more, "--output-file", "./same")
    assert (answer.code, "SS0901" in (dev / "same").read_text()) == (1, True)
