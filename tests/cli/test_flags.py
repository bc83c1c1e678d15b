"""Flags, variables and exit codes."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import pytest

from stackspec.cli.commands import COMMANDS
from tests.cli.conftest import Ask
from tests.cli.hostile import STACK

ENVIRONMENTS = "".join(
    f"---\napiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {{name: {name}}}\nspec: {{protected: {safe}}}\n"
    for name, safe in (("laptop", "false"), ("prod", "true"))
)


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", [*COMMANDS, "state", ""])
def test_help(command: str, flag: str, ask: Ask) -> None:
    answer = ask(*command.split(), flag)
    assert (answer.code, answer.err) == (0, "")
    assert f"stackspec {command}".strip() in answer.out.replace("\n", " ")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_a_usage_error(command: str, dev: Path, ask: Ask) -> None:
    answer = ask(*command.split(), "--nope")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("error[SS0901]: ")
    assert "--nope" in answer.err
    assert f"help: see 'stackspec {command} --help'" in answer.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plna"], "plna"),
        (["state", "lsit"], "lsit"),
        (["state", "show"], "ADDRESS"),
        (["reconcile", "-e", "prod", "suspend", "--reason", "so"], "options stand behind 'suspend'"),
        (["plan", "extra"], "extra"),
        (["plan", "-o", "xml"], "xml"),
        (["plan", "-o"], "-o"),
        (["plan", "--output="], "output"),
        (["apply", "--parallelism", "0"], "parallelism"),
        (["apply", "--parallelism", "many"], "many"),
        (["apply", "--parallelism", "-1"], "parallelism"),
        (["apply", "--parallelism", "99999999999999999999"], "parallelism"),
        (["apply", "--yes=maybe"], "--yes"),
        (["-C", "no-such-folder", "plan"], "no-such-folder"),
        (["-C", "stacks/dev.yaml", "plan"], "stacks/dev.yaml"),
        (["schema", "nope"], "nope"),
        (["--nope", "plan"], "--nope"),
    ],
)
def test_usage_errors(arguments: list[str], told: str, dev: Path, ask: Ask) -> None:
    answer = ask(*arguments)
    assert (answer.code, answer.out) == (1, "")
    assert "error[SS0901]: " in answer.err
    assert told in answer.err
    assert "Traceback" not in answer.err
    assert not (dev / ".stackspec").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plan", "-q"], "stackspec -q plan"),
        (["state", "list", "--chdir", "x"], "stackspec --chdir DIR state list"),
    ],
)
def test_options_that_stand_before_the_command(arguments: list[str], told: str, dev: Path, ask: Ask) -> None:
    assert f"help: it stands before the command: {told}\n" in ask(*arguments).err


def test_no_command_shows_the_help(ask: Ask) -> None:
    answer = ask()
    assert answer.code == 1
    assert "Usage: stackspec" in answer.out + answer.err


def test_detailed_exit_codes(dev: Path, ask: Ask) -> None:
    assert ask("plan").code == 0
    assert ask("plan", "--detailed-exitcode").code == 2
    assert ask("apply", "--yes").code == 0
    assert ask("plan", "--detailed-exitcode").code == 0
    assert ask("plan", "--destroy", "--detailed-exitcode").code == 2
    (dev / "stacks" / "dev.yaml").write_text("[")
    assert ask("plan", "--detailed-exitcode").code == 1


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_without_a_terminal_yes_is_needed(command: str, applied: Path, ask: Ask) -> None:
    (applied / "stacks" / "dev.yaml").write_text(STACK.replace("./artifacts", "./moved"))
    answer = ask(command)
    assert answer.code == 1
    assert "error[SS0603]" in answer.err
    assert "--yes" in answer.err
    assert not (applied / "moved").exists()
    assert (applied / "artifacts").is_dir()


@pytest.mark.parametrize("flag", ["--yes", "-y", "--auto-approve"])
def test_three_words_for_yes(flag: str, dev: Path, ask: Ask) -> None:
    assert ask("apply", flag).code == 0
    assert (dev / "artifacts").is_dir()


def test_nothing_to_do_needs_no_yes(applied: Path, ask: Ask) -> None:
    answer = ask("apply")
    assert (answer.code, answer.err) == (0, "")
    assert "No changes" in answer.out


def test_empty_manifests_do_not_delete_what_is_applied(applied: Path, ask: Ask) -> None:
    (applied / "stacks" / "dev.yaml").unlink()
    for arguments in (["plan"], ["apply", "--yes"]):
        answer = ask(*arguments)
        assert answer.code == 1
        assert "error[SS0503]" in answer.err
    assert (applied / "artifacts").is_dir()
    assert ask("apply", "--yes", "--allow-empty").code == 0
    assert not (applied / "artifacts").exists()


def test_a_protected_environment_needs_its_name(dev: Path, ask: Ask) -> None:
    (dev / "stackspec.yaml").write_text(ENVIRONMENTS)
    for arguments in (["--yes"], ["--yes", "--approve", "laptop"]):
        answer = ask("apply", "-e", "prod", *arguments)
        assert answer.code == 1
        assert "error[SS0605]" in answer.err
        assert ("'laptop'" in answer.err) == ("laptop" in arguments)
    assert ask("apply", "-e", "laptop", "--yes", "--target", "orchestrator/dev").code == 0
    assert ask("apply", "-e", "prod", "--yes", "--approve", "prod").code == 0
    assert ask("destroy", "-e", "prod", "--yes").code == 1


@pytest.mark.parametrize(
    ("variables", "arguments", "code", "told"),
    [
        ({"STACKSPEC_OUTPUT": "json"}, ["plan"], 0, '"format_version"'),
        ({"STACKSPEC_DETAILED_EXITCODE": "1"}, ["plan"], 2, "2 to create"),
        ({"STACKSPEC_YES": "true"}, ["apply"], 0, "2 created"),
        ({"STACKSPEC_TARGET": "orchestrator/dev"}, ["plan"], 0, "1 to create"),
        ({"STACKSPEC_TARGET": "orchestrator/dev artifact_store/dev"}, ["plan"], 0, "2 to create"),
        ({"STACKSPEC_ENVIRONMENT": "prodd"}, ["plan"], 1, "error[SS0407]"),
        ({"STACKSPEC_STACK": "nope"}, ["plan"], 1, "error[SS0502]"),
        ({"STACKSPEC_FILE": "nope.yaml"}, ["plan"], 1, "error[SS0111]"),
        ({"STACKSPEC_CHDIR": "/no-such-folder"}, ["plan"], 1, "error[SS0901]"),
        ({"STACKSPEC_PARALLELISM": "many"}, ["apply", "--yes"], 1, "error[SS0901]"),
        ({"STACKSPEC_OUTPUT": "xml"}, ["plan"], 1, "error[SS0901]"),
        ({"STACKSPEC_OUTPUT": "json"}, ["plan", "-o", "text"], 0, "2 to create"),
        ({"STACKSPEC_NOPE": "x"}, ["plan"], 0, "2 to create"),
    ],
)
def test_flags_from_process_variables(
    variables: dict[str, str],
    arguments: list[str],
    code: int,
    told: str,
    dev: Path,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    answer = ask(*arguments)
    assert answer.code == code, answer
    assert told in answer.out + answer.err


def test_chdir_starts_elsewhere(dev: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert "error[SS0112]" in ask("plan").err
    assert ask("-C", str(dev), "plan").code == 0
    assert ask("--chdir", str(dev / "stacks"), "plan").code == 0
    assert ask(f"--chdir={dev}", "validate").code == 0


@pytest.mark.parametrize("own", [STACK.replace("local}", "locl}"), STACK.replace("components", "componets"), None])
def test_manifests_from_standard_input(own: str | None, dev: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    if own is None:
        (dev / "stackspec.yaml").touch()
        shutil.rmtree(dev / "stacks")
    else:
        (dev / "stacks" / "dev.yaml").write_text(own)

    def given(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    given(STACK)
    assert ask("plan", "-f", "-").code == 0
    given(STACK.replace("local}", "locl}"))
    answer = ask("validate", "--file", "-")
    assert answer.code == 1
    assert "--> <stdin>:6:28" in answer.err
    assert "6 |     orchestrator: {flavor: locl}" in answer.err


def test_manifests_from_files(dev: Path, ask: Ask, tmp_path: Path) -> None:
    for name in ("one", "two"):
        text = STACK.replace("name: dev", f"name: {name}").replace("./artifacts", f"./{name}")
        (dev / f"{name}.yaml").write_text(text)
    assert "4 to create" in ask("plan", "-f", "one.yaml", "-f", "two.yaml").out
    assert "error[SS0111]" in ask("plan", "-f", "three.yaml").err


def test_validate_reports_only_the_files_named(dev: Path, ask: Ask) -> None:
    (dev / "stacks" / "bad.yaml").write_text("kind: Stak\n")
    assert ask("validate", "stacks/dev.yaml").code == 0
    answer = ask("validate", "stacks/bad.yaml")
    assert answer.code == 1
    assert answer.err.count("error[") == 1
    assert ask("validate").code == 1


def test_quiet_tells_only_errors(dev: Path, ask: Ask) -> None:
    spare = "apiVersion: stackspec.dev/v1\nkind: Component\nmetadata: {name: spare}\n"
    (dev / "stacks" / "spare.yaml").write_text(spare + "spec: {type: log_store, flavor: local, config: {path: ./l}}\n")
    assert "warning[SS0408]" in ask("validate").err
    assert ask("-q", "validate").err == ""
    answer = ask("--quiet", "apply", "--yes")
    assert (answer.code, answer.err) == (0, "")
    (dev / "stacks" / "dev.yaml").write_text("kind: Stak\n")
    assert "error[SS0202]" in ask("-q", "validate").err


def test_schemas(dev: Path, ask: Ask) -> None:
    assert ask("schema").json["title"] == "A stackspec manifest"
    assert ask("schema", "Stack").json["title"] == "Stack"
    assert ask("schema", "artifact_store/local").json["title"] == "artifact_store local"
    answer = ask("schema", "--write", "out")
    assert answer.code == 0
    assert (dev / "out" / "flavors" / "artifact_store" / "local.schema.json").is_file()
    (dev / "taken").write_text("")
    assert "error[SS0902]" in ask("schema", "--write", "taken").err


def test_init_makes_a_project_that_plans_and_applies(tmp_path: Path, ask: Ask) -> None:
    assert ask("init", str(tmp_path / "new")).code == 0
    assert ask("-C", str(tmp_path / "new"), "validate").code == 0
    assert ask("-C", str(tmp_path / "new"), "apply", "--yes").code == 0
    answer = ask("init", str(tmp_path / "new"))
    assert answer.code == 1
    assert "error[SS0903]" in answer.err
