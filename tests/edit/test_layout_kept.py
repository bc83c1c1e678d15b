"""An edit changes what it means to change, and nothing else of a file."""

from __future__ import annotations

from difflib import ndiff
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from stackspec.core.diagnostic import StackspecError
from stackspec.edit.edits import Edit, add, applied, change, remove
from stackspec.manifest.document import Document
from stackspec.manifest.parse import parse
from stackspec.manifest.text import SourceText

FILE = "stacks/a.yaml"


def documents(text: str) -> list[Document]:
    found, problems = parse(SourceText(FILE, text))
    assert not problems
    return found


def after(text: str, *edits: Edit) -> str | None:
    return applied(edits, {FILE: SourceText(FILE, text)})[FILE]


def differing(before: str, after: str) -> list[str]:
    return [line for line in ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


ODD = """\
%YAML 1.2
---
# at the top
apiVersion:   stackspec.dev/v1     # wide
kind: "Stack"
metadata: { name: 'dev',labels: {team:  a} }

spec:
    # four columns
    description: >-
        folded,
        in two lines
    environment: {A: "1", B: no, C: 0x1F, D: 2020-01-01, E: 1_000, F: 08}
    components:
        orchestrator:    {flavor: local}
        alerter:
          - one   # the first
          - {flavor: external, config: {uri: "https://example.org/#x"}}
        artifact_store:
            flavor: local
            config:
                path: "{{ vars.root }}/a"   # an expression
    # at the end
"""


@pytest.mark.parametrize(
    ("how", "differs"),
    [
        (lambda m: m["metadata"].update(name="prod"), ["- metadata: { name: 'dev',", "+ metadata: {name: 'prod'"]),
        (
            lambda m: m["spec"]["components"]["artifact_store"]["config"].update(path="./b"),
            ['-                 path: "{{', '+                 path: "./b" '],
        ),
        (lambda m: m["spec"]["components"]["alerter"].append("two"), ["+           - two"]),
        (lambda m: m["spec"]["components"].pop("orchestrator"), ["-         orchestrator:    {flavor: local}"]),
        (
            lambda m: m["spec"]["components"].update(log_store={"flavor": "local", "config": {"path": "./l"}}),
            [
                "+         log_store:",
                "+             flavor: local",
                "+             config:",
                "+                 path: ./l",
            ],
        ),
    ],
    ids=["a name in braces", "a value", "an item", "a key goes", "a key comes"],
)
def test_all_else_stays_as_it_is_written(how: Any, differs: list[str]) -> None:
    (document,) = documents(ODD)
    result = after(ODD, change(document, how))
    assert result is not None
    found = [line for line in differing(ODD, result) if line[2:].strip() != "# at the end"]
    assert len(found) == len(differs), found
    assert all(line.startswith(start) for line, start in zip(found, differs, strict=True)), found


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text("abc :#-'\"{}[],&*?|>%@`é", max_size=12)
VALUES = st.recursive(
    TEXTS | st.integers(-5, 99999) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=5), NAMES, VALUES, st.data())
def test_a_change_means_what_it_says(config: dict[str, Any], name: str, value: Any, data: st.DataObject) -> None:
    text = "".join(f"# {key}\n{edit.text}" for key, edit in {"x": add(FILE, "Stack", "x", config, {})}.items())
    (document,) = documents(text)
    gone = data.draw(st.sampled_from(sorted(config)))

    def how(manifest: Any) -> None:
        del manifest["spec"][gone]
        manifest["spec"][name] = value

    result = after(text, change(document, how))
    assert result is not None
    (changed,) = documents(result)
    expected = {key: one for key, one in config.items() if key != gone} | {name: value}
    assert changed.value["spec"] == expected
    assert result.startswith("# x\n")


BESIDE = """\
kind: A
spec:
  time: 2024-01-01 10:00:00 +02:00
  until: {day: 2024-01-01, at: 2024-01-01T10:00:00.10Z, hex: 0x1F, exponent: 1e3}
  a: 1
"""


def test_what_stands_beside_keeps_its_value() -> None:
    (document,) = documents(BESIDE)
    for name, value, expected in (("a", 2, BESIDE.replace("a: 1", "a: 2")), ("day", "2025-01-01", None)):

        def how(manifest: Any, name: str = name, value: Any = value) -> None:
            spec = manifest["spec"]
            (spec if name in spec else spec["until"])[name] = value

        result = after(BESIDE, change(document, how))
        assert result is not None
        assert expected in (None, result)
        wanted = documents(BESIDE)[0].value
        how(wanted)
        assert documents(result)[0].value == wanted


