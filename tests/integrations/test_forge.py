"""What the action asks of GitHub: comments and issues kept up to date, artifacts found, and the token kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integrations.github.forge import Forge, ForgeError
from tests.integrations.github import BOT, REPOSITORY, TOKEN, GitHub, github

MARK = "<!-- stackspec plan prod -->"
HEAD = "4f1c" * 10
NAME = f"stackspec-prod-{HEAD}"
STRANGERS = [{"login": "mallory"}, None]
"""Another one, and one whose account is gone."""


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with github() as one:
        yield one


@pytest.fixture
def forge(hub: GitHub) -> Forge:
    return Forge(hub.url, REPOSITORY, TOKEN)


def test_a_comment_is_written_anew_in_its_place(hub: GitHub, forge: Forge) -> None:
    forge.comment(7, f"{MARK}\nfirst")
    forge.comment(7, f"{MARK}\nsecond")
    assert [one["body"] for one in hub.comments[7]] == [f"{MARK}\nsecond"]


@pytest.mark.parametrize("user", STRANGERS)
def test_a_strangers_comment_is_left_alone(user: dict[str, str] | None, hub: GitHub, forge: Forge) -> None:
    hub.add_comment(7, f"{MARK}\nnot ours", user)
    forge.comment(7, f"{MARK}\nours")
    forge.comment(7, f"{MARK}\nours, anew")
    assert [one["body"] for one in hub.comments[7]] == [f"{MARK}\nnot ours", f"{MARK}\nours, anew"]


def test_a_comment_that_only_begins_the_same_is_another_one(hub: GitHub, forge: Forge) -> None:
    hub.add_comment(7, f"{MARK} of something else")
    forge.comment(7, f"{MARK}\nours")
    assert len(hub.comments[7]) == 2


def test_lines_may_end_as_on_windows(hub: GitHub, forge: Forge) -> None:
    hub.add_comment(7, f"{MARK}\r\nfirst")
    forge.comment(7, f"{MARK}\nsecond")
    assert [one["body"] for one in hub.comments[7]] == [f"{MARK}\nsecond"]


@pytest.mark.parametrize("before", [99, 100, 250])
def test_a_comment_is_found_behind_many_others(before: int, hub: GitHub, forge: Forge) -> None:
    for number in range(before):
        hub.add_comment(7, f"{number}")
    ours = hub.add_comment(7, f"{MARK}\nfirst")
    forge.comment(7, f"{MARK}\nsecond")
    assert (len(hub.comments[7]), ours["body"]) == (before + 1, f"{MARK}\nsecond")


def test_another_token_writes_as_another_one(hub: GitHub) -> None:
    hub.add_comment(7, f"{MARK}\nof the workflow")
    ours = hub.add_comment(7, f"{MARK}\nfirst", {"login": "acme-app[bot]"})
    Forge(hub.url, REPOSITORY, TOKEN, "acme-app[bot]").comment(7, f"{MARK}\nsecond")
    assert [one["body"] for one in hub.comments[7]] == [f"{MARK}\nof the workflow", f"{MARK}\nsecond"]
    assert ours["body"] == f"{MARK}\nsecond"


def test_one_issue_is_opened_brought_up_to_date_and_closed(hub: GitHub, forge: Forge) -> None:
    forge.close_issue("Drift", "gone", "drift")
    assert hub.writes == []
    forge.issue("Drift", "one component", "drift")
    forge.issue("Drift", "one component", "drift")
    forge.issue("Drift", "two components", "drift")
    (issue,) = hub.issues
    assert (issue["state"], issue["body"], issue["labels"]) == ("open", "two components", ["drift"])
    assert [method for method, _ in hub.writes] == ["POST", "PATCH"]
    forge.close_issue("Drift", "gone", "drift")
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert [one["body"] for one in hub.comments[issue["number"]]] == ["gone"]
    forge.issue("Drift", "again", "drift")
    assert [one["state"] for one in hub.issues] == ["closed", "open"]


def test_issues_of_others_and_of_other_environments_are_left_alone(hub: GitHub, forge: Forge) -> None:
    hub.add_issue("Drift", "not ours", ["drift"], {"login": "mallory"})
    hub.add_issue("Drift in lab", "another", ["drift"])
    hub.add_issue("Drift", "without the label", [])
    hub.add_issue("Drift", "a pull request", ["drift"])["pull_request"] = {}
    forge.close_issue("Drift", "gone", "drift")
    assert hub.writes == []
    forge.issue("Drift", "ours", "drift")
    assert hub.writes == [("POST", f"/repos/{REPOSITORY}/issues")]


def test_the_newest_artifact_that_is_kept_is_taken(hub: GitHub, forge: Forge) -> None:
    assert forge.artifact(NAME, HEAD) is None
    hub.add_artifact(NAME, HEAD, {"stackspec.plan": b"new"}, created_at="2026-03-02T00:00:00Z")
    hub.add_artifact(NAME, HEAD, {"stackspec.plan": b"old"}, created_at="2026-03-01T00:00:00Z")
    hub.add_artifact(NAME, HEAD, {"stackspec.plan": b"gone"}, created_at="2026-03-03T00:00:00Z", expired=True)
    assert forge.artifact(NAME, HEAD) == {"stackspec.plan": b"new"}


@pytest.mark.parametrize(("head", "more"), [(HEAD, {"head_repository_id": 2}), ("0" * 40, {})])
def test_an_artifact_of_a_fork_or_of_another_commit_is_not_taken(
    head: str, more: dict[str, int], hub: GitHub, forge: Forge
) -> None:
    hub.add_artifact(NAME, head, {"stackspec.plan": b"forged"}, **more)
    assert forge.artifact(NAME, HEAD) is None


def test_only_the_forge_gets_the_token(hub: GitHub, forge: Forge) -> None:
    hub.add_artifact(NAME, HEAD, {"stackspec.plan": b"plan"})
    assert forge.artifact(NAME, HEAD) == {"stackspec.plan": b"plan"}
    (headers,) = hub.stored
    assert "Authorization" not in headers
    assert TOKEN not in str(headers)


def test_the_pull_request_that_a_commit_merged_is_told_from_others(hub: GitHub, forge: Forge) -> None:
    def pull(number: int, **of: str | None) -> dict[str, object]:
        return {"number": number, "head": {"sha": f"head-{number}"}, **of}

    hub.pulls["c0ffee"] = [
        pull(1, merged_at=None, merge_commit_sha="c0ffee"),
        pull(2, merged_at="2026-01-01T00:00:00Z", merge_commit_sha="another"),
    ]
    assert forge.merged_head("c0ffee") is None
    assert forge.merged_head("unknown") is None
    hub.pulls["c0ffee"].append(pull(3, merged_at="2026-01-01T00:00:00Z", merge_commit_sha="c0ffee"))
    assert forge.merged_head("c0ffee") == "head-3"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((403, '{"message": "Resource not accessible by integration"}'), "status 403.*Resource not accessible"),
        ((502, "<html>"), "status 502"),
        ((200, "<html>"), "no JSON"),
        ((200, ""), "no JSON"),
    ],
)
def test_what_is_refused_is_told_without_the_token(
    answer: tuple[int, str], told: str, hub: GitHub, forge: Forge
) -> None:
    hub.broken[f"/repos/{REPOSITORY}/issues/7/comments"] = answer
    with pytest.raises(ForgeError, match=rf"GET /repos/{REPOSITORY}/issues/7/comments: .*{told}") as caught:
        forge.comment(7, MARK)
    assert TOKEN not in str(caught.value)


def test_what_is_no_archive_is_told(hub: GitHub, forge: Forge) -> None:
    hub.add_artifact(NAME, HEAD, {})["zip"] = b"<html>"
    with pytest.raises(ForgeError, match="no zip file"):
        forge.artifact(NAME, HEAD)


def test_a_wrong_token_is_told_without_it(hub: GitHub) -> None:
    with pytest.raises(ForgeError, match="status 401") as caught:
        Forge(hub.url, REPOSITORY, "wrong-C4nary").merged_head(HEAD)
    assert "C4nary" not in str(caught.value)


@pytest.mark.parametrize("token", ["C4nary\n", "C4nary⚠"])
def test_a_token_that_no_header_can_hold_is_not_told(token: str, hub: GitHub) -> None:
    with pytest.raises(ForgeError, match="line break") as caught:
        Forge(hub.url, REPOSITORY, token)
    assert "C4nary" not in str(caught.value)


def test_a_forge_that_is_out_of_reach_is_told() -> None:
    with github() as hub:
        url = hub.url
    with pytest.raises(ForgeError, match="Connection refused"):
        Forge(url, REPOSITORY, TOKEN).merged_head(HEAD)


def test_the_bot_is_the_one_that_a_workflows_token_writes_as(hub: GitHub, forge: Forge) -> None:
    forge.comment(7, MARK)
    assert hub.comments[7][0]["user"] == BOT
