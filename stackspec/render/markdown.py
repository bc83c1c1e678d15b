"""A report as Markdown, for a comment in a pull request and for the summary of a CI job.

The counts, what is destroyed or replaced, and the headlines of problems are always to be seen; a stack's changes are
folded. What there is no room for is left out in whole folds, from the end, and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from stackspec.core.address import ComponentAddress, format_path, is_name
from stackspec.core.diagnostic import Diagnostic, Severity, Span, has_errors
from stackspec.core.frozen import dataclass
from stackspec.plan.drift import Drift
from stackspec.plan.model import NOT_APPLIED, NOT_SELECTED, Action, Change, FieldChange, Plan
from stackspec.render.diagnostics import diagnostics_text, problems_text
from stackspec.render.drift import drift_counts_text
from stackspec.render.markdown_text import Page, block, fold, in_html, link, size, span
from stackspec.render.plan import PROTECTION, UNTRUSTED, counts_text, recorded_text, since_text
from stackspec.render.report import Drifted, Report, destroyed_by
from stackspec.render.text import Style, headline, shown

LONGEST_COMMENT = 65_535
"""Characters of the longest comment that GitHub is sure to take."""
LONGEST_SUMMARY = 1024 * 1024
"""Bytes of the longest summary of a step that GitHub takes."""

_SPARE = 400
"""Bytes that are kept for the last line, which says what was left out."""
_LONGEST_FOLD = 16_000
"""Bytes after which what is in a fold goes on in the next one: more of it is shown where there is no room for all."""
_MOST_ITEMS = 50
_MOST_PROBLEMS = 20
_MOST_NOTES = 3
_MOST_STACKS = 100


@dataclass(frozen=True, slots=True)
class _Fold:
    """What is folded: its title in words, its summary in HTML, and its parts, of which none is ever cut."""

    title: str
    summary: str
    parts: Sequence[str]


def marker(report: Report) -> str:
    """The first line, which nobody sees: by it a comment is found again, to be written anew.

    It is made of what was asked, not of what was found: a plan that fails has the line of one that does not. A
    repository may hold several projects, with environments of the same name.
    """
    name, folder = report.asked, quote(report.place.folder.encode("utf-8", "surrogateescape"))
    subject = (f" {name}" if name and is_name(name) else "") + (f" in {folder}" if folder else "")
    return f"<!-- stackspec {report.command}{subject} -->"


def markdown(report: Report, limit: int = LONGEST_COMMENT) -> str:
    """The report, at most as long as the limit in bytes of UTF-8."""
    page = Page(limit)
    page.add(f"{marker(report)}\n### stackspec {report.command}{_in_environment(report)}")
    page.add(f"**{_counts(report)}**")
    for heading, items in (("Destroyed or replaced", _gone(report)), ("Not as applied", _drifted(report))):
        if items:
            page.add(f"⚠ **{heading}:**")
            page.add_items(items, limit // 4, _MOST_ITEMS, _SPARE)
    if report.diagnostics:
        page.add("**Problems:**")
        page.add_items(_problems(report), limit // 4, _MOST_PROBLEMS, _SPARE)
    for remark in _remarks(report):
        page.add(remark, spare=_SPARE)
    left: list[str] = []
    for one in _parted(_folds(report)):
        if left or not page.add(fold(one.summary, one.parts), spare=_SPARE):
            left.append(one.title)
    if left:
        named = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        told = f"✂ Left out, for a comment can be no longer: {span(named)}. `stackspec {report.command}` shows it all."
        page.add(told)
    return str(page)


# --- what is always to be seen


def _in_environment(report: Report) -> str:
    return f": {span(report.environment)}" if report.environment else ""


def _counts(report: Report) -> str:
    told = problems_text(report.diagnostics)
    if report.plan is not None:
        counts = counts_text(report.plan.summary)
        said = f"{counts}" if report.plan.has_changes else f"No changes: {counts}"
    elif report.drift is not None:
        said = _drift_counts(report.drift)
    elif has_errors(report.diagnostics):
        return f"❌ {told}"
    else:
        said = f"✅ {report.described or 'valid'}"
    return f"{said}; {told}" if told else said


def _drift_counts(drift: Drifted) -> str:
    told = drift_counts_text(drift.applied, drift.found, drift.unseen)
    differs = drift.found or drift.unseen or drift.unfinished
    return f"{'Drift' if differs else 'No drift'}: {told or 'nothing is applied'}"


def _gone(report: Report) -> list[str]:
    if report.plan is None:
        return []
    changes = sorted(destroyed_by(report.plan), key=lambda one: one.action is not Action.DELETE)
    return [_gone_item(one, report) for one in changes]


def _gone_item(change: Change, report: Report) -> str:
    what = "destroyed" if change.action is Action.DELETE else "replaced"
    name = f"{_named(change.address, change.source, report)} ({span(change.flavor)})"
    owned = _of(change.stacks) + _owned(change.address, report)
    return f"⚠ **{what}** {name}{owned}: {span(headline(change.reason))}"


def _drifted(report: Report) -> list[str]:
    """What is not as it was applied, and what is not finished, what is gone first."""
    if report.drift is None:
        return []
    found = {str(one.address): one for one in report.drift.found}
    reviews = sorted(report.reviews, key=lambda one: not (one.key in found and found[one.key].missing))
    return [_drifted_item(found.get(one.key), one.diagnostic, report) for one in reviews]


def _drifted_item(drift: Drift | None, diagnostic: Diagnostic, report: Report) -> str:
    if drift is None:
        return f"⚠ **unfinished**{_at(diagnostic.source, report)}: {span(diagnostic.message)}"
    name = f"{_named(drift.address, diagnostic.source, report)} ({span(drift.component.flavor)})"
    owned = _of(drift.component.stacks) + _owned(drift.address, report)
    return f"⚠ **{_differs(drift)}** {name}{owned}: {span(headline(drift.reason))}"


def _of(stacks: Sequence[str]) -> str:
    more = f" and {len(stacks) - 3} more stacks" if len(stacks) > 3 else ""
    return f" of {', '.join(map(span, stacks[:3]))}{more}" if stacks else ""


def _owned(address: ComponentAddress, report: Report) -> str:
    owner = report.owners.get(str(address))
    return f", {span(f'owner: {owner}')}" if owner else ""


def _named(address: ComponentAddress, source: Span | None, report: Report) -> str:
    return link(span(str(address)), report.place.link(source) if source else None)


def _problems(report: Report) -> list[str]:
    return [_problem(one.diagnostic, report) for one in report.findings if not one.is_review]


def _problem(diagnostic: Diagnostic, report: Report) -> str:
    sign = "❌" if diagnostic.severity is Severity.ERROR else "⚠"
    item = f"{sign} **{diagnostic.code}**{_at(diagnostic.source, report)}: {span(headline(diagnostic.message))}"
    notes = [f"\n  - {span(one.message)}{_at(one.source, report)}" for one in diagnostic.notes[:_MOST_NOTES]]
    return item + "".join(notes)


def _at(source: Span | None, report: Report) -> str:
    return f" at {link(span(f'{source.file}:{source.line}'), report.place.link(source))}" if source else ""


def _remarks(report: Report) -> Iterator[str]:
    plan = report.plan
    if plan is not None:
        yield from _plan_remarks(plan)
        if report.untrusted:
            yield UNTRUSTED
    elif report.drift is not None and report.drift.found:
        yield "To have it as declared again: `stackspec apply --refresh`."


def _plan_remarks(plan: Plan) -> Iterator[str]:
    if unchanged := _unchanged(plan):
        named = ", ".join(map(span, unchanged[:_MOST_STACKS]))
        more = f" and {len(unchanged) - _MOST_STACKS} more" if len(unchanged) > _MOST_STACKS else ""
        yield f"Unchanged stacks: {named}{more}."
    if plan.moves:
        told = [f"{span(str(old))} is now {span(str(new))}" for old, new in list(plan.moves.items())[:_MOST_ITEMS]]
        more = f" and {len(plan.moves) - _MOST_ITEMS} more" if len(plan.moves) > _MOST_ITEMS else ""
        yield f"State takes over, without a hook: {', '.join(told)}{more}."
    if plan.since:
        yield span(since_text(plan.since))
    if recorded := recorded_text(plan):
        yield recorded
    name = span(plan.environment.name)
    if plan.protection is not None:
        yield f"{name} {PROTECTION[plan.protection]}."
    if plan.protected and plan.has_changes:
        yield f"{name} is protected: only a saved plan, or `--approve`, is applied."


def _unchanged(plan: Plan) -> list[str]:
    changed = {stack for one in plan.changes for stack in one.stacks if one.action is not Action.NO_OP}
    known = (stack for one in plan.changes if one.reason != NOT_SELECTED for stack in one.stacks)
    return sorted(set(known) - changed)


# --- what is folded


def _folds(report: Report) -> Iterator[_Fold]:
    if report.plan is not None:
        changes = [one for one in report.plan.changes if report.show_all or one.action is not Action.NO_OP]
        loud = {id(one) for one in destroyed_by(report.plan)}
        yield from _by_stack([_Part(one, one.stacks, id(one) in loud) for one in changes], report)
    if report.drift is not None:
        yield from _by_stack([_Part(one, one.component.stacks, one.missing) for one in report.drift.found], report)
    if report.diagnostics:
        found = [one.diagnostic for one in report.findings if not one.is_review]
        parts = [block("text", diagnostics_text([one], report.texts, Style(False)).split("\n")[:-3]) for one in found]
        yield _Fold("the problems in full", "The problems in full", parts)


@dataclass(frozen=True, slots=True)
class _Part:
    """What is shown of one component, the stacks that use it, and whether it comes before others."""

    what: Change | Drift
    stacks: tuple[str, ...]
    is_loud: bool


def _by_stack(parts: Sequence[_Part], report: Report) -> Iterator[_Fold]:
    """A fold for each stack, and one for each set of stacks that share something; what goes first in each."""
    groups: dict[tuple[str, ...], list[_Part]] = {}
    for part in sorted(parts, key=lambda one: not one.is_loud):
        groups.setdefault(part.stacks, []).append(part)
    for stacks, found in sorted(groups.items(), key=lambda one: (not one[1][0].is_loud, len(one[0]) != 1, one[0])):
        counted = f"{len(found)} component{'' if len(found) == 1 else 's'}"
        if len(stacks) == 1:
            owner = report.owners.get(f"stack/{stacks[0]}")
            owned = f", owner: {in_html(owner)}" if owner else ""
            title, summary = f"stack {stacks[0]}", f"stack {in_html(stacks[0])}: {_signs(found)}{owned}"
        elif stacks:
            named = ", ".join(map(in_html, stacks[:20])) + (f" and {len(stacks) - 20} more" if len(stacks) > 20 else "")
            title = f"shared by {', '.join(stacks[:3])}" + (", …" if len(stacks) > 3 else "")
            summary = f"shared by the stacks {named}: {_signs(found)}"
        else:
            title = summary = f"in no stack: {counted}"
        yield _Fold(title, summary, [_part(one, report) for one in found])


def _signs(parts: Sequence[_Part]) -> str:
    counts: dict[str, int] = {}
    for part in parts:
        word = part.what.action.value if isinstance(part.what, Change) else _differs(part.what)
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _differs(drift: Drift) -> str:
    return "missing" if drift.missing else "different"


def _part(part: _Part, report: Report) -> str:
    what = part.what
    if isinstance(what, Drift):
        return _drift_part(what)
    deposed = f" deposed {span(what.deposed)}" if what.deposed else ""
    name = f"{_named(what.address, what.source, report)}{deposed} ({span(what.flavor)})"
    head = f"{span(what.sign.strip() or '=')} {name}{_owned(what.address, report)}"
    told = what.action is not Action.NO_OP and what.reason != NOT_APPLIED
    lines = [f"# {headline(what.reason)}"] if told else []
    lines += [line for one in what.fields for line in _field(one, created=what.action is Action.CREATE)]
    return f"{head}\n\n{block('diff', lines)}" if lines else head


def _drift_part(drift: Drift) -> str:
    head = f"{span(str(drift.address))} ({span(drift.component.flavor)}): {_differs(drift)}"
    lines = [f"# {headline(drift.reason)}"]
    lines += [line for one in drift.fields for line in _field(one)]
    return f"{head}\n\n{block('diff', lines)}"


def _field(field: FieldChange, *, created: bool = False) -> Iterator[str]:
    name = format_path(field.path)
    made_of = f"  ({', '.join(field.secrets)})" if field.secrets else ""
    forces = "  (forces replacement)" if field.requires_replacement and not created else ""
    if field.sensitive and field.before is not None and field.after is not None:
        yield f"! {name}: (sensitive, changed){made_of}{forces}"
        return
    if field.before is not None or (not created and field.after is None):
        yield f"- {name}: {shown(field.before, sensitive=field.sensitive)}{'' if field.after is not None else forces}"
    if field.after is not None:
        yield f"+ {name}: {shown(field.after, sensitive=field.sensitive)}{made_of}{forces}"


def _parted(folds: Iterator[_Fold]) -> Iterator[_Fold]:
    """The folds, those that are long as several."""
    for one in folds:
        parts, taken = list[str](), 0
        pieces: list[list[str]] = []
        for part in one.parts:
            if parts and taken + size(part) > _LONGEST_FOLD:
                pieces.append(parts)
                parts, taken = [], 0
            parts.append(part)
            taken += size(part) + 2
        pieces.append(parts)
        for number, piece in enumerate(pieces, 1):
            of = f" ({number} of {len(pieces)})" if len(pieces) > 1 else ""
            yield _Fold(one.title + of, one.summary + of, piece)
