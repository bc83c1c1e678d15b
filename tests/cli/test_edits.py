"""Commands that change manifests: refused as a whole where that would make them wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Ask

SHARED = """\
apiVersion: stackspec.dev/v1
kind: Component
metadata: {name: shared}
spec: {type: log_store, flavor: local, config: {path: ./logs}}
---
apiVersion: stackspec.dev/v1
kind: Component
metadata: {name: alone}
spec: {type: log_store, flavor: local, config: {path: ./alone}}
---
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: other}
spec:
  components:
    orchestrator: {flavor: local, config: {work_dir: ./w}}
    artifact_store: {flavor: local, config: {path: ./a2}}
    log_store: shared
---
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: third}
spec:
  components:
    orchestrator: {flavor: local, config: {work_dir: ./w3}}
    artifact_store: {flavor: local, config: {path: ./a3}}
    log_store: shared
"""


@pytest.fixture
def project(dev: Path) -> Path:
    (dev / "stacks" / "more.yaml").write_text(SHARED)
    return dev


def texts(root: Path) -> dict[str, str]:
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("*.yaml")}


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("stack register dev orchestrator=local artifact_store=local", "SS0401 the stack 'dev' is declared already"),
        ("stack register Bad orchestrator=local", "SS0206 "),
        ("stack register new orchestrator=lokal", "SS0402 'lokal' is neither a Component nor a flavor of orchestrator"),
        ("stack register new orchestrater=local", "SS0207 unknown component type 'orchestrater'"),
        ("stack register new orchestrator", "SS0901 'orchestrator' is not TYPE=COMPONENT"),
        ("stack register new orchestrator=local orchestrator=local", "SS0405 a stack has one orchestrator"),
        ("stack register new orchestrator.work_dir=./x", "SS0901 'orchestrator.work_dir' configures nothing"),
        ("stack register new log_store=shared log_store.path=./x", "SS0412 the Component log_store/shared is not"),
        ("stack register new orchestrator=local", "SS0404 the stack 'new' has no artifact_store"),
        ("stack update nope log_store=shared", "SS0502 there is no stack 'nope'"),
        ("stack update dev --remove alerter", "SS0502 the stack 'dev' has no alerter"),
        ("stack update dev --remove orchestrator", "SS0404 the stack 'dev' has no orchestrator"),
        ("stack copy dev other", "SS0401 the stack 'other' is declared already"),
        ("stack rename dev other", "SS0401 the stack 'other' is declared already"),
        ("stack delete nope", "SS0502 there is no stack 'nope'"),
        ("stack set nope", "SS0502 there is no stack 'nope'"),
        ("stack get", "SS0502 no stack is the active one, and there are 3"),
        ("up", "SS0502 no stack is the active one, and there are 3"),
        ("up log_store/nope --yes", "SS0502 there is no component log_store/nope"),
        ("down log_store/shared --yes", "SS0502 there is no component log_store/shared"),
        ("log-store register shared --flavor local path=./x", "SS0401 the component log_store/shared is declared"),
        ("log-store register new path=./x", "SS0901 --flavor is required"),
        ("log-store register new --flavor lokal", "SS0208 log_store has no flavor 'lokal'"),
        ("log-store register new --flavor local pat=./x", "SS0203 log_store local has no field 'pat'"),
        ("log-store update shared path=./a2/logs", "SS0409 "),
        ("log-store update shared path=../out", "SS0406 "),
        ("log-store register new --flavor local delete_data=perhaps", "SS0205 "),
        ("log-store update shared --remove delete_data", "SS0203 'shared' does not set 'config.delete_data'"),
        ("log-store update shared path.deep=1", "SS0203 there is nothing at 'config.path.deep' to change"),
        ("log-store update shared path[0]=z", "SS0203 there is nothing at 'config.path[0]' to change"),
        ("log-store update shared --remove path[0]", "SS0203 'shared' does not set 'config.path[0]'"),
        ("log-store copy nope new", "SS0502 there is no log_store 'nope'"),
        ("log-store delete shared", "SS0412 log_store/shared is in use"),
        ("orchestrator delete other", "SS0412 orchestrator/other is declared in the stack 'other' itself"),
        ("flavor register no.such.module", "SS0211 "),
        ("alerter flavor register no.such.module", "SS0211 "),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(command: str, told: str, project: Path, ask: Ask) -> None:
    before = texts(project)
    answer = ask(*command.split(), "-o", "json") if "set" not in command.split() else ask(*command.split())
    assert answer.code == 1
    code, _, message = told.partition(" ")
    said = [f"{one['code']} {one['message']}" for one in answer.json["diagnostics"]] if answer.out else [answer.err]
    assert any(code in one and message in one for one in said), said
    assert texts(project) == before


@pytest.mark.parametrize(
    "command",
    [
        "stack register new orchestrator=local artifact_store=local artifact_store.path=./n log_store=shared",
        "stack copy other new --dry-run",
        "stack rename other new",
        "stack update dev log_store=shared --description Laptop",
        "stack delete third --recursive",
        "log-store update shared delete_data=true",
        "log-store register new --flavor local path=./n",
        "log-store delete alone",
        "orchestrator update other work_dir=./w2",
    ],
)
def test_what_is_written_is_what_was_shown(command: str, project: Path, ask: Ask) -> None:
    before = texts(project)
    dry = ask(*command.split(), "--dry-run", "-o", "json")
    assert texts(project) == before
    if "--recursive" not in command and "copy" not in command:
        done = ask(*command.split(), "-o", "json")
        assert (done.code, done.json["diff"]) == (0, dry.json["diff"])
        assert done.json["written"] is True
        assert set(done.json["files"]) == {
            file for file in {**before, **texts(project)} if before.get(file) != texts(project).get(file)
        }
        assert ask("validate").code == 0


def test_recursive_deletion_keeps_what_others_share(project: Path, ask: Ask) -> None:
    assert ask("stack", "update", "third", "metadata_store=sqlite", "metadata_store.path=./m.db").code == 0
    assert ask("stack", "delete", "third", "--recursive").code == 0
    assert ask("log-store", "list", "-o", "json").json["components"][1]["address"] == "log_store/shared"
    assert ask("stack", "update", "dev", "log_store=alone").code == 0
    assert ask("stack", "delete", "other", "--recursive").code == 0
    left = [one["address"] for one in ask("log-store", "list", "-o", "json").json["components"]]
    assert left == ["log_store/alone"]


def test_a_secret_is_not_taken_from_the_command_line(project: Path, ask: Ask) -> None:
    command = ["experiment-tracker", "register", "m", "--flavor", "secretive", "password=hunter2"]
    answer = ask(*command)
    assert answer.code == 1
    assert "hunter2" not in answer.out + answer.err


def test_the_active_stack_is_remembered_and_kept(project: Path, ask: Ask) -> None:
    assert ask("stack", "set", "other").code == 0
    assert ask("stack", "get").out == "other\n"
    refused = ask("stack", "delete", "other")
    assert (refused.code, "SS0412" in refused.err) == (1, True)
    assert ask("stack", "rename", "other", "mine").code == 0
    assert ask("stack", "get").out == "mine\n"
    assert [one["name"] for one in ask("stack", "list", "-o", "json").json["stacks"] if one["active"]] == ["mine"]


def test_renaming_a_stack_makes_nothing_anew(project: Path, ask: Ask) -> None:
    assert ask("apply", "--yes").code == 0
    assert ask("stack", "rename", "other", "mine").code == 0
    summary = ask("plan", "-o", "json").json["summary"]
    assert {action: count for action, count in summary.items() if count and action != "no-op"} == {}


def test_down_leaves_what_another_stack_uses(project: Path, ask: Ask) -> None:
    assert ask("up", "other", "--yes").code == 0
    assert ask("stack", "up", "third", "--yes").code == 0
    for words in ((), ("--deprovision",)):
        answer = ask("down", "other", *words, "--yes")
        assert answer.code == 0
        assert "Left as it is, for another stack uses it: log_store/shared." in answer.err
    left = ask("state", "list").out
    assert "log_store/shared" in left
    assert "orchestrator/other" not in left


def test_a_stack_is_checked_by_itself(project: Path, ask: Ask) -> None:
    (project / "stacks" / "broken.yaml").write_text(
        "apiVersion: stackspec.dev/v1\nkind: Stack\nmetadata: {name: broken}\nspec: {components: {orchestrator: 3}}\n"
    )
    assert ask("validate").code == 1
    assert ask("stack", "validate", "other").code == 0
    answer = ask("stack", "validate", "broken", "-o", "json")
    assert (answer.code, answer.json["valid"]) == (1, False)
    assert {one["source"]["file"] for one in answer.json["diagnostics"]} == {"stacks/broken.yaml"}


@pytest.mark.parametrize(
    "file", ["../out.yaml", "/tmp/x.yaml", "README.md", "other/x.yaml", "stacks/x.txt", "stacks/.x.yaml"]
)
def test_nothing_is_written_where_it_is_not_read(file: str, project: Path, ask: Ask) -> None:
    (project / "README.md").write_text("ours")
    answer = ask("log-store", "register", "n", "--flavor", "local", "path=./n", "--to", file)
    assert (answer.code, "SS0901" in answer.err) == (1, True)
    assert (project / "README.md").read_text() == "ours"


def test_a_file_is_added_to_by_whatever_name(project: Path, ask: Ask) -> None:
    assert ask("log-store", "register", "n", "--flavor", "local", "path=./n", "--to", "./stacks/more.yaml").code == 0
    assert (project / "stacks" / "more.yaml").read_text().startswith(SHARED)


def test_what_stands_where_it_would_be_written_is_not_lost(project: Path, ask: Ask) -> None:
    (project / "stackspec.yaml").write_text(
        "apiVersion: stackspec.dev/v1\nkind: Project\nspec: {manifests: [stacks/dev.yaml, stacks/more.yaml, later]}\n"
    )
    (project / "later").mkdir()
    hidden = project / "later" / "n.yaml"
    (project / "elsewhere.yaml").write_text("theirs: true\n")
    hidden.symlink_to(project / "elsewhere.yaml")
    answer = ask("log-store", "register", "n", "--flavor", "local", "path=./n", "--to", "later/n.yaml")
    assert answer.code == 1
    assert (project / "elsewhere.yaml").read_text() == "theirs: true\n"


ALIAS = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./a}}
    alerter:
      - {name: one, flavor: external, config: &u {uri: "https://one"}}
      - {name: two, flavor: external, config: *u}
"""
READS = """\
    log_store: {{flavor: artifact, config: {{uri: "{{{{ {}.outputs.uri }}}}"}}}}
"""
TAIL = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store:
      flavor: local
      config:
        path: ./a
        delete_data: true
    # of the platform team
