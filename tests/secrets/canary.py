"""A secret looked for in everything that is written, in each form in which it could get out."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, quote_plus

TOLD = 6
"""Characters of a part of a secret that tells of it."""
_ZEROS = re.compile(b"\0{9,}")
"""What databases fill files with."""
PARTS = ("a part", "the end")
"""The forms that are parts."""


def traces(data: bytes, secret: str) -> list[str]:
    """The forms of a secret that are in some bytes."""
    return [name for name, form in forms(secret).items() if form in data]


@lru_cache
def forms(secret: str) -> Mapping[str, bytes]:
    """Name to what a secret looks like: as it is, in parts, encoded also in the middle of something, and digested."""
    raw = secret.encode("utf-8", "surrogatepass")
    length = max(TOLD, len(raw) // 2)
    found: dict[str, str | bytes] = {
        "plain": raw,
        "a part": raw[:length],
        "the end": raw[-length:],
        "reversed": raw[::-1],
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "url": quote(secret, safe="", errors="surrogatepass"),
        "form": quote_plus(secret, errors="surrogatepass"),
        "json": json.dumps(secret)[1:-1],
        "json in json": json.dumps(json.dumps(secret))[3:-3],
        "repr": repr(secret)[1:-1],
        "html": html.escape(secret),
        "utf-16": secret.encode("utf-16-le", "surrogatepass"),
        **dict(_encoded("base64", base64.b64encode, raw, 3, 4)),
        **dict(_encoded("url-safe base64", base64.urlsafe_b64encode, raw, 3, 4)),
        **dict(_encoded("base32", base64.b32encode, raw, 5, 8)),
        **{name: hashlib.new(name, raw).hexdigest() for name in ("md5", "sha1", "sha256", "sha512", "blake2b")},
        "blake2b-16": hashlib.blake2b(raw, digest_size=16).hexdigest(),
    }
    for part in PARTS:
        if len(set(found[part])) < TOLD:
            del found[part]  # such a part is in everything
    return {name: form if isinstance(form, bytes) else form.encode() for name, form in found.items()}


def _encoded(
    name: str, encode: Callable[[bytes], bytes], raw: bytes, taken: int, given: int
) -> Iterator[tuple[str, bytes]]:
    """What an encoding makes of a text with so many bytes before it that others stand for it.

    Args:
        taken, given: The bytes that go into one group, and the characters that come of it.
    """
    for before in range(taken):
        text = encode(bytes(before) + raw).rstrip(b"=")
        bits = 8 * taken // given
        sure = (before + len(raw)) * 8 // bits  # what comes behind has no say in these
        yield f"{name} behind {before}" if before else name, text[-(-before * 8 // bits) : sure]


def in_files(root: Path, *secrets: str, but: Collection[Path] = (), since: float = 0.0) -> list[str]:
    """Where secrets are in the names and contents of files under a folder.

    Args:
        but: Files in which they may be.
        since: When the first of the files that count was written last, in seconds since the epoch.
    """
    found = []
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root)).encode()
        try:
            counts = path.is_file() and path not in but and path.stat().st_mtime >= since
            data = _ZEROS.sub(bytes(8), path.read_bytes()) if counts else b""
        except FileNotFoundError:
            continue  # a server that runs has removed it
        for secret in secrets:
            found += [f"name of {path}: {form}" for form in traces(name, secret)]
            found += [f"{path}: {form}" for form in traces(data, secret)]
    return found
