"""`stackspec graph`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from stackspec.cli.options import EnvironmentName, Files, Option, Output, OutputFile, OutputFormat, Stacks, Untrusted

if TYPE_CHECKING:
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import Diagnostic
    from stackspec.render.graph import Graph

_PATIENCE = 60.0
"""Seconds for Graphviz to draw."""
_INSTALL = "apt-get install graphviz, brew install graphviz; or take --format mermaid, which forges draw by themselves"


class GraphFormat(StrEnum):
    """What a graph is written in."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"
    JSON = "json"


def graph(
    form: Annotated[
        GraphFormat | None,
        Option(
            ("--format",), "What to write the graph in; default: mermaid. SVG needs Graphviz.", "mermaid|dot|svg|json"
        ),
    ] = None,
    environment: EnvironmentName = None,
    stack: Stacks = None,
    no_plan: Annotated[
        bool, Option(("--no-plan",), "Draw what is declared alone, and read neither state nor secrets.")
    ] = False,
    files: Files = None,
    untrusted: Untrusted = False,
    output: Output = OutputFormat.TEXT,
    output_file: OutputFile = None,
) -> int:
    """Draw stacks, their components and what stands on what, coloured by what an apply would do."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError, has_errors
    from stackspec.render.graph import graph_json

    wanted = OutputFormat.JSON if form is GraphFormat.JSON else output
    with Session(wanted, files, untrusted=untrusted) as session:
        if output is OutputFormat.JSON and form not in (None, GraphFormat.JSON):
            message = f"-o json is the format json, and --format asks for {form}"
            raise StackspecError.of("SS0901", message, hint="leave one of them out")
        found, diagnostics = _graph(session, environment, stack, planned=not (no_plan or session.untrusted))
        drawn = "" if session.json else _text(session, found, form)
        session.answer_in(output_file)  # only now: what is wrong is no picture
        if session.json:
            session.answer_json(graph_json(found, diagnostics))
        else:
            session.answer(drawn)
            session.report(diagnostics)
    return 1 if has_errors(diagnostics) else 0


def _text(session: Session, found: Graph, form: GraphFormat | None) -> str:
    """A graph in a form that is no JSON.

    Raises:
        StackspecError: it is to be drawn, and cannot be.
    """
    from stackspec.render.graph import dot, is_too_large_for_mermaid, mermaid

    if form not in (None, GraphFormat.MERMAID):
        text = dot(found)
        return text if form is GraphFormat.DOT else _drawn(text, untrusted=session.untrusted)
    text = mermaid(found)
    if is_too_large_for_mermaid(found, text):
        session.tell("this is more than Mermaid draws on GitHub and GitLab: take --stack, or --format svg")
    return text


def _graph(
    session: Session, environment: str | None, stacks: list[str] | None, *, planned: bool
) -> tuple[Graph, Sequence[Diagnostic]]:
    """The graph that is asked for, and what the plan in it breaks.

    Raises:
        StackspecError: the manifests are wrong, no plan can be made, or there is no such stack.
    """
    from stackspec.core.diagnostic import StackspecError, did_you_mean
    from stackspec.plan.request import Request
    from stackspec.render.graph import graph_of

    if planned:
        made = session.project.plan(environment, Request(allow_empty=True))
        desired, found, diagnostics = made.desired, graph_of(made.desired, made.plan, made.applied), made.diagnostics
    else:
        desired = session.project.desired(environment)
        found, diagnostics = graph_of(desired), ()
    for name in stacks or ():
        if name not in desired.stacks:
            message = f"there is no stack '{name[:80]}' in the environment '{desired.environment.name}'"
            raise StackspecError.of("SS0502", message, hint=did_you_mean(name, desired.stacks))
    return found.of_stacks(stacks) if stacks else found, diagnostics


def _drawn(text: str, *, untrusted: bool) -> str:
    """A graph in the language of Graphviz as an SVG.

    Raises:
        StackspecError: there is no Graphviz, or it cannot draw this.
    """
    from subprocess import SubprocessError, run

    from stackspec.core.diagnostic import StackspecError

    if untrusted:
        message = "an SVG is drawn by a program, and none is run in untrusted mode"
        raise StackspecError.of("SS0901", message, hint="take --format dot or mermaid")
    variables = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    words = ["dot", "-Tsvg"]
    try:
        done = run(words, input=text.encode(), capture_output=True, timeout=_PATIENCE, check=True, env=variables)
    except FileNotFoundError:
        raise StackspecError.of("SS1405", "Graphviz's program 'dot' is not on PATH", hint=_INSTALL) from None
    except (OSError, SubprocessError) as error:
        raise StackspecError.of("SS1405", f"Graphviz cannot draw this: {error}", hint="take --format dot") from error
    return done.stdout.decode("utf-8", "replace")