def test_a_comment_that_there_is_twice_is_not_lost_once() -> None:
    text = "kind: A\nspec:\n  # kept\n  a: 1\n  # kept\n  b: 2\n"
    (document,) = documents(text)
    with pytest.raises(StackspecError, match="'# kept' would be lost"):
        change(document, lambda manifest: manifest["spec"].pop("a"))


BRACES = """\
kind: A
spec:
  a: {flavor: local,   # of the team
      size: 2}
  b: {flavor: local, path: ./a}
  text: |
    # a title
    words # and a remark
  c: 1   # one
"""


def test_a_comment_in_braces_beside_the_change_is_not_lost() -> None:
    (document,) = documents(BRACES)
    with pytest.raises(StackspecError, match="'# of the team' would be lost"):
        change(document, lambda manifest: manifest["spec"]["b"].update(path="./z"))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (lambda spec: spec.update(text="short"), "# one"),
        (lambda spec: spec.pop("c"), "# of the team"),
        (lambda spec: spec.update(c=2), "# one"),
    ],
    ids=["a line of a text is none", "it goes with what goes", "it stays beside what is another"],
)
def test_a_comment_is_what_people_say_beside_what_is_there(how: Any, expected: str) -> None:
    (document,) = documents(BRACES)
    result = after(BRACES, change(document, lambda manifest: how(manifest["spec"])))
    assert result is not None
    assert expected in result


KEYS = st.sampled_from(["a", "b", "c"])
COMMENTS = st.sampled_from(["", "  # one", "  # two"])
LAYOUTS = st.recursive(
    st.sampled_from(["1", "x", "'y'", "2024-01-01", "0x1F", "[1, 2]", "{a: 1}", "|\n{0}  t"]),
    lambda inner: st.dictionaries(KEYS, st.tuples(COMMENTS, COMMENTS, inner), min_size=1, max_size=3),
    max_leaves=6,
)


def laid_out(value: Any, depth: int = 2) -> str:
    if isinstance(value, str):
        return " " + value.replace("{0}", " " * depth) + "\n"
    lines = []
    for key, (above, beside, item) in value.items():
        comment = f"{' ' * depth}{above.strip()}\n" if above else ""
        inner = laid_out(item, depth + 2)
        told = inner if isinstance(item, str) else f"{beside}\n{inner}"
        lines.append(f"{comment}{' ' * depth}{key}:{told}")
    return "".join(lines)


@settings(max_examples=300)
@given(st.dictionaries(KEYS, st.tuples(COMMENTS, COMMENTS, LAYOUTS), min_size=1), KEYS, st.booleans())
def test_any_layout_is_changed_as_meant_or_left_to_a_hand(value: Any, key: str, goes: bool) -> None:
    text = f"kind: A\nspec:\n{laid_out(value)}last: 1\n"
    (document,) = documents(text)

    def how(manifest: Any) -> None:
        if goes:
            manifest["spec"].pop(key, None)
        else:
            manifest["spec"][key] = "new"

    wanted = documents(text)[0].value
    how(wanted)
    if (result := unless_refused(text, document, how)) is not None:
        assert documents(result)[0].value == wanted


def unless_refused(text: str, document: Document, how: Any) -> str | None:
    try:
        return after(text, change(document, how))
    except StackspecError as refused:
        event(f"refused: {refused}")
        if {one.code for one in refused.diagnostics} != {"SS0413"}:
            raise
        return None


SEVERAL = """\
# of the file
---
kind: A
# of A
---
# of B
kind: B
...
---
kind: C
"""


@pytest.mark.parametrize("gone", [0, 1, 2], ids="ABC")
def test_a_document_goes_and_the_others_stay(gone: int) -> None:
    found = documents(SEVERAL)
    result = after(SEVERAL, remove(found[gone]))
    assert result is not None
    assert [one.value["kind"] for one in documents(result)] == [
        one.value["kind"] for number, one in enumerate(found) if number != gone
    ]
    assert "# of the file" in result
    assert ("# of B" in result) is (gone != 1)


def test_a_file_goes_with_its_last_document() -> None:
    assert after(SEVERAL, *map(remove, documents(SEVERAL))) is None or "kind" not in str(
        after(SEVERAL, *map(remove, documents(SEVERAL)))
    )


@pytest.mark.parametrize("text", ["", "kind: A", "kind: A\n", "kind: A\n---\n"], ids=repr)
def test_a_manifest_is_added_behind_what_is_there(text: str) -> None:
    result = after(text, add(FILE, "Stack", "new", {"components": {}}, {FILE: SourceText(FILE, text)}))
    assert result is not None
    assert result.startswith(text)
    assert [one.value["kind"] for one in documents(result)] == [*(["A"] if "A" in text else []), "Stack"]
