"""What `fmt` makes of a text: one layout, the same meaning, every comment."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from stackspec.core.fields import Schema
from stackspec.flavors.registry import Registry
from stackspec.format.formatted import formatted
from stackspec.manifest.parse import parse
from stackspec.manifest.text import SourceText
from tests.format.wild import wild_files

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(file for file in EXAMPLES.rglob("*.yaml") if "/." not in str(file.relative_to(EXAMPLES)))
REGISTRY = Registry(foreign=False)


def config_schema(component_type: str, flavor: str) -> Schema | None:
    known = REGISTRY.knows(component_type, flavor)
    return REGISTRY.spec(component_type, flavor).schema if known else None


def fmt(text: str) -> str:
    found = formatted(SourceText("stacks/a.yaml", text), config_schema)
    assert isinstance(found, str), found
    return found


def values(text: str) -> list[object]:
    found, problems = parse(SourceText("stacks/a.yaml", text))
    assert not problems
    return [one.value for one in found]


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(wild_files())
def test_any_text_keeps_its_meaning_and_comments_and_is_laid_out_once_and_for_all(file: tuple[str, list[str]]) -> None:
    text, comments = file
    assume(not parse(SourceText("stacks/a.yaml", text))[1])
    written = fmt(text)
    assert values(written) == values(text)
    assert fmt(written) == written
    assert all(written.count(one) == text.count(one) for one in comments)
    assert not written or written.endswith("\n")
    assert "\r" not in written


MESSY = """\
%YAML 1.2
---
# at the top
kind:   "Stack"    # wide
apiVersion:    stackspec.dev/v1
spec:
    # what it is for
    components:


        # keeps models
        artifact_store:   # of this machine
            config: {   # settings
                delete_data: true,
                # where
                path: './a'
                # no more
            }
            # which
            flavor: local
        alerter:
        -   # the first
            ref: one
        - {flavor: external,config: {uri: "https://example.org/#x"}}   # the second
        orchestrator:    {flavor: local}
        # no others
    environment: &all {B: "1", 'A': no, C: 0x1F, D: 2020-01-01,   F: 08}

    description: >-
        folded,
        in two lines
    # the end
metadata: { labels: *all, name: 'dev',labels: {team:  a} }
...
# behind
"""
NEAT = """\
# at the top
apiVersion: stackspec.dev/v1
kind: "Stack"  # wide
metadata: {name: "dev", labels: {team: a}}
spec:
  description: >-
    folded,
    in two lines
  environment: {B: "1", A: no, C: 0x1F, D: 2020-01-01, F: 08}
  # what it is for
  components:
    orchestrator: {flavor: local}

    # keeps models
    artifact_store:  # of this machine
      # which
      flavor: local
      config:  # settings
        # where
        path: "./a"
        delete_data: true
        # no more
    alerter:
      # the first
      - ref: one
      - {flavor: external, config: {uri: "https://example.org/#x"}}  # the second
    # no others
  # the end
# behind
"""


def test_a_manifest_has_one_layout() -> None:
    assert fmt(MESSY.replace("labels: *all, ", "")) == NEAT


@pytest.mark.parametrize(
    ("text", "neat"),
    [
        ("a: &x {b: 1}\nc: *x", "a: {b: 1}\nc: {b: 1}\n"),
        ("a: &x\n  b: 1  # once\nc: [*x]", "a:\n  b: 1  # once\nc:\n  - b: 1\n"),
        ("'on': 'it''s'\n\"b\": 'say \"x\"'", '"on": "it\'s"\nb: \'say "x"\'\n'),
        ("a: !!str 5\nb: !!float 1\nc: !!str x", 'a: "5"\nb: 1.0\nc: x\n'),
        ("a:\n- b\n- - c\n  -   d\n-\n", "a:\n  - b\n  - - c\n    - d\n  - null\n"),
        ("a: |+\n    b\n\nc: |\n   d\n    e", 'a: "b\\n\\n"\n\nc: |-\n  d\n   e\n'),
        ("a: plain\n      over\n\n      lines", "a: plain\n  over\n\n  lines\n"),
        ('a: "quoted   \n    over\n  lines"', 'a: "quoted\n  over\n  lines"\n'),
        (f"a: [{', '.join(['word' * 5] * 6)}]", "a:\n" + "  - wordwordwordwordword\n" * 6),
        ('{"a": {"b": [1,2]}}', "a: {b: [1, 2]}\n"),
        ("a: 1\r\n\r\n\r\nb: 2", "a: 1\n\nb: 2\n"),
        ("--- # one\na: 1\n---\n# nothing\n---\nb: 2\n...\n", "# one\na: 1\n---\n# nothing\nb: 2\n"),
        ("a:\n  b: 1\n  # of b's\n\n# of c\nc: 1", "a:\n  b: 1\n  # of b's\n\n# of c\nc: 1\n"),
        ("a:\n- 1\n# of b\nb: 1\n", "a:\n  - 1\n# of b\nb: 1\n"),
        ("# alone   \n\n\n#still", "# alone\n\n#still\n"),
        ("b: 2\na: 1\nkind: Stack\n", "b: 2\na: 1\nkind: Stack\n"),
        ("", ""),
    ],
)
def test_what_is_decided(text: str, neat: str) -> None:
    assert fmt(text) == neat


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2\n", "a: &x 1\nb: {<<: *x}\n", "a: !own 1\n"])
def test_what_cannot_be_read_is_told_and_not_laid_out(text: str) -> None:
    found = formatted(SourceText("stacks/a.yaml", text), config_schema)
    assert not isinstance(found, str)
    assert {one.code[:4] for one in found} == {"SS01"}


def test_what_is_too_large_without_its_aliases_is_left_alone() -> None:
    text = f"a: &a [{', '.join(['x'] * 190)}]\nb:\n" + "  - *a\n" * 190
    found = formatted(SourceText("stacks/a.yaml", text), config_schema)
    assert not isinstance(found, str)
    assert [(one.code, one.hint) for one in found] == [("SS1501", "use fewer aliases, or split the file")]


def test_fields_of_a_config_are_in_the_order_of_their_flavor_and_unknown_ones_behind() -> None:
    head = "apiVersion: stackspec.dev/v1\nkind: Component\nmetadata:\n  name: a\nspec:\n  type: {}\n  flavor: {}\n"
    known = head.format("artifact_store", "local") + "  config:\n    odd: 1\n    delete_data: true\n    path: ./a\n"
    assert fmt(known).endswith("  config:\n    path: ./a\n    delete_data: true\n    odd: 1\n")
    foreign = head.format("artifact_store", "acme") + "  config:\n    odd: 1\n    path: ./a\n"
    assert fmt(foreign) == foreign


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_the_examples_are_laid_out_so(file: Path) -> None:
    assert fmt(file.read_text()) == file.read_text()