"""


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (ALIAS, "alerter update two uri=https://two"),
        (ALIAS, "alerter update one uri=https://two"),
        (TAIL, "artifact-store update dev --remove delete_data"),
        (TAIL.replace("orchestrator: {", "orchestrator:\t{"), "artifact-store update dev path=./b"),
        (TAIL.replace("./a", '"./{{ stack.name }}"'), "stack rename dev prod"),
        (TAIL.replace("./a", "\"./{{ stack['name'] | upper }}\""), "stack rename dev prod"),
        (TAIL + READS.format("components['artifact_store/dev']"), "stack copy dev prod"),
    ],
    ids=[
        "an alias",
        "what an alias names",
        "a comment beside it",
        "a tab",
        "its own name",
        "its name otherwise",
        "its own component",
    ],
)
def test_what_a_command_would_change_beside_is_left_to_a_hand(text: str, command: str, dev: Path, ask: Ask) -> None:
    file = dev / "stacks" / "dev.yaml"
    file.write_text(text)
    assert ask("validate").code == 0
    answer = ask(*command.split())
    assert (answer.code, "error[SS0413]" in answer.err) == (1, True), answer.err
    assert file.read_text() == text


def test_what_has_aliases_is_changed_elsewhere(dev: Path, ask: Ask) -> None:
    file = dev / "stacks" / "dev.yaml"
    file.write_text(ALIAS)
    assert ask("artifact-store", "update", "dev", "path=./b").code == 0
    assert file.read_text() == ALIAS.replace("./a", "./b")


def test_ends_of_lines_and_permissions_stay(dev: Path, ask: Ask) -> None:
    file = dev / "stacks" / "dev.yaml"
    before = b"\xef\xbb\xbf" + TAIL.replace("    # of the platform team\n", "").replace("\n", "\r\n").encode()
    file.write_bytes(before)
    file.chmod(0o664)
    assert ask("artifact-store", "update", "dev", "path=./b").code == 0
    assert file.read_bytes() == before.replace(b"./a", b"./b")
    assert ask("log-store", "register", "n", "--flavor", "local", "path=./n", "--to", "stacks/dev.yaml").code == 0
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n")
    assert file.stat().st_mode & 0o777 == 0o664


def test_a_copy_stands_on_components_of_its_own(dev: Path, ask: Ask) -> None:
    text = (
        TAIL
        + READS.format("components.artifact_store")
        + "    image_builder: {flavor: local, depends_on: [log_store/dev]}\n"
    )
    (dev / "stacks" / "dev.yaml").write_text(text)
    assert ask("stack", "copy", "dev", "prod", "artifact_store.path=./b").code == 0
    assert ask("stack", "delete", "dev").code == 0
    assert ask("validate").code == 0


def test_a_name_that_is_only_a_word_is_no_expression(dev: Path, ask: Ask) -> None:
    (dev / "stacks" / "dev.yaml").write_text(TAIL.replace("./a", "./stack.name"))
    assert ask("stack", "rename", "dev", "prod").code == 0


LISTS = """\
apiVersion: stackspec.dev/v1
kind: Component
metadata: {name: api}
spec:
  type: model_deployer
  flavor: process
  config: {command: [a, b, c, d]}
