"""An agent follows a ref, whatever happens to it: real git, over HTTP and from a folder, agents as processes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from stackspec.reconcile.git import without_login
from tests.agents import Begin, wait_until
from tests.cli.hostile import STACK
from tests.repositories import LOGIN, Forge, Served, git

OTHER = "    metadata_store: {flavor: sqlite, config: {path: ./m.db}}\n"
BAD = STACK.replace("flavor: local, config", "flavor: lokal, config")
FAST = ("--interval", "1")


def tree(tmp_path: Path, folder: str = "work") -> Path:
    """The project as an agent has it."""
    return tmp_path / folder / ".stackspec" / "reconcile" / "tree"


def test_what_is_pushed_is_applied_and_what_goes_is_removed(
    forge: Forge, served: Served, agent: Begin, tmp_path: Path
) -> None:
    one = agent("--repo", served.url, *FAST)
    one.wait("looked", condition="in-line")
    assert (tree(tmp_path) / "artifacts").is_dir()
    commit = forge.push({"stacks/dev.yaml": STACK + OTHER})
    one.wait("looked", condition="in-line", commit=commit)
    assert (tree(tmp_path) / "m.db").is_file()
    commit = forge.push({"stacks/dev.yaml": STACK})
    one.wait("looked", condition="in-line", commit=commit)
    assert not (tree(tmp_path) / "m.db").exists()
    (words,) = one.said("planned", message="1 to delete, 2 unchanged")
    assert words["changes"] == [{"address": "metadata_store/dev", "action": "delete"}]
    assert one.end() == 0
    assert LOGIN not in one.text
    held = [path for path in (tmp_path / "work").rglob("*") if path.is_file() and LOGIN.encode() in path.read_bytes()]
    assert held == []


def test_a_bad_commit_changes_nothing_and_the_last_good_one_is_kept_up(
    forge: Forge, agent: Begin, tmp_path: Path
) -> None:
    one = agent("--repo", str(forge.path), *FAST)
    good = one.wait("looked", condition="in-line")["commit"]
    bad = forge.push({"stacks/dev.yaml": BAD})
    refused = one.wait("commit-refused")
    assert (refused["commit"], refused["good"]) == (bad, good)
    assert refused["diagnostics"][0]["code"] == "SS0208"
    assert refused["diagnostics"][0]["source"]["file"] == "stacks/dev.yaml"
    one.wait("looked", condition="held-back", commit=good)
    (tree(tmp_path) / "artifacts" / ".stackspec-owner.json").unlink()
    os.rmdir(tree(tmp_path) / "artifacts")
    wait_until((tree(tmp_path) / "artifacts").is_dir)
    assert (tree(tmp_path) / "stacks" / "dev.yaml").read_text() == STACK
    assert len(one.said("commit-refused")) == 1  # it is not tried again until the ref moves
    mended = forge.push({"stacks/dev.yaml": STACK + OTHER})
    one.wait("looked", condition="in-line", commit=mended)


@pytest.mark.parametrize(
    ("files", "code"),
    [({".stackspec/state/default.db": "a state"}, "SS1305"), ({"stacks/dev.yaml": None, "README": ""}, "SS1305")],
    ids=["a state of its own", "no project"],
)
def test_a_commit_that_can_never_be_used_is_refused(
    files: dict[str, str | None], code: str, forge: Forge, agent: Begin, tmp_path: Path
) -> None:
    assert agent("--repo", str(forge.path), "--once").code() == 0
    forge.push(files)
    one = agent("--repo", str(forge.path), "--once")
    assert one.code() == 1
    assert one.wait("commit-refused")["diagnostics"][0]["code"] == code
    assert one.said("looked", condition="held-back")
    assert (tree(tmp_path) / "stacks" / "dev.yaml").exists()


def test_a_force_push_is_followed_and_told(forge: Forge, agent: Begin) -> None:
    before = forge.push({"stacks/other.yaml": STACK.replace("dev}", "other}").replace("./art", "./other-art")})
    one = agent("--repo", str(forge.path), *FAST)
    one.wait("looked", condition="in-line", commit=before)
    after = forge.push({"stacks/other.yaml": None}, amend=True)
    one.wait("looked", condition="in-line", commit=after)
    (told,) = one.said("force-push")
    assert (told["before"], told["commit"], told["level"]) == (before, after, "warning")


def test_without_the_network_the_last_good_commit_is_kept_up_also_after_a_restart(
    forge: Forge, served: Served, agent: Begin, tmp_path: Path
) -> None:
    one = agent("--repo", served.url, *FAST)
    one.wait("looked", condition="in-line")
    served.down()
    lost = one.wait("source-lost")
    assert lost["diagnostics"][0]["code"] == "SS1301"
    one.end()
    shutil.rmtree(tree(tmp_path) / "artifacts")
    one = agent("--repo", served.url, *FAST)
    assert "going on with" in one.wait("source-lost")["message"]
    one.wait("looked", condition="repaired")
    assert len(one.said("source-lost")) == 1  # once, and not each round
    commit = forge.push({"stacks/dev.yaml": STACK + OTHER})
    served.up()
    one.wait("source-back")
    one.wait("looked", condition="in-line", commit=commit)
    assert LOGIN not in one.text


def test_one_that_waits_for_the_network_ends_at_once_and_leaves_nothing_running(served: Served, agent: Begin) -> None:
    assert agent("--repo", served.url, "--once").code() == 0
    with served.silent() as connected:
        one = agent("--repo", served.url, *FAST)
        with connected():  # a git has come, and waits for an answer
            assert one.end() == 0
    # Each git holds the lock of the folder: were one left, it would be another agent's.
    assert agent("--repo", served.url, "--once").code() == 0


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:C4nary@git.example.com:8443/ml.git?token=C4nary", "https://git.example.com:8443/ml.git"),
        ("https://C4nary@git.example.com/ml.git", "https://git.example.com/ml.git"),
        ("ssh://git@git.example.com/ml.git", "ssh://git.example.com/ml.git"),
        ("git@git.example.com:ml.git", "git@git.example.com:ml.git"),
        ("/srv/ml.git", "/srv/ml.git"),
        ("https://ada:C4nary@[git/ml.git", "an address that cannot be read"),
    ],
)
def test_an_address_is_shown_without_the_login(url: str, shown: str) -> None:
    assert without_login(url) == shown


def test_what_a_killed_git_left_locked_is_no_hindrance(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    assert agent("--repo", str(forge.path), "--once").code() == 0
    for lock in ("index.lock", "HEAD.lock", "refs/stackspec/followed.lock"):
        (tree(tmp_path) / ".git" / lock).touch()
    forge.push({"stacks/dev.yaml": STACK + OTHER})
    assert agent("--repo", str(forge.path), "--once").code() == 0


def test_a_branch_is_meant_though_a_tag_is_called_so(forge: Forge, agent: Begin) -> None:

    first = git(forge.clone, "rev-parse", "HEAD")
    git(forge.clone, "tag", "main", first)
    git(forge.clone, "tag", "-a", "-m", "released", "v1", first)
    git(forge.clone, "push", "--quiet", "origin", "refs/tags/main", "refs/tags/v1")
    newest = forge.push({"stacks/dev.yaml": STACK + OTHER})
    one = agent("--repo", str(forge.path), "--once")
    assert (one.code(), one.wait("commit")["commit"]) == (0, newest)
    one = agent("--repo", str(forge.path), "--once", "--ref", "v1", folder="tagged")
    assert (one.code(), one.wait("commit")["commit"]) == (0, first)


def test_no_hook_and_no_filter_of_large_files_is_run(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    hooks, ran = tmp_path / "hooks", tmp_path / "ran"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {ran}\n")
        (hooks / name).chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = {hooks}/post-checkout\n")
    variables = {"GIT_CONFIG_GLOBAL": str(settings), "GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/nowhere"}
    assert agent("--repo", str(forge.path), "--once", variables=variables).code() == 0
    assert not ran.exists()


def test_a_folder_is_followed_as_it_is(agent: Begin, tmp_path: Path) -> None:
    manifest = tmp_path / "work" / "stacks" / "dev.yaml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(STACK)
    one = agent(*FAST)
    one.wait("looked", condition="in-line")
    manifest.write_text(BAD)
    one.wait("commit-refused")
    manifest.write_text(STACK + OTHER)
    one.wait("commit", count=2)
    one.wait("looked", count=2, condition="in-line")
    wait_until((tmp_path / "work" / "m.db").exists)
    assert one.end() == 0
