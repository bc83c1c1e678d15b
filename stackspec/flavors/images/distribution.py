"""What a container registry holds, by the HTTP API of the OCI distribution specification 1.1.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md; credentials as in
https://distribution.github.io/distribution/spec/auth/token/.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlencode, urljoin, urlsplit

from stackspec.core.frozen import dataclass
from stackspec.core.loopback import is_in_the_clear
from stackspec.flavors.contract import HookError
from stackspec.flavors.http.request import Answer, request

_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_PARAMETER = re.compile('([a-z]+)="([^"]*)"')
_PAGES = 1000
"""Pages of a listing that are read at most."""


@dataclass(frozen=True, slots=True)
class OciRegistry:
    """A registry at a scheme and host, with or without a name and a password."""

    url: str
    login: tuple[str, str] | None = None

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository, sorted; none where there is no such repository.

        Raises:
            HookError: the registry refuses it or cannot be reached.
        """
        found: list[str] = []
        page: str | None = f"{self.url}/v2/{repository}/tags/list"
        for _ in range(_PAGES):
            if page is None:
                break
            answer = self._ask("GET", page, {})
            if answer.status == 404:
                break
            listed = self._good(answer, repository).json()
            found += (listed or {}).get("tags") or []
            page = self._next(page, answer)
        return sorted(set(found))

    def digest(self, repository: str, reference: str) -> str | None:
        """The digest of the manifest that a tag or digest leads to; None where there is none. Raises as `tags`."""
        place = f"{self.url}/v2/{repository}/manifests/{reference}"
        answer = self._ask("HEAD", place, {"Accept": _MANIFESTS})
        if answer.status == 404:
            return None
        if told := self._good(answer, repository).headers.get("docker-content-digest"):
            return told
        answer = self._good(self._ask("GET", place, {"Accept": _MANIFESTS}), repository)  # the header may be missing
        return f"sha256:{sha256(answer.body).hexdigest()}"

    def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        answer = request(method, url, headers=headers)
        if answer.status != 401:
            return answer
        scheme, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
        if scheme.lower() == "bearer":
            shown = self._token(dict(_PARAMETER.findall(rest)))
        elif scheme.lower() == "basic" and self.login:
            shown = _basic(self.login)
        else:
            return answer
        return request(method, url, headers={**headers, "Authorization": shown}) if shown else answer

    def _token(self, challenge: Mapping[str, str]) -> str | None:
        realm = challenge.get("realm", "")
        if not realm.lower().startswith(("https://", "http://")) or is_in_the_clear(realm):
            return None  # a password does not travel in the clear
        asked = urlencode({name: challenge[name] for name in ("service", "scope") if name in challenge})
        headers = {"Authorization": _basic(self.login)} if self.login else {}
        answer = request("GET", f"{realm}?{asked}", headers=headers)
        told = answer.json() if answer.status == 200 else None
        token = (told.get("token") or told.get("access_token")) if isinstance(told, dict) else None
        return f"Bearer {token}" if token else None

    def _good(self, answer: Answer, repository: str) -> Answer:
        if answer.status == 200:
            return answer
        place = f"{urlsplit(self.url).netloc}/{repository}"
        if answer.status in (401, 403):
            hint = "look at the username and the password in its config" if self.login else "it wants credentials"
            raise HookError(f"the registry refuses to tell about {place} (status {answer.status})", hint)
        passing = answer.status == 429 or answer.status >= 500
        raise HookError(f"the registry does not tell about {place} (status {answer.status})", transient=passing)

    def _next(self, page: str, answer: Answer) -> str | None:
        link = re.search(r'<([^>]+)>\s*;\s*rel="?next"?', answer.headers.get("link", ""))
        if link is None:
            return None
        following = urljoin(page, link[1])
        return following if urlsplit(following)[:2] == urlsplit(page)[:2] else None  # credentials stay with their host


def _basic(login: tuple[str, str]) -> str:
    return f"Basic {b64encode(':'.join(login).encode()).decode()}"
