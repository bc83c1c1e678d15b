"""What a diagnostic shows of a manifest holds no secret, whatever line it is about."""

from __future__ import annotations

import pytest

from stackspec.core.diagnostic import Diagnostic
from stackspec.manifest.exposed import exposed
from stackspec.manifest.masked import MASK
from stackspec.manifest.text import SourceText
from stackspec.render.diagnostics import diagnostics_text
from stackspec.render.text import Style

AWS = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
PEM = f"key: |\n  -----BEGIN PRIVATE KEY-----\n  {BODY}\n  abc{BODY}\n  -----END PRIVATE KEY-----\nname: dev\n"


def shown(text: str, line: int = 1, column: int = 1) -> str:
    """The line of an excerpt, as a diagnostic about a place in it shows it."""
    source = SourceText("stacks/dev.yaml", text)
    start = sum(len(one) + 1 for one in text.split("\n")[: line - 1]) + column - 1
    found = Diagnostic("SS0203", "unknown key", source.span(start, start + 1))
    told = diagnostics_text([found], {source.file: source}, Style(False)).split("\n")
    return told[2].partition("| ")[2]


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("url: redis://:hunter2pass@h/0", "hunter2"),
        ("url: postgres://u:ab/cdSECRET@h/d", "SECRET"),
        ("url: postgres://u:1/ab@cdSECRET@h/d", "SECRET"),
        ("url: amqp://u:p@h", ":p@"),
        ("DB_PASSWORD: hunter2-in-plain", "hunter2"),
        ("DB_PASSWORD: hunter2, in plain", "plain"),
        ("  - dbPassword: hunter2 # or hunter3", "hunter"),
        ('"db.password" : hunter2', "hunter2"),
        ("secret_id: s.PLAINTEXTSECRETID", "PLAINTEXT"),
        ("client-secret: 'it''s hunter2'", "hunter2"),
        ('apiKey: "hunter\\"2"', "hunter"),
        ("api_key: 123456", "123456"),
        ("environment: {A: b, API_TOKEN: hunter2, C: d}", "hunter2"),
        ('environment: {DB: "host=x password=hunter2 user=y"}', "hunter2"),
        ('password: "{{ vars.prefix }}hunter2"', "hunter2"),
        ("password: \"{{ vars.x | default('hunter2') }}\"", "hunter2"),
        (f"aws_secret_access_key: {AWS}", AWS),
        (f"other: [{AWS}]", AWS),
        ("runner: glrt-t1_abcdefghijklmnopqrst", "glrt"),
        ("hook: https://hooks.slack.com/services/T0000000/B0000000/abcdefghijklmnop", "abcdefgh"),
        (f'key: "-----BEGIN RSA PRIVATE KEY-----\\n{BODY}\\n-----END RSA PRIVATE KEY-----"', BODY),
        (f"key: -----BEGIN PRIVATE KEY----- {BODY}", BODY),
    ],
)
def test_a_secret_is_masked(line: str, secret: str) -> None:
    told = shown(line)
    assert secret not in told
    assert MASK in told
    assert len(told) == len(line)


@pytest.mark.parametrize(
    ("text", "line", "secret"),
    [
        (PEM, 2, "PRIVATE"),
        (PEM, 3, BODY),
        (PEM, 4, BODY),
        (PEM, 5, "END"),
        ("password: |\n  hunter2\n    hunter3\n", 2, "hunter2"),
        ("password: |\n  hunter2\n    hunter3\n", 3, "hunter3"),
        ("passwords:\n- hunter2\n", 2, "hunter2"),
        ('- token: "hunter2\n    hunter3"\n', 2, "hunter3"),
        ("secret:\n  value: hunter2\n", 2, "hunter2"),
    ],
)
def test_a_secret_is_masked_on_each_of_its_lines(text: str, line: int, secret: str) -> None:
    told = shown(text, line)
    assert secret not in told
    assert MASK in told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (PEM, 6),
        ("secrets: [db, api]", 1),
        ("secrets:\n- db\n", 2),
        ('password: "{{ secrets.db.pasword }}"', 1),
        ("config: {password: {{ secrets.db.pasword }}, x: y}", 1),
        ("token_variable: VAULT_TOKEN", 1),
        ("max_tokens: 4096", 1),
        ("image: registry.example.org:5000/ml/train@sha256:0123", 1),
        ("commit: 0123456789abcdef0123456789abcdef01234567", 1),
        ("password: hunter2\nname: dev", 2),
        ("url: https://example.org/path", 1),
    ],
)
def test_what_is_none_is_shown(text: str, line: int) -> None:
    assert shown(text, line) == text.split("\n")[line - 1]


def test_a_secret_is_masked_far_in_on_a_long_line() -> None:
    line = f"password: {'x' * 700}hunter2{'x' * 700}"
    assert set(shown(line, column=710)) == {MASK}


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("redis://:hunter2pass@h/0", ["a password in a URL"]),
        ("postgres://u:ab/cdSECRET@h/d", ["a password in a URL"]),
        ("oci://registry.example.org:5000/ml/train@sha256:0123", []),
        (f"AWS_SECRET_ACCESS_KEY={AWS}", ["an AWS secret key"]),
        (AWS, []),
        ("glrt-t1_abcdefghijklmnopqrst", ["a GitLab token"]),
        ("https://hooks.slack.com/services/T0000000/B0000000/abcdefghijklmnop", ["a Slack webhook"]),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----", ["a private key"]),
    ],
)
def test_what_is_warned_of(text: str, called: list[str]) -> None:
    found = exposed(SourceText("stacks/dev.yaml", text))
    assert [one.message.partition(",")[0] for one in found] == [f"this looks like {name}" for name in called]
