"""How builders show a container registry who they are.

A password is never an argument: it stands in a file that only its owner reads, for as long as it is needed, or in the
header of a request.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stackspec.flavors.contract import FlavorConfig, HookError, setting


class RegistryLogin(FlavorConfig):
    """Who pushes, and to which registry."""

    registry: str | None = setting(
        "The host and port of the registry that `username` and `password` are for; no other is shown them.",
        default=None,
        pattern="^[A-Za-z0-9.\\[\\]:-]+$",
        examples=["ghcr.io"],
    )
    username: str | None = setting(
        "The user who pushes. Without one, what `docker login` or `podman login` left on this machine is used.",
        default=None,
        min_length=1,
    )
    password: str | None = setting(
        "The password or token of that user.", default=None, sensitive=True, examples=["{{ secrets.registry.token }}"]
    )


def registry_of(image: str) -> str:
    """The host of the registry that an image is named for, Docker Hub's where the name has none."""
    host = image.partition("/")[0]
    return host if "/" in image and (any(one in host for one in ".:") or host == "localhost") else "docker.io"


def credentials(login: RegistryLogin, image: str) -> tuple[str, str] | None:
    """User and password for the registry of an image, where the config has some.

    Raises:
        HookError: the config has a part of what is needed.
    """
    given = (login.registry, login.username, login.password)
    if all(one is None for one in given):
        return None
    if None in given:
        raise HookError("registry, username and password belong together", "give all three, or none")
    assert login.username is not None
    assert login.password is not None
    return (login.username, login.password) if registry_of(image) == login.registry else None


@contextmanager
def auth_file(login: RegistryLogin, image: str) -> Iterator[Path | None]:
    """A file of mode 0600 in a folder of its own, as `config.json` of Docker's, for as long as the context lasts.

    None where the config has nothing for the registry of that image.
    """
    if (found := credentials(login, image)) is None:
        yield None
        return
    from tempfile import TemporaryDirectory

    token = base64.b64encode(":".join(found).encode()).decode()
    with TemporaryDirectory(prefix="stackspec-login-") as folder:
        file = Path(folder, "config.json")
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as writer:
            json.dump({"auths": {registry_of(image): {"auth": token}}}, writer)
        yield file


def engine_header(login: RegistryLogin, image: str) -> dict[str, str]:
    """What an engine is shown for a push: of the config, else of what `docker login` left in a file."""
    registry = registry_of(image)
    found = credentials(login, image) or _logged_in(registry)
    told = {"username": found[0], "password": found[1], "serveraddress": registry} if found else {}
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(told).encode()).decode()}


def build_header(login: RegistryLogin) -> dict[str, str]:
    """What an engine is shown for what images are built on."""
    if (found := credentials(login, f"{login.registry}/")) is None:
        return {}
    told = {login.registry: {"username": found[0], "password": found[1]}}
    return {"X-Registry-Config": base64.urlsafe_b64encode(json.dumps(told).encode()).decode()}


def _logged_in(registry: str) -> tuple[str, str] | None:
    folder = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    names = (registry, f"https://{registry}", *(("https://index.docker.io/v1/",) if registry == "docker.io" else ()))
    try:
        auths = json.loads(Path(folder, "config.json").read_text(encoding="utf-8")).get("auths", {})
        entry = next(auths[name] for name in names if name in auths)
        user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    except (OSError, ValueError, KeyError, AttributeError, StopIteration):
        return None  # nobody logged in, or a helper program keeps it
    return user, password
