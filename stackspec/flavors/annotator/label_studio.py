"""Data that people label in Label Studio, on this machine or elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from stackspec.flavors.annotator import Annotator, Project, Task
from stackspec.flavors.contract import FlavorConfig, HookError, setting
from stackspec.flavors.http.request import request
from stackspec.flavors.http.service import ask, refuse_in_the_clear
from stackspec.flavors.owned.directory import OwnedDirectory
from stackspec.flavors.processes.server_or_address import ADDRESS, ServerOrAddress

_FIXED_ENVIRONMENT = {
    "COLLECT_ANALYTICS": "0",
    "LATEST_VERSION_CHECK": "0",
    "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
    "PYTHONSAFEPATH": "1",  # the server imports nothing from the folder that it runs in
    "PYTHONUNBUFFERED": "1",
}
_PATIENCE = 60.0
_PAGE = 100


class LabelStudioAnnotator(ServerOrAddress, Annotator):
    """Label Studio (https://labelstud.io): on this machine and reachable from it only, or one that exists already.

    Its first start makes its database, and takes a minute. It is used by a legacy API token.
    """

    flavor = "label_studio"
    extra = "label-studio"
    imports: ClassVar[tuple[str, ...]] = ("label_studio", "psutil")
    passed_on = ("AWS_", "GOOGLE_", "AZURE_")
    environment: ClassVar[Mapping[str, str]] = {"LABEL_STUDIO_URL": "uri", "LABEL_STUDIO_API_KEY": "token"}

    class Config(FlavorConfig):
        """Where people label, and who uses it."""

        uri: str | None = setting(
            "The address of a Label Studio that exists already; where it is null one is started on this machine.",
            default=None,
            requires_replacement=True,
            pattern=ADDRESS,
            examples=["https://labels.example.org"],
        )
        token: str = setting(
            "The API token, a legacy one: of a user there, or the one that the user is given who is made here.",
            sensitive=True,
            pattern="^[A-Za-z0-9]{20,40}$",
        )
        username: str = setting(
            "The address by which the user logs in who is made here.",
            default="admin@localhost",
            requires_replacement=True,
            pattern="^[^@\\s]+@[^@\\s]+$",
        )
        password: str | None = setting(
            "The password of the user who is made here; needed where `uri` is null.",
            default=None,
            sensitive=True,
            min_length=8,
        )
        data_dir: str | None = setting(
            "The directory of the database and of uploaded files; one that was there before is never deleted. By "
            "default one of the component's own.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
        )
        port: int | None = setting(
            "The port; by default a free one is chosen once and kept.", default=None, minimum=1, maximum=65535
        )
        delete_data: bool = setting(
            "Whether removing the component removes the database too, with all that people did. Without it that is "
            "kept.",
            default=False,
        )

    class Outputs(Annotator.Outputs):
        """Where it is, and what it is shown."""

        token: str = setting("The API token.", sensitive=True)

    config: Config

    def credentials(self) -> tuple[str | None, ...]:
        return (self.config.token,)

    def command(self, port: int) -> list[str]:
        words = [sys.executable, "-m", "stackspec.flavors.label_studio_launcher", "start", "--no-browser"]
        return [*words, f"--internal-host={self.server().host}", f"--port={port}"]

    def settings(self, port: int) -> Mapping[str, str]:
        if not self.config.password:
            raise HookError("there is no password to log in with", "set 'password', or 'uri' for one that exists")
        return {
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.directory().path),
            "LABEL_STUDIO_USERNAME": self.config.username,
            "LABEL_STUDIO_PASSWORD": self.config.password,
            "LABEL_STUDIO_USER_TOKEN": self.config.token,
        }

    def variables(self) -> Mapping[str, str]:
        return {**super().variables(), **_FIXED_ENVIRONMENT}

    def outputs(self, uri: str) -> Outputs:
        return self.Outputs(uri=uri, token=self.config.token)

    def directory(self) -> OwnedDirectory:
        chosen = self.config.data_dir
        path = self.context.path(chosen) if chosen is not None else self.context.data_dir / "labels"
        return OwnedDirectory(path, self.context)

    def is_made(self) -> bool:
        return (self.directory().path / "label_studio.sqlite3").is_file()

    def trouble(self) -> str:
        """As its parent says; one that refuses the token does not serve."""
        context, hint = self.context, "look at the token: a legacy one, of a user who may use the API"
        url = f"{str(self.config.uri).rstrip('/')}/api/projects?page_size=1"
        try:
            ask(url, context, headers=self._login(), credentials=hint)
        except HookError as error:
            if context.cancelled.is_set() or not context.remaining():
                raise
            return error.message
        return ""

    def projects(self) -> list[Project]:
        found: list[Project] = []
        while True:
            page = len(found) // _PAGE + 1
            told = self._ask("GET", f"projects?page_size={_PAGE}&page={page}&ordering=id")
            found += [self._project(one) for one in told["results"]]
            if len(found) >= told["count"] or not told["results"]:
                return found

    def create(self, title: str, interface: str) -> Project:
        return self._project(self._ask("POST", "projects", {"title": title, "label_config": interface}))

    def tasks(self, project: str) -> list[Task]:
        told = self._ask("GET", f"projects/{quote(project, '')}/export?exportType=JSON&download_all_tasks=true")
        return [
            Task(
                str(one["id"]),
                one["data"],
                tuple(said["result"] for said in one["annotations"] if not said["was_cancelled"]),
            )
            for one in sorted(told, key=lambda one: int(one["id"]))
        ]

    def add(self, project: str, tasks: Iterable[Mapping[str, Any]]) -> int:
        given = [{"data": dict(one)} for one in tasks]
        return int(self._ask("POST", f"projects/{quote(project, '')}/import", given)["task_count"]) if given else 0

    def _project(self, told: Mapping[str, Any]) -> Project:
        return Project(str(told["id"]), told["title"], f"{self.context.outputs['uri']}/projects/{told['id']}")

    def _login(self) -> Mapping[str, str]:
        refuse_in_the_clear(self.config.uri or "", self.config.token)
        return {"Authorization": f"Token {self.config.token}"}

    def _ask(self, method: str, path: str, sent: Any = None) -> Any:
        """What the API (https://api.labelstud.io) answers."""
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        url = f"{self.context.outputs['uri']}/api/{path}"
        body = None if sent is None else json.dumps(sent).encode()
        headers = {"Content-Type": "application/json", **self._login()}
        answer = request(method, url, body=body, headers=headers, timeout=_PATIENCE)
        if answer.status in (401, 403):
            raise HookError(f"{url} refuses the token, with status {answer.status}", "look at the token: a legacy one")
        if answer.status not in (200, 201):
            why = _why(answer.json())
            raise HookError(f"{url} answers with status {answer.status}{why}", transient=answer.status >= 500)
        return answer.json()


def _why(told: Any) -> str:
    """What the API says is wrong, after a colon; nothing where it answers with a page for people."""
    if not isinstance(told, dict):
        return ""
    said = told.get("validation_errors") or {"": [told.get("detail", "")]}
    return ": " + "; ".join(f"{name} {' '.join(map(str, whys))}".strip() for name, whys in said.items())[:500]
