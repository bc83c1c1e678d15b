"""Plans of what a branch can affect."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stackspec.stack.resolve import resolve
from tests.cli.conftest import Ask

FILES = {
    "stackspec.yaml": """\
apiVersion: stackspec.dev/v1
kind: Environment
metadata: {name: dev}
spec: {vars: {data: ./data, level: info}}
""",
    "stacks/fraud.yaml": """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: fraud, labels: {team: fraud}}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: "{{ vars.data }}/fraud"}}
    metadata_store: shared
""",
    "stacks/search.yaml": """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: search, labels: {team: search}}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./search}}
    log_store: {flavor: artifact, config: {uri: "{{ components.artifact_store.outputs.uri }}/logs"}}
    metadata_store: shared
""",
    "stacks/shared.yaml": """\
apiVersion: stackspec.dev/v1
kind: Component
metadata: {name: shared}
spec: {type: metadata_store, flavor: sqlite, config: {path: ./shared.db}}
""",
    "stacks/policies.yaml": """\
apiVersion: stackspec.dev/v1
kind: Policy
metadata: {name: teams}
spec:
  match: {labels: {team: search}}
  require: {properties: {labels: {required: [team]}}}
""",
}
ALL = {
    *(f"{kind}/{stack}" for stack in ("fraud", "search") for kind in ("orchestrator", "artifact_store")),
    "log_store/search",
    "metadata_store/shared",
}
OF_SEARCH = {one for one in ALL if one.endswith("/search")}


def git(root: Path, *words: str, given: bytes = b"") -> str:
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"]
    allowed = ["-c", "protocol.file.allow=always"]
    done = subprocess.run(
        ["git", "-C", str(root), *who, *allowed, *words], check=True, capture_output=True, input=given
    )
    return done.stdout.decode()


def commit(root: Path, message: str = "change") -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)


@pytest.fixture
def branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone in a branch that has nothing of its own yet; main has gone on since."""
    root = tmp_path / "clone"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "--quiet")
    commit(root, "first")
    git(root, "checkout", "--quiet", "-b", "feature")
    git(root, "checkout", "--quiet", "main")
    (root / "stacks" / "search.yaml").write_text(FILES["stacks/search.yaml"].replace("./search", "./meanwhile"))
    commit(root, "meanwhile")
    git(root, "checkout", "--quiet", "feature")
    monkeypatch.chdir(root)
    return root


def planned(ask: Ask, *more: str) -> set[str]:
    answer = ask("plan", "--changed-since", "main", "-o", "json", "--all", *more)
    assert answer.code == 0, answer.out + answer.err
    document = answer.json
    assert document["since"]["revision"] == "main"
    changed = {change["address"] for change in document["changes"] if change["reason"] != "not selected"}
    left = set(document["since"]["left_out"]["components"])
    assert not changed & left
    return changed


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("stacks/search.yaml", "{flavor: local}", "\n      flavor: local  # here", set()),
        ("stacks/fraud.yaml", "/fraud", "/other", {"artifact_store/fraud"}),
        ("stacks/search.yaml", "./search", "./other", {"artifact_store/search", "log_store/search"}),
        ("stacks/search.yaml", "/logs", "/log", {"artifact_store/search", "log_store/search"}),
        ("stacks/shared.yaml", "./shared", "./other", {"metadata_store/shared"}),
        ("stackspec.yaml", "./data", "./elsewhere", {"artifact_store/fraud"}),
        ("stackspec.yaml", "level: info", "level: debug", set()),
        (
            "stacks/fraud.yaml",
            "team: fraud",
            "team: risk",
            {"orchestrator/fraud", "artifact_store/fraud"},
        ),
        (
            "stacks/policies.yaml",
            "required: [team]",
            "minProperties: 1",
            OF_SEARCH,
        ),
        ("stacks/policies.yaml", "name: teams", "name: others", OF_SEARCH),
    ],
)
def test_what_an_edit_can_affect_is_planned(
    file: str, old: str, new: str, expected: set[str], branch: Path, ask: Ask
) -> None:
    assert old in FILES[file]
    (branch / file).write_text(FILES[file].replace(old, new, 1))
    assert planned(ask) == expected
    commit(branch)
    assert planned(ask) == expected


