"""Data that is checked really, by each library that does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.data_validator import DataValidator
from stackspec.flavors.data_validator.great_expectations import GreatExpectationsDataValidator
from stackspec.flavors.data_validator.pandera import PanderaDataValidator
from stackspec.flavors.owned.suite_folder import SuiteFolder
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests.flavors.contexts import Subjects

SCHEMA = """
columns:
  id: {dtype: int64, unique: true}
  amount: {dtype: float64, nullable: true, greater_than_or_equal_to: 0}
"""
EXPECTATIONS = json.dumps(
    {
        "expectations": [
            {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}},
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount", "min_value": 0}},
        ]
    }
)
BOTH = pytest.mark.parametrize(
    ("flavor", "text"),
    [(PanderaDataValidator, SCHEMA), (GreatExpectationsDataValidator, EXPECTATIONS)],
    ids=["pandera", "great_expectations"],
)


def made(root: Path, flavor: type[SuiteFolder], **config: Any) -> DataValidator:
    """A component that is provisioned."""
    subjects = Subjects(root)
    return subjects.component(flavor, config, outputs=plain(subjects.component(flavor, config).provision()))


@BOTH
def test_code_against_the_parent_runs_on_both(flavor: type[SuiteFolder], text: str, tmp_path: Path) -> None:
    import pandas

    validator = made(tmp_path, flavor, path="suites")
    assert validator.suites() == []
    validator.define("orders", text)
    assert validator.suites() == ["orders"]

    rows = [{"id": 1, "amount": 1.0}, {"id": 2, "amount": 0.5}]
    assert validator.validate(rows, "orders").ok
    assert validator.validate(pandas.DataFrame(rows), "orders").failures == ()

    bad = pandas.DataFrame({"id": [1, 1, 2], "amount": [1.0, -2.0, -3.0]})
    before = bad.copy()
    report = validator.validate(bad, "orders")
    assert not report.ok
    assert {(one.column, one.rows) for one in report.failures} == {("id", 2), ("amount", 2)}
    (amount,) = (one for one in report.failures if one.column == "amount")
    assert amount.examples == (-2.0, -3.0)
    assert bad.equals(before)

    missing = validator.validate([{"id": 1}], "orders")
    assert [(one.column, one.rows) for one in missing.failures] == [("amount", None)]


@BOTH
def test_what_is_no_suite(flavor: type[SuiteFolder], text: str, tmp_path: Path) -> None:
    validator = made(tmp_path, flavor, path="suites")
    with pytest.raises(HookError, match="has no suite 'orders'"):
        validator.validate([], "orders")
    for wrong in ("", "[", "3", text.replace("unique", "never_heard_of").replace("between", "never_heard_of")):
        with pytest.raises(HookError, match="is no suite: ") as caught:
            validator.define("orders", wrong)
        assert "Traceback" not in caught.value.message
    for name in ("../x", "/etc/x", "", ".x"):
        with pytest.raises(HookError, match="cannot be the name"):
            validator.define(name, text)
    assert validator.suites() == []


@BOTH
def test_suites_are_seen_and_kept(flavor: type[SuiteFolder], text: str, tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / f"broken{flavor.suffix}").write_text("[")
    component = Subjects(tmp_path).component(flavor, {"path": "suites", "delete_data": True})
    component.provision()
    assert "1 suite(s), of which cannot be read: broken" in component.observe().detail
    component.deprovision()
    assert (tmp_path / "suites").is_dir()

    made(tmp_path, flavor).define("orders", text)
    private = Subjects(tmp_path).component(flavor)
    private.deprovision()
    assert list(private.context.data_dir.iterdir())
    with pytest.raises(HookError, match="not provisioned"):
        private.suites()


def theirs(root: Path) -> None:
    (root / "suites").mkdir()
    (root / "suites" / "orders.yaml").write_text(SCHEMA)


CASES = [
    FlavorCase(
        flavor=flavor,
        config=lambda _: {"path": "suites"},
        changed=lambda _: {"path": "suites", "delete_data": True},
        beside=lambda _: {"path": "others"},
        before=theirs,
        kill_points=6,
    )
    for flavor in (PanderaDataValidator, GreatExpectationsDataValidator)
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestDataValidators(FlavorConformance):
    pass
