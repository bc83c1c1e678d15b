"""A secret looked for in everything that is written, in each form in which it could get out."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

TOLD = 6
"""Characters of a part of a secret that tells of it."""


def traces(data: bytes, secret: str) -> list[str]:
    """The forms of a secret that are in some bytes."""
    raw = secret.encode("utf-8", "surrogatepass")
    forms: dict[str, str | bytes] = {
        "plain": raw,
        "a part": raw[: max(TOLD, len(raw) // 2)],
        "reversed": raw[::-1],
        "base64": base64.b64encode(raw).rstrip(b"=")[:-1],
        "url-safe base64": base64.urlsafe_b64encode(raw).rstrip(b"=")[:-1],
        "base32": base64.b32encode(raw).rstrip(b"=")[:-1],
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "url": quote(secret, safe=""),
        "form": quote_plus(secret),
        "json": json.dumps(secret)[1:-1],
        "repr": repr(secret)[1:-1],
        "html": html.escape(secret),
        "utf-16": secret.encode("utf-16-le", "surrogatepass"),
        **{name: hashlib.new(name, raw).hexdigest() for name in ("md5", "sha1", "sha256", "sha512", "blake2b")},
        "blake2b-16": hashlib.blake2b(raw, digest_size=16).hexdigest(),
    }
    if len(set(raw[: max(TOLD, len(raw) // 2)])) < TOLD:
        del forms["a part"]  # such a part is in everything
    return [name for name, form in forms.items() if (form if isinstance(form, bytes) else form.encode()) in data]


def in_files(root: Path, secret: str) -> list[str]:
    """Where a secret is in the names and contents of files under a folder."""
    found = []
    for path in sorted(root.rglob("*")):
        found += [f"name of {path}: {form}" for form in traces(str(path.relative_to(root)).encode(), secret)]
        if path.is_file():
            found += [f"{path}: {form}" for form in traces(path.read_bytes(), secret)]
    return found
