"""The real GnuPG, with a key of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ADDRESS = "ada@example.com"
OTHER = "eve@example.com"
"""Whose key is made and lost again."""


def needs_program(name: str, package: str) -> pytest.MarkDecorator:
    """A test of what another program hands out."""
    missing = shutil.which(name) is None
    if missing and os.environ.get("STACKSPEC_TEST_ALL"):
        raise RuntimeError(f"the program '{name}' is required: apt-get install {package}")
    return pytest.mark.skipif(missing, reason=f"there is no program '{name}': apt-get install {package}")


def variables(home: Path) -> dict[str, str]:
    """The variables of a process that uses the keys of a home and nobody else's."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "GNUPGHOME": str(home)}


def gpg(home: Path, *arguments: str, text: str | bytes = b"") -> bytes:
    """What gpg prints."""
    words = ["gpg", "--batch", "--quiet", "--yes", *arguments]
    data = text if isinstance(text, bytes) else text.encode()
    return subprocess.run(words, check=True, capture_output=True, input=data, env=variables(home)).stdout


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A GNUPGHOME in which the key of ADDRESS is, and the public half of OTHER's."""
    with TemporaryDirectory(dir="/tmp") as folder:  # an agent's socket has a short name
        path = Path(folder)
        for address in (ADDRESS, OTHER):
            gpg(path, "--passphrase", "", "--quick-generate-key", address, "future-default", "default", "never")
        fingerprint = gpg(path, "--with-colons", "--list-secret-keys", OTHER).decode().split("fpr:::::::::")[1][:40]
        gpg(path, "--delete-secret-keys", fingerprint)
        try:
            yield path
        finally:
            subprocess.run(["gpgconf", "--kill", "all"], check=True, env=variables(path))


def encrypt(home: Path, path: Path, text: str | bytes, *options: str, to: str = ADDRESS) -> None:
    """Put a text where it is to be, encrypted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gpg(home, "--trust-model", "always", "--recipient", to, *options, "--encrypt", text=text))