def test_nothing_is_planned_where_files_were_only_moved(branch: Path, ask: Ask) -> None:
    (branch / "stacks" / "more").mkdir()
    (branch / "stacks" / "fraud.yaml").rename(branch / "stacks" / "more" / "risk.yml")
    answer = ask("plan", "--changed-since", "main")
    assert answer.code == 0
    first = git(branch, "rev-parse", "HEAD")[:12]
    told = f"Only what differs since main ({first}) is planned; left out: 6 components, and all of 2 stacks.\n"
    assert answer.out.endswith(told)


def test_what_is_gone_is_removed_and_the_rest_left(branch: Path, ask: Ask) -> None:
    assert ask("apply", "--yes").code == 0
    (branch / "stacks" / "search.yaml").unlink()
    (branch / "stacks" / "policies.yaml").unlink()
    answer = ask("plan", "--changed-since", "main", "-o", "json")
    assert {one["address"]: one["action"] for one in answer.json["changes"]} == dict.fromkeys(OF_SEARCH, "delete")
    assert (
        answer.json["since"]["left_out"]
        == {
            "components": ["artifact_store/fraud", "orchestrator/fraud"],
            "stacks": ["fraud"],
        }
        or answer.json["since"]["left_out"]["stacks"] == []
    )
    assert ask("plan", "--changed-since", "main", "--out", "saved").code == 0
    assert ask("apply", "saved").code == 0
    assert planned(ask) == {"metadata_store/shared"}


def test_files_that_a_config_names_count(branch: Path, ask: Ask) -> None:
    text = FILES["stacks/fraud.yaml"] + "    feature_store: {flavor: terraform, config: {module: ./modules/features}}\n"
    git(branch, "checkout", "--quiet", "-B", "main", "feature")
    (branch / "stacks" / "fraud.yaml").write_text(text)
    (branch / "modules" / "features").mkdir(parents=True)
    (branch / "modules" / "features" / "main.tf").write_text("# one\n")
    commit(branch)
    git(branch, "checkout", "--quiet", "-B", "feature")
    assert planned(ask) == set()
    (branch / "modules" / "features" / "main.tf").write_text("# two\n")
    commit(branch)
    assert planned(ask) == {"feature_store/fraud"}


@pytest.mark.parametrize(
    ("path", "links", "touched"),
    [
        ("./cur", {"cur": "sets/v1"}, "sets/v1/x"),
        ("./cur", {"cur": "next", "next": "sets/v1"}, "sets/v1/x"),
        ("./cur/x", {"cur": "sets/v1"}, "sets/v1/x"),
        ("./cur", {"cur": "sets/v1"}, "cur -> sets/v2"),
        ("./cur/x", {"cur": "sets/v1"}, "cur -> sets/v2"),
        ("./cur", {"cur": "next", "next": "sets/v1"}, "next -> sets/v2"),
        ("./cur", {"cur": "sets/v1"}, "sets -> other"),
        ("{root}/sets/v1", {}, "sets/v1/x"),
        ("{root}/cur", {"cur": "{root}/sets/v1"}, "sets/v1/x"),
        ("{beside}/sets", {}, "sets/v1/x"),
        ("{beside}/sets", {}, "sets/new"),
        ("{beside}/cur", {"cur": "sets/v1"}, "sets/v1/x"),
        ("./sets/v1", {"sets/v1/part": "../../other"}, "other/v1/x"),
        ("./sets/v1", {"sets/v1/part": "../v2", "sets/v2/y": "../../other/v1/x"}, "other/v1/x"),
        ("./sets/v1", {"sets/v1/part": "part"}, "sets/v1/x"),
    ],
)
@pytest.mark.parametrize("beside", [False, True], ids=["behind", "beside"])
def test_files_behind_links_count(
    path: str, links: dict[str, str], touched: str, beside: bool, branch: Path, tmp_path: Path, ask: Ask
) -> None:
    where = {"root": branch, "beside": tmp_path / "beside"}
    (tmp_path / "beside").symlink_to("clone")
    for place in ("sets/v1/x", "sets/v2/x", "other/v1/x"):
        (branch / place).parent.mkdir(parents=True, exist_ok=True)
        (branch / place).write_text("one\n")
    for link, target in links.items():
        (branch / link).symlink_to(target.format(**where))
    project = "apiVersion: stackspec.dev/v1\nkind: Project\nspec: {{allowed_paths: ['{root}', '{beside}']}}\n---\n"
    (branch / "stackspec.yaml").write_text(project.format(**where) + FILES["stackspec.yaml"])
    module = f"    feature_store: {{flavor: terraform, config: {{module: {path.format(**where)}}}}}\n"
    (branch / "stacks" / "fraud.yaml").write_text(FILES["stacks/fraud.yaml"] + module)
    based_on(branch)
    assert planned(ask) == set()
    place, _, target = ("x" if beside else touched).partition(" -> ")
    if target and (branch / place).is_symlink():
        (branch / place).unlink()
    elif target:
        (branch / place).rename(branch / "gone")
    if target:
        (branch / place).symlink_to(target)
    else:
        (branch / place).write_text("two\n")
    commit(branch)
    assert planned(ask) == (set() if beside else {"feature_store/fraud"})


