"""A report as JUnit's XML, which every CI shows as tests.

There is no standard; what is written here is what Jenkins, GitLab and Azure read, and the schema of Jenkins's plugin
allows (`junit-10.xsd` of https://github.com/jenkinsci/xunit-plugin).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from stackspec.core.codes import CODES
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.frozen import dataclass
from stackspec.plan.drift import Drift
from stackspec.plan.model import Change
from stackspec.render.github import told
from stackspec.render.report import Drifted, Finding, Report
from stackspec.render.text import headline, safe_in_xml


@dataclass(frozen=True, slots=True)
class _Case:
    """One test: what it is of, why it failed, if it did, and what else is told of it."""

    name: str
    failure: Diagnostic | None = None
    told: str = ""


@dataclass(frozen=True, slots=True)
class _Suite:
    name: str
    cases: list[_Case] = field(default_factory=list)


def junit(report: Report) -> str:
    """A suite a file, with a case for each problem; of a plan or of drift a suite a stack, a case for each component.

    Errors are failures, and what drifted; a warning is a case that passes and says it.
    """
    suites = [*_stacks(report), *_files(report)]
    top = Element("testsuites", {"name": _xml(f"stackspec {report.command}"), **_numbers(suites)})
    for suite in suites:
        element = SubElement(top, "testsuite", {"name": _xml(suite.name), **_numbers([suite])})
        for case in suite.cases:
            _add(element, suite, case)
    indent(top)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(top, encoding="unicode") + "\n"


def _numbers(suites: Sequence[_Suite]) -> dict[str, str]:
    cases = [case for suite in suites for case in suite.cases]
    failures = sum(case.failure is not None for case in cases)
    return {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "time": "0"}


def _add(parent: Element, suite: _Suite, case: _Case) -> None:
    element = SubElement(parent, "testcase", name=_xml(case.name), classname=_xml(suite.name), time="0")
    if case.failure is not None:
        code = case.failure.code
        failure = SubElement(
            element, "failure", message=_xml(headline(case.failure.message)), type=f"{code} {CODES[code].slug}"
        )
        failure.text = _xml(told(case.failure))
    if case.told:
        SubElement(element, "system-out").text = _xml(case.told)


def _files(report: Report) -> Iterator[_Suite]:
    """A suite for each file that was checked, and for each that something is said of."""
    suites = {name: _Suite(name) for name in report.judged}
    for finding in report.findings:
        if finding.is_review:
            continue
        path = finding.diagnostic.source.file if finding.diagnostic.source else report.path(finding)[0]
        suites.setdefault(path, _Suite(path)).cases.append(_problem(finding))
    for suite in suites.values():
        yield suite if suite.cases else _Suite(suite.name, [_Case("valid")])


def _problem(finding: Finding) -> _Case:
    diagnostic = finding.diagnostic
    line = f" at line {diagnostic.source.line}" if diagnostic.source else ""
    name = f"{diagnostic.code} {CODES[diagnostic.code].slug}{line}: {headline(diagnostic.message)}"
    return _Case(name, diagnostic) if finding.is_error else _Case(name, told=told(diagnostic))


def _stacks(report: Report) -> Iterator[_Suite]:
    suites: dict[str, _Suite] = {}

    def add(stacks: Sequence[str], case: _Case) -> None:
        for name in stacks or ("no stack",):
            suites.setdefault(name, _Suite(name)).cases.append(case)

    if report.plan is not None:
        for change in report.plan.changes:
            add(change.stacks, _change(change))
    if report.drift is not None:
        for stacks, case in _drift(report.drift, report):
            add(stacks, case)
    yield from suites.values()


def _change(change: Change) -> _Case:
    deposed = f" deposed {change.deposed}" if change.deposed else ""
    what = f"{change.address}{deposed} ({change.flavor}): {change.action}"
    return _Case(what, told=headline(change.reason) if change.reason else "")


def _drift(drift: Drifted, report: Report) -> Iterator[tuple[Sequence[str], _Case]]:
    reviews = {one.key: one.diagnostic for one in report.reviews}
    found: dict[str, Drift] = {str(one.address): one for one in drift.found}
    for address in drift.applied.addresses:
        component, name = drift.applied.known(address), str(address)
        if component is None:
            continue
        told_of = found.get(name)
        differs = "" if told_of is None else ": missing" if told_of.missing else ": different"
        yield component.stacks, _Case(f"{name} ({component.flavor}){differs}", reviews.get(name))


def _xml(text: str) -> str:
    return "\n".join(map(safe_in_xml, text.split("\n")))
