"""Whatever names, labels, values and messages say, a report in any form says what it is to say, and nothing else."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft7Validator
from junitparser import JUnitXml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, Severity, Span
from stackspec.manifest.model import EnvironmentSpec
from stackspec.manifest.text import SourceText
from stackspec.plan.model import Action, Change, FieldChange, Plan
from stackspec.render.github import MOST, github, told
from stackspec.render.gitlab import gitlab
from stackspec.render.junit import junit
from stackspec.render.markdown import LONGEST_COMMENT, markdown, marker
from stackspec.render.report import Report
from stackspec.render.sarif import sarif
from stackspec.stack.model import Environment
from tests.render.reports import reports, sarif_schema

hostile = settings(max_examples=40, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)


# --- Markdown


class Tags(HTMLParser):
    """The tags of a piece of HTML; nothing may have an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs
        self.found.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"!{data}")


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


@hostile
@given(reports())
def test_nothing_breaks_out_of_markdown(report: Report) -> None:
    text = markdown(report)
    assert len(text) <= LONGEST_COMMENT
    assert text.startswith(f"{marker(report)}\n")
    tokens = parsed(text)
    assert {token.type for token in tokens} <= {
        *("html_block", "heading_open", "heading_close", "inline", "paragraph_open", "paragraph_close", "fence"),
        *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
    }
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h3"]
    open_folds = 0
    for block in (token.content for token in tokens if token.type == "html_block"):
        tags = Tags()
        tags.feed(block)
        if block.startswith("<!--"):
            assert tags.found == [f"!{marker(report)[4:-3]}"]
        elif block == "</details>\n":
            open_folds -= 1
        else:
            first, second, *inner, last = tags.found
            assert (first, second, last) == ("details", "summary", "/summary")
            assert inner == ["code", "/code"] * (len(inner) // 2)
            open_folds += 1
        assert open_folds in (0, 1)
    assert open_folds == 0
    for token in tokens:
        if token.type == "fence":
            assert token.info in ("diff", "text")
            if token.info == "diff":
                assert all(re.match(r"[#+!-] ", line) for line in token.content.splitlines())


@hostile
@given(reports())
def test_no_text_stands_where_a_forge_makes_links_and_mentions_of_it(report: Report) -> None:
    for token in inline(parsed(markdown(report))):
        assert token.type in (
            *("text", "code_inline", "softbreak", "strong_open", "strong_close", "link_open", "link_close"),
        )
        if token.type == "text":
            assert not set(token.content) & set("@#<>|~$&\\`[]*"), token.content
            assert "evil" not in token.content
        if token.type == "link_open":
            assert re.fullmatch(
                r"(https://forge\.example/acme/ml/blob/1f/)?[A-Za-z0-9%/._~-]+#L[0-9]+", str(token.attrs["href"])
            )


def many(number: int, severity: Severity = Severity.ERROR) -> tuple[Diagnostic, ...]:
    return tuple(
        Diagnostic(
            "SS0205", f"problem {index} {'x' * 500}", Span("stacks/a.yaml", index, 1, index, 5), severity=severity
        )
        for index in range(1, number + 1)
    )


def test_what_there_is_no_room_for_is_left_out_in_whole_folds_and_said() -> None:
    text = markdown(Report("validate", None, many(1000)))
    assert 40_000 < len(text) <= LONGEST_COMMENT
    assert "❌ 1000 errors" in text
    assert "- … and 980 more" in text
    assert text.count("<details>") == text.count("</details>") > 1
    assert "✂ Left out" in text
    assert text.rstrip().endswith("`stackspec validate` shows it all.")


def test_what_is_destroyed_is_to_be_seen_however_much_else_changes() -> None:
    environment = Environment("prod", EnvironmentSpec())
    source = Span("stacks/a.yaml", 1, 1, 1, 2)
    fields = (FieldChange(("config", "path"), None, "x" * 100),) * 20

    def change(number: int, action: Action) -> Change:
        address = ComponentAddress("artifact_store", f"a{number:04}")
        return Change(address, action, "local", (f"s{number:04}",), source, "a reason", fields)

    changes = [change(number, Action.CREATE) for number in range(300)]
    plan = Plan(environment, "", 0, (*changes, change(998, Action.REPLACE), change(999, Action.DELETE)), {})
    text = markdown(Report("plan", "prod", plan=plan))
    head, *folds = text.split("<details>")
    assert "**300 to create, 1 to replace, 1 to delete**" in head
    assert re.findall(r"⚠ \*\*([a-z]+)\*\*", head) == ["destroyed", "replaced"]
    assert ["s0998" in folds[0], "s0999" in folds[1], "s0000" in folds[2]] == [True] * 3
    assert re.search(r"Left out, .*: `stack s[0-9]+, .* and [0-9]+ more`", text)


@pytest.mark.parametrize("limit", [3_000, 10_000, 65_536, 1_000_000])
@pytest.mark.parametrize("count", [0, 1, 30, 3_000])
def test_it_is_never_longer_than_it_may_be(limit: int, count: int) -> None:
    assert len(markdown(Report("plan", "prod", many(count)), limit).encode()) <= limit


# --- GitHub


_COMMAND = re.compile(r"::(error|warning|notice) ([^\n]*?)::([^\n]*)\n")
_PROPERTY = re.compile(r"([A-Za-z]+)=([^,:]*)")


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """The commands of a log as GitHub's runner reads them."""
    assert len(text.splitlines()) == text.count("\n")
    found = [_COMMAND.fullmatch(line) for line in text.splitlines(keepends=True)]
    read = []
    for match in found:
        assert match is not None
        properties = [_PROPERTY.fullmatch(one) for one in match[2].split(",")]
        assert all(properties)
        given = {one[1]: one[2] for one in properties if one}
        read.append((match[1], {key: unescaped(value) for key, value in given.items()}, unescaped(match[3])))
    return read


def unescaped(text: str) -> str:
    for escape, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


@hostile
@given(reports())
def test_nothing_breaks_out_of_githubs_commands(report: Report) -> None:
    read = commands(github(report))
    errors, warnings = ([one for one in report.findings if one.is_error is wanted] for wanted in (True, False))
    assert [level for level, *_ in read] == [
        *["error"] * min(MOST, len(errors)),
        *["warning"] * min(MOST, len(warnings)),
        "notice",
    ]
    messages = {told(one.diagnostic) for one in report.findings}
    for _, given_, message in read[:-1]:
        assert message in messages
        assert set(given_) <= {"file", "line", "endLine", "col", "endColumn", "title"}
        assert int(given_["line"]) <= int(given_["endLine"])
        assert "col" not in given_ or given_["line"] == given_["endLine"]


def test_what_github_would_drop_is_counted() -> None:
    *shown, (level, _, message) = commands(github(Report("validate", None, many(13))))
    assert [level for level, *_ in shown] == ["error"] * 10
    assert (level, message) == ("notice", "13 errors; 3 more errors are not shown here")


# --- SARIF, GitLab, JUnit


@hostile
@given(reports())
def test_sarif_meets_its_schema(report: Report) -> None:
    document = json.loads(sarif(report))
    Draft7Validator(sarif_schema()).validate(document)
    (run,) = document["runs"]
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]
    assert len(run["results"]) == len(report.findings)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result.get("kind") != "review" or result["level"] == "none"
        (location,) = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9%/._~-]+", uri)
        assert not unquote(uri).startswith(("/", "../"))
    prints = [one["partialFingerprints"]["primaryLocationLineHash"] for one in run["results"]]
    assert len(set(prints)) == len(prints)


