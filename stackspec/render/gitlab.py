"""A report as GitLab's code quality report.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import json

from stackspec.core.codes import CODES
from stackspec.render.github import told
from stackspec.render.report import Finding, Report
from stackspec.render.text import safe


def gitlab(report: Report) -> str:
    """A list of what is to be looked at, of the severities `major`, `minor` and, where nothing is wrong, `info`."""
    issues = []
    for one in report.located:
        code = one.finding.diagnostic.code
        issues.append(
            {
                "description": f"{code}: {told(one.finding.diagnostic)}",
                "check_name": f"{code}-{CODES[code].slug}",
                "fingerprint": one.fingerprint,
                "severity": _severity(one.finding),
                "location": {"path": safe(one.path), "lines": {"begin": one.span.line, "end": one.span.end_line}},
            }
        )
    return json.dumps(issues, indent=2) + "\n"


def _severity(finding: Finding) -> str:
    if finding.is_review:
        return "info"
    return "major" if finding.is_error else "minor"