def test_where_the_past_is_wrong_everything_is_planned(branch: Path, ask: Ask) -> None:
    git(branch, "checkout", "--quiet", "-B", "main", "feature")
    (branch / "stacks" / "fraud.yaml").write_text(FILES["stacks/fraud.yaml"].replace("flavor: local", "flavor: locl"))
    commit(branch)
    git(branch, "checkout", "--quiet", "-B", "feature")
    (branch / "stacks" / "fraud.yaml").write_text(FILES["stacks/fraud.yaml"])
    assert planned(ask) == ALL
    assert "warning[SS1204]" in ask("plan", "--changed-since", "main").err


def test_an_environment_or_a_project_that_is_new_is_planned(branch: Path, ask: Ask) -> None:
    text = FILES["stackspec.yaml"]
    (branch / "stackspec.yaml").write_text(f"{text}---\n{text.replace('name: dev', 'name: prod')}")
    assert planned(ask, "-e", "prod") == ALL
    assert planned(ask, "-e", "dev") == set()
    git(branch, "checkout", "--quiet", "--orphan", "empty")
    git(branch, "rm", "--quiet", "--cached", "-r", "--force", ".")
    git(branch, "commit", "--quiet", "--allow-empty", "--message", "nothing")
    git(branch, "branch", "--force", "main")
    commit(branch)
    assert planned(ask, "-e", "dev") == ALL


def based_on(branch: Path) -> None:
    """Commit what there is as main, and go on from there in the branch."""
    commit(branch, "base")
    git(branch, "branch", "--force", "main")


def removed(ask: Ask) -> set[str]:
    answer = ask("plan", "--changed-since", "main", "-o", "json")
    assert answer.code == 0, answer.out + answer.err
    return {one["address"] for one in answer.json["changes"] if one["action"] == "delete"}


@pytest.mark.parametrize(
    ("link", "target", "place"),
    [
        ("stacks/search.yaml", "../common/search.yaml", "common/search.yaml"),
        ("stacks/more", "../common", "common/search.yaml"),
        ("stacks/more", "../common/deep/../.", "common/search.yaml"),
        ("stacks/search.yaml", "more/../search.txt", "stacks/search.txt"),
        ("stacks/search.yaml", "{root}/common/search.yaml", "common/search.yaml"),
        ("stacks/search.yaml", "../../clone/common/search.yaml", "common/search.yaml"),
    ],
)
def test_what_links_led_to_is_removed_with_them(
    link: str, target: str, place: str, branch: Path, tmp_path: Path, ask: Ask
) -> None:
    for folder in ("common/deep", "stacks/more"):
        (branch / folder).mkdir(parents=True)
        (branch / folder / "notes.txt").write_text("here for git to keep the folder\n")
    (branch / "stacks" / "search.yaml").unlink()
    (branch / place).write_text(FILES["stacks/search.yaml"])
    if link == "stacks/more":
        (branch / link / "notes.txt").unlink()
        (branch / link).rmdir()
    (branch / link).symlink_to(target.format(root=branch))
    (branch / "stacks" / "README.md").symlink_to("../../README.md")
    assert ask("apply", "--yes").code == 0
    based_on(branch)
    assert planned(ask) == set()
    (branch / link).unlink()
    assert removed(ask) == OF_SEARCH
    commit(branch)
    assert removed(ask) == OF_SEARCH


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("stacks/search.yaml", "../unknown/search.yaml"),
        ("stacks/more", "../unknown"),
        ("stacks/more", "more"),
        ("stacks/more", "again"),
        ("stacks/more", "../../beside"),
    ],
)
def test_everything_counts_where_a_link_led_to_what_no_commit_has(
    link: str, target: str, branch: Path, tmp_path: Path, ask: Ask
) -> None:
    (branch / "stacks" / "search.yaml").unlink()
    (branch / link).symlink_to(target)
    based_on(branch)
    (branch / link).unlink()
    assert planned(ask) == {one for one in ALL if not one.endswith("/search")}
    assert "warning[SS1204]" in (told := ask("plan", "--changed-since", "main").err)
    assert f"{link}: it leads out of what the commit has of the project" in told


