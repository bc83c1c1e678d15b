"""What is published is what the code says: schemas, codes and their documentation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from stackspec.core.codes import CODES
from stackspec.flavors.registry import Registry
from stackspec.render.schemas import published_schemas

ROOT = Path(__file__).parents[2]
USED = re.compile(r"\bSS[0-9]{4}\b")


def test_schemas_on_disk_are_those_generated() -> None:
    generated = published_schemas(Registry())
    on_disk = {
        str(path.relative_to(ROOT / "schemas")).removesuffix(".schema.json"): json.loads(
            path.read_text(encoding="utf-8")
        )
        for path in (ROOT / "schemas").rglob("*.json")
    }
    assert on_disk == generated, "write them anew: stackspec schema --write schemas"


def test_published_schemas_are_schemas() -> None:
    for schema in published_schemas(Registry()).values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("code", CODES)
def test_every_code_says_what_it_means_how_it_comes_about_and_what_to_do(code: str) -> None:
    described = CODES[code]
    assert re.fullmatch("SS[0-9]{4}", code)
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", described.slug)
    assert len(described.meaning) > 20
    assert described.meaning.endswith(".")
    assert described.example
    assert described.remedy.endswith(".")


def test_codes_and_slugs_are_given_once_and_in_order() -> None:
    slugs = [code.slug for code in CODES.values()]
    assert len(set(slugs)) == len(slugs)
    assert list(CODES) == sorted(CODES)


def test_every_code_is_used_and_every_code_used_is_in_the_table() -> None:
    used = {
        code
        for path in (ROOT / "stackspec").rglob("*.py")
        if path.name != "codes.py"
        for code in USED.findall(path.read_text(encoding="utf-8"))
    }
    assert used == set(CODES)
