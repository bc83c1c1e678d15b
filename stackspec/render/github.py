"""A report as GitHub's workflow commands, which become annotations of a pull request's lines.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackspec.core.codes import CODES
from stackspec.core.diagnostic import Diagnostic
from stackspec.render.diagnostics import problems_text
from stackspec.render.drift import drift_counts_text
from stackspec.render.plan import counts_text
from stackspec.render.report import Finding, Report
from stackspec.render.text import safe

MOST = 10
"""How many errors, and how many warnings, GitHub shows of a step; it drops the others without a word."""


def github(report: Report) -> str:
    """One command a line: errors, warnings, and last a notice that counts what there is, shown or not."""
    errors = [one for one in report.findings if one.is_error]
    warnings = sorted((one for one in report.findings if not one.is_error), key=lambda one: not one.is_review)
    lines = [_finding("error", one, report) for one in errors[:MOST]]
    lines += [_finding("warning", one, report) for one in warnings[:MOST]]
    more = [
        f"{len(found) - MOST} more {noun}s are not shown here"
        for noun, found in (("error", errors), ("warning", warnings))
        if len(found) > MOST
    ]
    title = f"stackspec {report.command}" + (f" {report.environment}" if report.environment else "")
    lines.append(_command("notice", {"title": title}, "; ".join([_said(report), *more])))
    return "\n".join(lines) + "\n"


def _said(report: Report) -> str:
    if report.plan is not None:
        return counts_text(report.plan.summary)
    if report.drift is not None:
        return drift_counts_text(report.drift.applied, report.drift.found, report.drift.unseen) or "no drift"
    return problems_text(report.diagnostics) or report.described or "valid"


def _finding(level: str, finding: Finding, report: Report) -> str:
    diagnostic = finding.diagnostic
    path, span = report.path(finding)
    properties = {"file": path, "line": str(span.line), "endLine": str(span.end_line)}
    if span.line == span.end_line and diagnostic.source:  # columns are taken on one line only
        properties |= {"col": str(span.column), "endColumn": str(max(span.column, span.end_column - 1))}
    properties["title"] = f"{diagnostic.code} {CODES[diagnostic.code].slug}"
    return _command(level, properties, told(diagnostic))


def told(diagnostic: Diagnostic) -> str:
    """A diagnostic as lines of text: message, notes with their places, hint."""
    lines: Sequence[str] = [
        diagnostic.message,
        *(f"note: {one.message}" + (f" ({one.source})" if one.source else "") for one in diagnostic.notes),
        *([f"help: {diagnostic.hint}"] if diagnostic.hint else []),
    ]
    return "\n".join(safe(line) for text in lines for line in text.split("\n"))


def _command(name: str, properties: Mapping[str, str], message: str) -> str:
    given = ",".join(f"{key}={_property(safe(value))}" for key, value in properties.items())
    return f"::{name} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
