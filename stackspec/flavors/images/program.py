"""Images built by a program of this machine: docker, podman or buildah, whose options are nearly the same."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from stackspec.core.loopback import is_local
from stackspec.flavors.contract import HookContext, HookError
from stackspec.flavors.images.login import RegistryLogin, auth_file, registry_of
from stackspec.flavors.processes.program import run


def build(
    program: Sequence[str],
    options: Sequence[str],
    context: HookContext,
    folder: Path,
    image: str,
    dockerfile: str,
    build_args: Mapping[str, str],
    login: RegistryLogin,
) -> str:
    """Build an image.

    Args:
        program: The program, and the options that stand before its commands.
        options: Those of its command `build`.
        login: Who pulls what the image is built on.

    Returns:
        The image's id.
    """
    with auth_file(login, f"{login.registry}/") as auth, TemporaryDirectory(prefix="stackspec-build-") as made:
        file = Path(made, "id")
        arguments = [f"--build-arg={name}={value}" for name, value in build_args.items()]
        command = [*_shown(program, "build", auth), *options, f"--iidfile={file}", f"--tag={image}", *arguments]
        run([*command, f"--file={folder / dockerfile}", str(folder)], context, hint="look at the Dockerfile")
        told = file.read_text(encoding="utf-8").strip()
    return told if told.startswith("sha256:") else f"sha256:{told}"


def push(program: Sequence[str], context: HookContext, image: str, login: RegistryLogin) -> str:
    """Send an image to its registry; the digest of its manifest."""
    hint = "look at the registry, and at who may push there: registry, username and password"
    with auth_file(login, image) as auth, TemporaryDirectory(prefix="stackspec-push-") as made:
        command = _shown(program, "push", auth)
        if _is_docker(program):
            told = run([*command, image], context, hint=hint)
        else:
            file = Path(made, "digest")
            plain = ["--tls-verify=false"] if is_local(registry_of(image)) else []
            run([*command, *plain, f"--digestfile={file}", image], context, hint=hint)
            told = f"digest: {file.read_text(encoding='utf-8').strip()}"
    if not (found := re.search("digest: (sha256:[0-9a-f]{64})", told)):
        raise HookError(f"{program[0]} does not tell the digest of {image}")
    return found[1]


def _shown(program: Sequence[str], command: str, auth: Path | None) -> list[str]:
    """A program with a command, and the file that says who it is to registries."""
    if auth is None:
        return [*program, command]
    if _is_docker(program):
        return [*program, "--config", str(auth.parent), command]
    return [*program, command, f"--authfile={auth}"]


def _is_docker(program: Sequence[str]) -> bool:
    return os.path.basename(program[0]) == "docker"
