"""A report as SARIF 2.1.0, for what collects the results of static analysis.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from stackspec.core.codes import CODES, documentation
from stackspec.core.diagnostic import Note, Span
from stackspec.render.github import told
from stackspec.render.report import Located, Report
from stackspec.render.text import json_text, safe

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "SRCROOT"


def sarif(report: Report) -> str:
    """One run, with the rules that its results name; what is only to be looked at is of the kind `review`."""
    located = list(report.located)
    codes = sorted({one.finding.diagnostic.code for one in located})
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "stackspec",
                "version": report.version,
                "informationUri": documentation(),
                "rules": [_rule(code) for code in codes],
            }
        },
        "automationDetails": {"id": f"stackspec/{report.command}/{quote(safe(report.asked or ''))}"},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, codes.index(one.finding.diagnostic.code), report) for one in located],
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    one = CODES[code]
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in one.slug.split("-")),
        "shortDescription": {"text": one.slug.replace("-", " ")},
        "fullDescription": {"text": one.meaning},
        "help": {
            "text": f"{one.meaning}\nExample: {one.example}\nWhat to do: {one.remedy}",
            "markdown": f"{one.meaning}\n\n- Example: {one.example}\n- What to do: {one.remedy}",
        },
        "helpUri": documentation(code),
    }


def _result(located: Located, index: int, report: Report) -> dict[str, Any]:
    diagnostic = located.finding.diagnostic
    result: dict[str, Any] = {"ruleId": diagnostic.code, "ruleIndex": index}
    if located.finding.is_review:
        result |= {"kind": "review", "level": "none"}  # the standard leaves no other level to this kind (3.27.10)
    else:
        result["level"] = diagnostic.severity.value
    result |= {
        "message": {"text": _plain(told(diagnostic))},
        "locations": [{"physicalLocation": _physical(located.path, located.span)}],
        "partialFingerprints": {"primaryLocationLineHash": located.fingerprint},
    }
    related = [_related(index, one, report) for index, one in enumerate(diagnostic.notes, 1)]
    if found := [one for one in related if one is not None]:
        result["relatedLocations"] = found
    return result


def _related(index: int, note: Note, report: Report) -> dict[str, Any] | None:
    path = report.place.path(note.source) if note.source else None
    if note.source is None or path is None:
        return None
    physical = _physical(path, note.source)
    return {"id": index, "physicalLocation": physical, "message": {"text": _plain(safe(note.message))}}


def _plain(text: str) -> str:
    """A text in which nothing is a link: of Markdown plain messages hold `[text](place)` alone (3.11.6)."""
    return _OF_LINKS.sub(r"\\\g<0>", text)


_OF_LINKS = re.compile(r"[][\\]")


def _physical(path: str, span: Span) -> dict[str, Any]:
    uri = quote(path.encode("utf-8", "surrogateescape"))
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    return {"artifactLocation": {"uri": uri, "uriBaseId": _ROOT}, "region": region}