@pytest.mark.parametrize("folder", ["stacks/theirs", "stacks/theirs.d", "theirs"])
def test_everything_counts_where_manifests_were_in_a_submodule(
    folder: str, branch: Path, tmp_path: Path, ask: Ask
) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "more").mkdir(parents=True)
    (branch / "stacks" / "search.yaml").rename(theirs / "more" / "search.yaml")
    git(theirs, "init", "--quiet")
    commit(theirs)
    git(branch, "submodule", "--quiet", "add", theirs.as_uri(), folder)
    settings = "apiVersion: stackspec.dev/v1\nkind: Project\nspec: {manifests: [stacks, theirs/more]}\n---\n"
    if folder == "theirs":
        (branch / "stackspec.yaml").write_text(settings + FILES["stackspec.yaml"])
    assert ask("apply", "--yes").code == 0
    based_on(branch)
    git(branch, "rm", "--quiet", "-f", folder)
    (branch / "stackspec.yaml").write_text(FILES["stackspec.yaml"])
    assert removed(ask) == OF_SEARCH
    assert "warning[SS1204]" in ask("plan", "--changed-since", "main").err


def test_everything_counts_where_the_past_was_too_wrong_to_declare_the_environment(branch: Path, ask: Ask) -> None:
    assert ask("apply", "--yes").code == 0
    (branch / "stackspec.yaml").write_text(FILES["stackspec.yaml"].replace("spec:", "spec"))
    based_on(branch)
    (branch / "stackspec.yaml").write_text(FILES["stackspec.yaml"])
    (branch / "stacks" / "search.yaml").unlink()
    assert removed(ask) == OF_SEARCH
    assert "warning[SS1204]" in ask("plan", "--changed-since", "main").err


@pytest.mark.parametrize("name", ["{root}/victim.yaml", "stacks/../../victim.yaml", "..", ".git/victim.yaml", "", "/"])
def test_a_hostile_commit_has_no_file_written(name: str, branch: Path, tmp_path: Path, ask: Ask) -> None:
    """Git takes over any name that an entry of a tree has."""
    victims = [tmp_path / "victim.yaml", branch / ".git" / "victim.yaml"]
    for victim in victims:
        victim.write_text("mine\n")
    content = bytes.fromhex(git(branch, "hash-object", "-w", "--stdin", given=b"theirs\n"))
    mode, inside = b"100644", content
    if name == "..":
        inner = b"100644 victim.yaml\0" + content
        write = ("hash-object", "--literally", "-t", "tree", "-w", "--stdin")
        mode, inside = b"40000", bytes.fromhex(git(branch, *write, given=inner))
    tree = mode + b" " + name.format(root=tmp_path).encode() + b"\0" + inside
    evil = git(branch, "hash-object", "--literally", "-t", "tree", "-w", "--stdin", given=tree).strip()
    base = git(branch, "commit-tree", evil, "-m", "evil").strip()
    clean = git(branch, "commit-tree", "HEAD^{tree}", "-p", base, "-m", "clean").strip()
    git(branch, "update-ref", "refs/heads/feature", clean)
    git(branch, "update-ref", "refs/heads/main", base)
    assert ask("plan", "--changed-since", "main").code in (0, 1)
    assert {victim.read_text() for victim in victims} == {"mine\n"}