@hostile
@given(reports())
def test_no_text_is_a_link_in_sarif(report: Report) -> None:
    results = json.loads(sarif(report))["runs"][0]["results"]
    messages = [one["message"]["text"] for one in results]
    assert [re.sub(r"\\(.)", r"\1", text) for text in messages] == [told(one.diagnostic) for one in report.findings]
    messages += [one["message"]["text"] for result in results for one in result.get("relatedLocations", ())]
    for text in messages:
        assert not set(re.sub(r"\\[][\\]", "", text)) & set("[]\\")


@hostile
@given(reports())
def test_gitlab_gets_a_list_of_its_form(report: Report) -> None:
    issues = json.loads(gitlab(report))
    assert len(issues) == len(report.findings)
    for issue in issues:
        assert list(issue) == ["description", "check_name", "fingerprint", "severity", "location"]
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["lines"]["begin"] >= 1
    assert len({one["fingerprint"] for one in issues}) == len(issues)


SCHEMA = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname"},
    "testcase": {"name", "assertions", "time", "classname", "status"},
    "failure": {"message", "type"},
    "system-out": set[str](),
}
"""Element to the attributes that the schema of Jenkins's plugin allows."""


@hostile
@given(reports())
def test_junit_is_xml_with_a_failure_for_each_error(report: Report) -> None:
    text = junit(report)
    root = ET.fromstring(text)
    failures = root.findall("testsuite/testcase/failure")
    errors = sum(one.is_error for one in report.findings)
    assert len(failures) >= errors
    assert int(root.attrib["failures"]) == len(failures)
    read = JUnitXml.fromstring(text.encode("utf-8"))
    assert (read.tests, read.failures, read.errors) == (len(root.findall("testsuite/testcase")), len(failures), 0)
    for element in root.iter():
        assert set(element.attrib) <= SCHEMA[element.tag]


# --- fingerprints


MANIFEST = "kind: Stack\nspec:\n  password: hunter2 # one\n  b: 2\n"


def prints(text: str, line: int, code: str = "SS0205", form: Any = sarif) -> list[str]:
    source = SourceText("stacks/a.yaml", text)
    found = Diagnostic(code, "a message", source.span(text.index(text.splitlines()[line - 1]), len(text)))
    document = json.loads(form(Report("validate", None, (found,), texts={source.file: source})))
    return [one["partialFingerprints"]["primaryLocationLineHash"] for one in document["runs"][0]["results"]]


def test_a_fingerprint_stays_when_lines_come_above() -> None:
    assert prints(MANIFEST, 4) == prints("# a comment\n\n" + MANIFEST, 6)
    assert prints(MANIFEST, 4) != prints(MANIFEST, 2)
    assert prints(MANIFEST, 4) != prints(MANIFEST, 4, "SS0206")


@pytest.mark.parametrize("code", ["SS0205", "SS0808"])
def test_a_fingerprint_is_made_of_no_secret(code: str) -> None:
    assert prints(MANIFEST, 3, code) == prints(MANIFEST.replace("hunter2", "hunter3"), 3, code)