"""


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("--remove command[0] --remove command[1]", ["c", "d"]),
        ("--remove command[1] --remove command[3] --remove command[1]", ["a", "c"]),
        ("command[0]=z --remove command[3]", ["z", "b", "c"]),
    ],
)
def test_items_are_removed_by_the_numbers_that_they_have(words: str, left: list[str], dev: Path, ask: Ask) -> None:
    file = dev / "stacks" / "api.yaml"
    file.write_text(LISTS)
    answer = ask("model-deployer", "update", "api", *words.split())
    assert answer.code == 0, answer.err
    assert ask("model-deployer", "describe", "api", "-o", "json").json["config"]["command"] == left


@pytest.mark.parametrize("text", ["1e3", "0o17", "no", "0x1F", "~", "2026-01-01", "on"])
def test_text_stays_text(text: str, project: Path, ask: Ask) -> None:
    assert ask("log-store", "register", "n", "--flavor", "local", f"path={text}").code == 0
    assert ask("log-store", "describe", "n", "-o", "json").json["config"] == {"path": text}


def test_nobodys_work_is_lost(project: Path) -> None:
    from stackspec.core.diagnostic import StackspecError
    from stackspec.edit.components import update
    from stackspec.editing import Editing
    from stackspec.project import Project

    editing = Editing(Project.open(project))
    files, _ = editing.check(update(editing.catalogue, "log_store", "shared", [(("path",), "./other")]))
    (project / "stacks" / "more.yaml").write_text(SHARED + "# meanwhile\n")
    with pytest.raises(StackspecError, match="changed meanwhile"):
        editing.write(files)
    assert (project / "stacks" / "more.yaml").read_text() == SHARED + "# meanwhile\n"


def test_the_same_mistake_twice_is_one_more(dev: Path, ask: Ask) -> None:
    wrong = "apiVersion: stackspec.dev/v1\nkind: Stack\nmetadata: {name: NAME}\nspec: {components: {orchestrator: 3}}\n"
    (dev / "stacks" / "wrong.yaml").write_text(wrong.replace("NAME", "wrong"))
    assert ask("stack", "register", "new", "orchestrator=local").code == 1


def test_an_active_stack_that_went_is_told(project: Path, ask: Ask) -> None:
    assert ask("stack", "set", "dev").code == 0
    (project / "stacks" / "dev.yaml").unlink()
    answer = ask("down", "--yes")
    assert (answer.code, "the active stack 'dev' is declared no more" in answer.err) == (1, True)


def test_up_looks_at_what_it_brings_up_and_at_nothing_else(project: Path, ask: Ask) -> None:
    assert ask("apply", "--yes").code == 0
    shutil.rmtree(project / "artifacts")
    shutil.rmtree(project / "a2")
    assert ask("up", "dev", "--yes").code == 0
    assert (project / "artifacts").is_dir()
    assert not (project / "a2").exists()


def test_a_copy_has_paths_of_its_own(project: Path, ask: Ask) -> None:
    assert "SS0409" in ask("stack", "copy", "other", "fourth").err
    own = ["orchestrator.work_dir=./w4", "artifact-store.path=./a4"]
    assert ask("stack", "copy", "other", "fourth", *own).code == 0
    assert ask("validate").code == 0
    assert ask("stack", "copy", "other", "fifth", "log_store.path=./l").code == 1
    assert ask("stack", "copy", "other", "fifth", "artifact_store=./l").code == 1
