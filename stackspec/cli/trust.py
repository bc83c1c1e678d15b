"""Whether the checkout that a command works on is a stranger's: decided once, where a session begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VARIABLE = "STACKSPEC_UNTRUSTED"
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})

_OF_PULL_REQUESTS = ("pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment")


def is_untrusted(asked: bool, environ: Mapping[str, str]) -> bool:
    """Whether nothing of the checkout is to be trusted.

    Args:
        asked: Whether `--untrusted` was given; else its variable decides, and else what CI tells of the job.
    """
    said = environ.get(VARIABLE, "").strip().lower()
    if asked or not said:
        return asked or is_fork(environ)
    return said not in _FALSE


def is_fork(environ: Mapping[str, str]) -> bool:
    """Whether this is the job of a pull request that comes from a fork, or may be, as GitHub and GitLab tell a job."""
    return _is_fork_on_github(environ) or _is_fork_on_gitlab(environ)


def _is_fork_on_github(environ: Mapping[str, str]) -> bool:
    name = environ.get("GITHUB_EVENT_NAME")
    if name not in (*_OF_PULL_REQUESTS, "workflow_run", "issue_comment"):
        return False
    import json

    try:
        with open(environ.get("GITHUB_EVENT_PATH", ""), encoding="utf-8") as file:
            event = json.load(file)
        if name == "issue_comment":
            # Where the request comes from is not told, and such jobs check it out to work on it.
            return "pull_request" in event["issue"]
        head = (
            event["workflow_run"]["head_repository"]
            if name == "workflow_run"
            else event["pull_request"]["head"]["repo"]
        )
        return _name(head) != environ["GITHUB_REPOSITORY"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return True


def _name(repository: Any) -> str | None:
    """The name of a repository, which is gone where a fork was deleted."""
    return repository["full_name"] if repository is not None else None


def _is_fork_on_gitlab(environ: Mapping[str, str]) -> bool:
    source = environ.get("CI_PIPELINE_SOURCE")
    pairs = {
        "merge_request_event": ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "CI_MERGE_REQUEST_PROJECT_ID"),
        "external_pull_request_event": (
            "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY",
            "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY",
        ),
    }
    # A pipeline that another one starts has a source of its own, and may be about a request all the same.
    for kind, (theirs, ours) in pairs.items():
        if (source == kind or theirs in environ) and (theirs not in environ or environ[theirs] != environ.get(ours)):
            return True
    return False
