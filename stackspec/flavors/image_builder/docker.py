"""Container images built by a Docker engine."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile

from stackspec.flavors.contract import HookError, setting
from stackspec.flavors.docker.engine import DockerEngine, host_setting
from stackspec.flavors.http.observed_service import ObservedService
from stackspec.flavors.image_builder import ImageBuilder
from stackspec.flavors.images.login import RegistryLogin, build_header, engine_header


class DockerImageBuilder(ObservedService, ImageBuilder):
    """Builds images in a Docker engine, of this machine or of another, by its API; podman's will do as well."""

    flavor = "docker"
    located_by = "docker_host"

    class Config(RegistryLogin):
        """An engine, and who pushes."""

        docker_host: str | None = host_setting()

    class Outputs(ImageBuilder.Outputs):
        """Where images are built."""

        docker_host: str = setting("The engine's address, as in DOCKER_HOST.")

    config: Config

    def outputs(self) -> Outputs:
        """The engine's address."""
        return self.Outputs(uri=self._engine.host, docker_host=self._engine.host)

    def look(self) -> str:
        """Whether the engine answers."""
        return f"{self._engine.version()} at {self._engine.host}"

    def _build(self, folder: Path, image: str, dockerfile: str, build_args: Mapping[str, str]) -> str:
        query = {"t": image, "dockerfile": dockerfile, "buildargs": json.dumps(dict(build_args)), "forcerm": "1"}
        found = None
        with TemporaryFile() as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                for path in _wanted(folder, dockerfile):
                    archive.add(path, str(path.relative_to(folder)), recursive=False, filter=_nobodys)
            packed.seek(0)
            headers = {"Content-Type": "application/x-tar", **build_header(self.config)}
            for record in self._engine.lines("POST", "/build", body=packed, query=query, headers=headers):
                aux = record.get("aux")
                found = aux.get("ID", found) if isinstance(aux, dict) else found
        if found is None:
            found = self._engine.ask("GET", f"/images/{image}/json")["Id"]
        return str(found) if str(found).startswith("sha256:") else f"sha256:{found}"

    def _push(self, image: str) -> str:
        name, _, tag = image.rpartition(":") if ":" in image.rpartition("/")[2] else (image, "", "latest")
        headers, found = engine_header(self.config, image), None
        for record in self._engine.lines("POST", f"/images/{name}/push", query={"tag": tag}, headers=headers):
            aux = record.get("aux")
            found = aux.get("Digest", found) if isinstance(aux, dict) else found
            if digest := re.search("digest: (sha256:[0-9a-f]{64})", str(record.get("status", ""))):
                found = digest[1]
        told = (self._engine.find(f"/images/{image}/json") or {}).get("RepoDigests") or ()
        found = found or next((one.partition("@")[2] for one in told if one.startswith(f"{name}@")), None)
        if found is None:
            raise HookError(f"the engine does not tell the digest of {image}")
        return str(found)

    @property
    def _engine(self) -> DockerEngine:
        return DockerEngine(self.config.docker_host, self.context)


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """What is packed tells nothing of who packed it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _wanted(folder: Path, dockerfile: str) -> Iterator[Path]:
    """The files and folders of a build, less what `.dockerignore` leaves out; an engine would take all that it gets."""
    rules = _ignored(folder / ".dockerignore")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        left_out = False
        for pattern, leaves_out in rules:
            if pattern.fullmatch(name):
                left_out = leaves_out
        if not left_out or name == dockerfile:
            yield path


def _ignored(file: Path) -> list[tuple[re.Pattern[str], bool]]:
    """The rules of a `.dockerignore`, in order: what fits a name or a folder above it, and whether that is left out.

    Source: https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    if not file.is_file():
        return []
    rules = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if (rule := line.strip()) and not rule.startswith("#"):
            body = rule.removeprefix("!").strip().strip("/").removeprefix("./")
            tokens = re.findall(r"\*\*/?|\*|\?|\[[^\]]*\]|\\.|.", body)
            rules.append((re.compile("".join(map(_translated, tokens)) + "(?:/.*)?"), not rule.startswith("!")))
    return rules


def _translated(token: str) -> str:
    if token.startswith("**"):
        return "(?:.*/)?" if token.endswith("/") else ".*"
    if token in ("*", "?"):
        return "[^/]*" if token == "*" else "[^/]"  # noqa: S105 - a token of a pattern
    if len(token) > 1:
        return token if token.startswith("[") else re.escape(token[1:])
    return re.escape(token)