def test_the_manifests_of_now_and_of_then_are_compiled_once(
    branch: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []

    def counted(*arguments: Any) -> Any:
        compiled.append("dev")
        return resolve(*arguments)

    monkeypatch.setattr("stackspec.sources.resolve", counted)
    assert planned(ask) == set()
    assert len(compiled) == 2


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["mian"], "error[SS1202]: there is no revision 'mian'", "origin/NAME"),
        (["--output=x"], "error[SS1202]: there is no revision '--output=x'", "origin/NAME"),
        (["stranger"], "error[SS1203]: no commit that 'stranger' and HEAD both come from", "comes from"),
        (["main", "--target", "artifact_store/fraud"], "error[SS0901]: --changed-since says itself", "leave"),
        (["main", "--destroy"], "error[SS0901]: --changed-since says itself", "leave"),
        (["main", "--untrusted"], "error[SS0901]: --changed-since asks git", "everything is planned"),
        (["main", "-f", "stacks/fraud.yaml"], "error[SS0901]: files given by -f have no past", "leave -f out"),
    ],
)
def test_what_cannot_be_compared_is_told(words: list[str], message: str, hint: str, branch: Path, ask: Ask) -> None:
    git(branch, "branch", "--force", "stranger", git(branch, "commit-tree", "HEAD^{tree}", "-m", "x").strip())
    answer = ask("plan", f"--changed-since={words[0]}", *words[1:])
    assert answer.code == 1
    assert message in answer.err
    assert hint in answer.err


def test_a_shallow_clone_lacks_the_past(
    branch: Path, tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    (branch / "stacks" / "fraud.yaml").write_text(FILES["stacks/fraud.yaml"].replace("/fraud", "/other"))
    commit(branch)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-single-branch", branch.as_uri(), str(shallow))
    monkeypatch.chdir(shallow)
    answer = ask("plan", "--changed-since", "origin/main")
    assert (answer.code, "error[SS1203]" in answer.err, "fetch-depth: 0" in answer.err) == (1, True, True)


def test_a_folder_that_is_no_clone(dev: Path, ask: Ask) -> None:
    answer = ask("plan", "--changed-since", "main")
    assert (answer.code, "not a git repository (or any of" in answer.err, "in a clone" in answer.err) == (1, True, True)


@pytest.mark.parametrize(
    ("name", "value", "message", "hint"),
    [
        ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1", "detected dubious ownership in", "--add safe.directory"),
        ("GIT_CONFIG_COUNT", "x", "bogus count in GIT_CONFIG_COUNT", "git fsck"),
        ("PATH", "/nonexistent", "cannot run git: No such file or directory", "install git"),
    ],
)
def test_what_git_says_is_told(
    name: str, value: str, message: str, hint: str, branch: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    answer = ask("plan", "--changed-since", "main")
    assert answer.code == 1
    assert "error[SS1201]" in answer.err
    assert message in answer.err
    assert hint in answer.err


def test_a_git_that_does_not_end_is_no_git_that_lacks(
    branch: Path, tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    waits = tmp_path / "bin" / "git"
    waits.write_text(f"#!/bin/sh\nexec {shutil.which('tail')} -f /dev/null\n")
    waits.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("stackspec.checkout._PATIENCE", 0.2)
    answer = ask("plan", "--changed-since", "main")
    assert (answer.code, "git rev-parse did not end in 0.2 s" in answer.err) == (1, True)
    assert "install" not in answer.err


def test_a_clone_with_a_filter_lacks_the_past(
    branch: Path, tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    (branch / "stacks" / "fraud.yaml").write_text(FILES["stacks/fraud.yaml"].replace("/fraud", "/other"))
    commit(branch)
    git(branch, "config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", branch.as_uri(), str(partial))
    monkeypatch.chdir(partial)
    answer = ask("plan", "--changed-since", "origin/main")
    assert (answer.code, "from promisor remote" in answer.err, "leave 'filter' out" in answer.err) == (1, True, True)
