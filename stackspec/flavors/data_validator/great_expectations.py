"""Data that suites of Great Expectations describe."""

from __future__ import annotations

import json
import os
from typing import Any

from stackspec.flavors.data_validator import Failure
from stackspec.flavors.owned.suite_folder import SuiteFolder, examples


class GreatExpectationsDataValidator(SuiteFolder):
    """Suites of Great Expectations, as its file stores write them: a file NAME.json each, with `expectations`."""

    flavor = "great_expectations"
    extra = "great-expectations"
    requirements = ("great_expectations>=1.5",)
    package = "great_expectations"
    suffix = ".json"

    def parsed(self, text: str) -> Any:
        found = json.loads(text)
        if not isinstance(found, dict) or not isinstance(found.get("expectations"), list):
            raise ValueError("it is no mapping with a list of 'expectations'")
        return found

    def suite(self, name: str, text: str) -> Any:
        """Each expectation is made here: a suite that is given what it does not know leaves that out, and only logs."""
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        from great_expectations.core.expectation_suite import ExpectationSuite
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

        fields = ("type", "kwargs", "meta", "notes", "severity")
        said = [{key: one[key] for key in fields if key in one} for one in self.parsed(text)["expectations"]]
        return ExpectationSuite(name, [ExpectationConfiguration(**one).to_domain_obj() for one in said])

    def check(self, frame: Any, suite: Any) -> list[Failure]:
        import great_expectations
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = great_expectations.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("data").add_dataframe_asset("data")
        whole = asset.add_batch_definition_whole_dataframe("data").get_batch({"dataframe": frame})
        return [
            Failure(
                one.expectation_config.type,
                one.expectation_config.kwargs.get("column"),
                one.result.get("unexpected_count"),
                examples(one.result.get("partial_unexpected_list", ())),
            )
            for one in whole.validate(suite).results
            if not one.success
        ]
