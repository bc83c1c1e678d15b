"""An agent follows a ref, whatever happens to it: real git, over HTTP and from a folder, agents as processes."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from stackspec.reconcile.git import absolute, without_login
from stackspec.reconcile.source import in_the_way
from tests.agents import PATIENCE, Begin, wait_until
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


@pytest.mark.parametrize(
    ("words", "number", "code"),
    [(FAST, signal.SIGTERM, 0), (("--once",), signal.SIGTERM, 143), (("--once",), signal.SIGINT, 130)],
)
def test_one_that_waits_for_the_network_ends_at_once_and_leaves_nothing_running(
    words: tuple[str, ...], number: int, code: int, served: Served, agent: Begin
) -> None:
    assert agent("--repo", served.url, "--once").code() == 0
    with served.silent() as connected:
        one = agent("--repo", served.url, *words)
        with connected() as connection:  # a git has come, and waits for an answer
            assert one.end(number) == code
            connection.settimeout(PATIENCE)
            while connection.recv(4096):  # it ends with the git that holds its other end
                continue
    assert agent("--repo", served.url, "--once").code() == 0


def test_what_git_asks_for_a_login_may_stay_and_hinders_no_agent(
    forge: Forge, served: Served, agent: Begin, tmp_path: Path
) -> None:
    helper, stayed = tmp_path / "helper", tmp_path / "stayed"
    helper.write_text(
        "#!/bin/sh\nsleep 60 < /dev/null > /dev/null 2>&1 &\n"
        f"echo $! >> {stayed}\necho username=agent\necho password={LOGIN}\n"
    )
    helper.chmod(0o755)
    variables = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": str(helper)}
    words = ("--repo", served.url.replace(f"agent:{LOGIN}@", ""), "--once")
    try:
        assert agent(*words, variables=variables).code() == 0
        forge.push({"stacks/dev.yaml": STACK + OTHER})
        assert agent(*words, variables=variables).code() == 0
    finally:
        for line in stayed.read_text().split():
            os.kill(int(line), signal.SIGKILL)


# --- the repository that is asked, and the folder that it is written to


def test_the_repository_around_the_agent_is_another(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    other = Forge.make(tmp_path / "other")
    other.push({"stacks/other.yaml": STACK.replace("dev}", "other}")})
    git(tmp_path, "clone", "--quiet", str(other.path), "work")
    (tmp_path / "agents").mkdir()
    newest = forge.push({"stacks/dev.yaml": STACK + OTHER})
    git(forge.clone, "push", "--quiet", "origin", "HEAD:release")  # the other one has no such branch
    one = agent("--repo", "../forge/repository.git", "--ref", "release", "--work-dir", "../agents", "--once")
    assert (one.code(), one.wait("commit")["commit"]) == (0, newest)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("a/r.git", "{here}/a/r.git"),
        ("../r", "{above}/r"),
        ("a/b:c", "{here}/a/b:c"),
        ("/srv/ml.git", "/srv/ml.git"),
        ("git@git.example.com:ml.git", "git@git.example.com:ml.git"),
        ("https://git.example.com/ml.git", "https://git.example.com/ml.git"),
        ("file:///srv/ml.git", "file:///srv/ml.git"),
    ],
)
def test_a_path_is_the_same_from_everywhere(url: str, meant: str) -> None:
    here = Path.cwd()
    assert absolute(url) == meant.format(here=here, above=here.parent)


@pytest.mark.parametrize(
    ("brought", "ours", "found"),
    [
        ("a new/b", "a", None),
        ("model", "", "model"),
        ("model/b", "", "model"),
        ("kept", "", "kept"),
        ("kept/b", "", None),
        ("kept/in/bin", "", "kept/in/bin"),
        ("kept/in/bin/deep/er", "", "kept/in/bin"),
        ("kept", "kept/in/bin", None),
        ("model/b", "model", None),
        ("model", "model", None),
        ("link", "", "link"),
        ("link/b", "", "link"),
        ("link/in", "link", None),
        ("empty", "", None),
    ],
)
def test_what_is_kept_is_in_the_way_of_what_a_commit_brings(
    brought: str, ours: str, found: str | None, tmp_path: Path
) -> None:
    (tmp_path / "kept" / "in").mkdir(parents=True)
    (tmp_path / "kept" / "in" / "bin").touch()
    (tmp_path / "model").touch()
    (tmp_path / "link").symlink_to("kept")
    (tmp_path / "empty").mkdir()
    assert in_the_way(tmp_path, frozenset(brought.split()), frozenset(ours.split())) == found


def test_a_commit_does_not_take_the_place_of_what_components_keep(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    assert agent("--repo", str(forge.path), "--once").code() == 0
    model = tree(tmp_path) / "artifacts" / "model.bin"
    model.write_text("trained for a week")
    forge.push({"artifacts": "a file of the same name", "stacks/dev.yaml": STACK + OTHER})
    one = agent("--repo", str(forge.path), "--once")
    assert one.code() == 1
    (why,) = one.wait("commit-refused")["diagnostics"]
    assert (why["code"], "'artifacts'" in why["message"]) == ("SS1305", True)
    assert one.said("looked", condition="held-back")
    assert model.read_text() == "trained for a week"
    forge.push({"artifacts": None})
    assert agent("--repo", str(forge.path), "--once").code() == 0


def test_what_was_cut_off_while_it_wrote_files_is_carried_out(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    assert agent("--repo", str(forge.path), "--once").code() == 0
    root = tree(tmp_path)
    begun = forge.push({"stacks/dev.yaml": STACK + OTHER, "stacks/other.yaml": STACK.replace("dev}", "other}")})
    git(root, "fetch", "--quiet", str(forge.path), "main")
    git(root, "update-ref", "refs/stackspec/begun", begun)
    (root / "stacks" / "other.yaml").write_text("apiVers")
    forge.push({"stacks/other.yaml": None})
    assert agent("--repo", str(forge.path), "--once").code() == 0
    assert not (root / "stacks" / "other.yaml").exists()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "what"), [(_empty, "HEAD"), (_empty, "index"), (shutil.rmtree, "refs"), (shutil.rmtree, "")]
)
def test_a_damaged_clone_is_made_anew_and_what_is_beside_it_stays(
    damage: Callable[[Path], None], what: str, forge: Forge, agent: Begin, tmp_path: Path
) -> None:
    git(tmp_path, "init", "--quiet", "work")  # around the clone
    forge.push({"stacks/other.yaml": STACK.replace("dev}", "other}").replace("./art", "./other-art")})
    assert agent("--repo", str(forge.path), "--once").code() == 0
    root = tree(tmp_path)
    (root / "artifacts" / "model.bin").write_text("trained for a week")
    damage(root / ".git" / what)
    newest = forge.push({"stacks/other.yaml": None})
    one = agent("--repo", str(forge.path), "--once")
    assert one.code() == 0
    assert one.said("looked", condition="in-line", commit=newest)
    assert (root / "artifacts" / "model.bin").read_text() == "trained for a week"
    assert not (root / "stacks" / "other.yaml").exists()
    assert not (root / "other-artifacts").exists()
    assert git(tmp_path / "work", "for-each-ref") == ""


def test_a_clone_that_is_damaged_meanwhile_is_made_anew(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    one = agent("--repo", str(forge.path), *FAST)
    one.wait("looked", condition="in-line")
    shutil.rmtree(tree(tmp_path) / ".git")
    one.again("looked", condition="in-line")
    wait_until((tree(tmp_path) / ".git" / "refs").is_dir)
    commit = forge.push({"stacks/dev.yaml": STACK + OTHER})
    one.wait("looked", condition="in-line", commit=commit)
    assert one.end() == 0


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


def test_a_folder_that_is_followed_as_it_is_hinders_no_repository(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    (tmp_path / "work" / "stacks").mkdir(parents=True)
    (tmp_path / "work" / "stacks" / "dev.yaml").write_text(STACK)
    for words in ((), ("--repo", str(forge.path)), (), ("--repo", str(forge.path))):
        assert agent("--once", *words).code() == 0


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
