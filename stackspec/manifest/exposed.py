"""Secrets that stand in manifests as plain text, told by the forms that well-known tokens have, and by names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from stackspec.core.diagnostic import IN_PLAIN_TEXT, Diagnostic, Severity, Span
from stackspec.manifest.text import SourceText

_MOST = 1 << 20
"""Characters of a file that are looked at."""

_TOKENS = {
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "an AWS secret key": (
        r"\b(?:aws_?[sS]ecret(?:_?[aA]ccess)?_?[kK]ey|AWS_SECRET(?:_ACCESS)?_KEY)[\"']?\s{0,9}[:=]\s{0,9}[\"']?"
        r"[0-9A-Za-z/+]{40}\b"
    ),
    "a GitHub token": r"\bgh[pousr]_[0-9A-Za-z]{36,255}\b|\bgithub_pat_[0-9A-Za-z_]{50,255}",
    "a GitLab token": r"\bgl(?:pat|rt|dt|ptt|ft|soat|cbt|imt|agent|oas|ffct)-[0-9A-Za-z_.-]{20,300}",
    "a Slack token": r"\bxox[abeoprs]-[0-9A-Za-z-]{10,250}|\bxapp-[0-9A-Za-z-]{10,250}",
    "a Slack webhook": r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[0-9A-Za-z/_-]{10,250}",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}",
    "a Hugging Face token": r"\bhf_[0-9A-Za-z]{34,40}\b",
    "an OpenAI or Anthropic key": r"\bsk-(?:proj-|ant-)?[0-9A-Za-z_-]{32,200}",
    "an npm token": r"\bnpm_[0-9A-Za-z]{36}\b",
    "a PyPI token": r"\bpypi-[0-9A-Za-z_-]{80,250}",
    "a JSON web token": r"\beyJ[0-9A-Za-z_-]{10,2000}\.eyJ[0-9A-Za-z_-]{10,4000}\.[0-9A-Za-z_-]{10,2000}",
    "a private key": r"-----BEGIN (?:[A-Z0-9]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----",
    "an age identity": r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b",
    # What looks like a port, with a path behind it, is no password.
    "a password in a URL": r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"{}]{0,100}:(?!\d{1,5}/)[^\s:@'\"{}]{3,200}@",
}
"""What a token is called to the form that it has."""

_PARTS = (
    ("AKIA",),
    ("ASIA",),
    ("ecret", "aws"),
    ("AWS_SECRET",),
    *((f"gh{letter}_",) for letter in "pousr"),
    ("github_pat_",),
    ("gl", "-"),
    ("xox",),
    ("xapp-",),
    ("hooks.slack.com/",),
    ("AIza",),
    ("hf_",),
    ("sk-",),
    ("npm_",),
    ("pypi-",),
    ("eyJ",),
    ("PRIVATE KEY",),
    ("AGE-SECRET-KEY-1",),
    ("://", "@"),
)
"""What a text has all of that holds a token: one of these. To look for it costs a fiftieth of looking for the forms."""

TOKEN_FORMS = tuple(_TOKENS.values())
"""The forms alone, as regular expressions without groups."""

_WORDS = (
    *("password", "passwords", "passwd", "passphrase", "pwd", "secret", "secretid", "token", "apikey", "accesskey"),
    *("secretkey", "privatekey", "credential", "credentials"),
)
"""What the name of a key ends with, without `_`, `-` and `.`, whose value is a secret."""
_SEPARATORS = str.maketrans("", "", "_.-")


@cache
def _any() -> re.Pattern[str]:
    """All forms; made when text is first searched, for that takes longer than to import most modules."""
    return re.compile("|".join(f"(?P<t{index}>{form})" for index, form in enumerate(_TOKENS.values())))


def exposed(source: SourceText) -> Iterator[Diagnostic]:
    """A warning for each token that stands in a file, wherever in it, comments too."""
    if not any(all(part in source.text for part in parts) for parts in _PARTS):
        return
    names = list(_TOKENS)
    for found in _any().finditer(source.text, 0, _MOST):
        what = names[int(str(found.lastgroup)[1:])]
        yield plain_secret(f"this looks like {what}", source.span(found.start(), found.end()))


def says_secret(name: str) -> bool:
    """Whether what a key or variable is called says that its value is a secret."""
    plain = name.translate(_SEPARATORS).lower()
    return plain.endswith(_WORDS) or plain == "pass" or name.lower().endswith("_pass")


def plain_secret(what: str, place: Span | None) -> Diagnostic:
    """The warning of a secret that stands in a manifest."""
    message = f"{what}, and everybody who reads the manifests can read it"
    hint = "keep it in a store, declare it by 'kind: Secret', write {{ secrets.NAME.KEY }}; and change it, it was told"
    return Diagnostic(IN_PLAIN_TEXT, message, place, hint, Severity.WARNING)
