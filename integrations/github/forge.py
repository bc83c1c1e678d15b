"""GitHub's REST API, as far as the action needs it: comments, issues and artifacts (https://docs.github.com/rest)."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

_PATIENCE = 30.0
"""Seconds for an answer."""
_PAGE = 100
BOT = "github-actions[bot]"
"""Who a workflow's own token writes as."""


class ForgeError(Exception):
    """The forge refuses, or cannot be reached; the message holds no token."""


class Forge:
    """A repository on a forge.

    Args:
        url: Of the API, like https://api.github.com.
        repository: Its owner and name.
        token: What it is asked with.
        author: The login that the token writes as. What others wrote is left alone, even if it looks like ours.

    Raises:
        ForgeError: no header can hold the token.
    """

    def __init__(self, url: str, repository: str, token: str, author: str = BOT) -> None:
        self._url = f"{url.rstrip('/')}/repos/{repository}"
        if not (token.isascii() and token.isprintable()):
            raise ForgeError("the token holds a line break, or what is not ASCII: was it pasted with more around it?")
        self._token = token
        self._author = author

    def comment(self, number: int, body: str) -> None:
        """Write a comment under a pull request, in the place of an earlier one of ours with the same first line."""
        for one in self._pages(f"/issues/{number}/comments"):
            if self._is_ours(one) and _first_line(one) == body.partition("\n")[0]:
                self._ask("PATCH", f"/issues/comments/{one['id']}", {"body": body})
                return
        self._ask("POST", f"/issues/{number}/comments", {"body": body})

    def issue(self, title: str, body: str, label: str) -> None:
        """Open an issue, or bring ours of that title up to date where one is open."""
        found = self._open_issue(title, label)
        if found is None:
            self._ask("POST", "/issues", {"title": title, "body": body, "labels": [label]})
        elif found["body"] != body:
            self._ask("PATCH", f"/issues/{found['number']}", {"body": body})

    def close_issue(self, title: str, comment: str, label: str) -> None:
        """Close our issue of a title, where one is open."""
        if found := self._open_issue(title, label):
            self._ask("POST", f"/issues/{found['number']}/comments", {"body": comment})
            self._ask("PATCH", f"/issues/{found['number']}", {"state": "closed", "state_reason": "completed"})

    def merged_head(self, commit: str) -> str | None:
        """The last commit of the pull request by whose merge a commit came to be; None where it came otherwise."""
        for one in self._pages(f"/commits/{quote(commit)}/pulls"):
            if one.get("merged_at") and one.get("merge_commit_sha") == commit:
                return str(one["head"]["sha"])
        return None

    def artifact(self, name: str, head: str) -> dict[str, bytes] | None:
        """The files of the newest artifact that a run of this repository kept.

        Args:
            head: The commit that the run was for. A fork's runs keep artifacts in the same list, under any name.

        Returns:
            Name to content; None where there is none that is still kept.
        """
        found = self._pages(f"/actions/artifacts?{urlencode({'name': name})}", "artifacts")
        kept = [one for one in found if one["name"] == name and not one["expired"] and _is_of_own_run(one, head)]
        if not kept:
            return None
        newest = max(kept, key=lambda one: str(one["created_at"]))
        url = f"{self._url}/actions/artifacts/{newest['id']}/zip"
        try:
            with zipfile.ZipFile(io.BytesIO(self._request("GET", url))) as files:
                return {one.filename: files.read(one) for one in files.infolist() if not one.is_dir()}
        except zipfile.BadZipFile:
            raise ForgeError(f"GET {urlsplit(url).path}: what came is no zip file") from None

    def _open_issue(self, title: str, label: str) -> dict[str, Any] | None:
        found = self._pages(f"/issues?{urlencode({'state': 'open', 'labels': label})}")
        ours = (one for one in found if self._is_ours(one) and one["title"] == title and "pull_request" not in one)
        return next(ours, None)

    def _is_ours(self, one: dict[str, Any]) -> bool:
        return (one["user"] or {}).get("login") == self._author  # an account that was deleted is null

    def _pages(self, path: str, within: str | None = None) -> Iterator[dict[str, Any]]:
        number = 1
        while True:
            separator = "&" if "?" in path else "?"
            page = self._ask("GET", f"{path}{separator}{urlencode({'per_page': _PAGE, 'page': number})}")
            found = page[within] if within else page
            yield from found
            if len(found) < _PAGE:
                return
            number += 1

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        answer = self._request(method, f"{self._url}{path}", data)
        try:
            return json.loads(answer)
        except ValueError:
            raise ForgeError(f"{method} {urlsplit(self._url + path).path}: what came is no JSON") from None

    def _request(self, method: str, url: str, data: bytes | None = None) -> bytes:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "User-Agent": "stackspec",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310  the forge's own
        try:
            with _OPENER.open(request, timeout=_PATIENCE) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            told = error.read(1000).decode("utf-8", "replace")
            raise ForgeError(f"{method} {urlsplit(url).path}: status {error.code}: {told}") from None
        except (OSError, ValueError, HTTPException) as error:
            raise ForgeError(f"{method} {urlsplit(url).path}: {error}") from None


def _first_line(one: dict[str, Any]) -> str:
    return str(one["body"] or "").partition("\n")[0].rstrip("\r")


def _is_of_own_run(artifact: dict[str, Any], head: str) -> bool:
    run = artifact["workflow_run"]
    return bool(run["head_sha"] == head and run["head_repository_id"] == run["repository_id"])


class _WithoutToken(urllib.request.HTTPRedirectHandler):
    """Artifacts are fetched from another host, which gets no token."""

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        redirected = super().redirect_request(*arguments)
        if redirected is not None and _origin(redirected.full_url) != _origin(arguments[0].full_url):
            redirected.remove_header("Authorization")
        return redirected


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


_OPENER = urllib.request.build_opener(_WithoutToken)
