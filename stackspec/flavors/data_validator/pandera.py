"""Data that schemas of Pandera describe."""

from __future__ import annotations

from typing import Any

import yaml

from stackspec.flavors.data_validator import Failure
from stackspec.flavors.owned.suite_folder import SuiteFolder, examples

_OF_A_SCHEMA = (
    "add_missing_columns api checks coerce columns dataframe_library description drop_invalid_rows dtype index "
    "metadata multiindex name on_missing_columns ordered report_duplicates schema_type strict title unique "
    "unique_column_names version"
)
_OF_A_COLUMN = (
    "checks coerce default description drop_invalid_rows dtype metadata name nullable regex report_duplicates "
    "required title unique"
)


class PanderaDataValidator(SuiteFolder):
    """Schemas of Pandera, as `to_yaml` of pandera writes them: a file NAME.yaml each."""

    flavor = "pandera"
    extra = "pandera"
    requirements = ("pandera[pandas]>=0.35",)
    package = "pandera"
    suffix = ".yaml"

    def parsed(self, text: str) -> Any:
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(" ".join(str(error).split())) from error
        if not isinstance(found, dict):
            raise ValueError("it is no mapping")
        return found

    def suite(self, name: str, text: str) -> Any:
        """A word that it does not know Pandera would leave out without a word, and then check less than is meant."""
        from pandera.io.pandas_io import from_yaml
        from pandera.pandas import Check

        written = self.parsed(text)
        built = from_yaml(text)
        columns = written.get("columns") or {}
        found = columns if isinstance(columns, list) else columns.values()
        words = {word for one in found for word in one if word not in _OF_A_COLUMN.split() and not hasattr(Check, word)}
        if unknown := sorted(map(str, words | (written.keys() - {*_OF_A_SCHEMA.split()}))):
            raise ValueError(f"it has what Pandera does not know: {', '.join(unknown)}")
        return built

    def check(self, frame: Any, suite: Any) -> list[Failure]:
        from pandera.errors import SchemaErrors

        try:
            suite.validate(frame, lazy=True)
        except SchemaErrors as error:
            cases = error.failure_cases
        else:
            return []
        found = []
        for (column, check), some in cases.groupby(["column", "check"], sort=False, dropna=False):
            if check == "column_in_dataframe":  # whose failures are the names of columns
                found += [Failure(check, name) for name in some["failure_case"]]
                continue
            rows = len(some) if some["index"].notna().all() else None
            known = column if isinstance(column, str) else None
            found.append(Failure(str(check), known, rows, examples(some["failure_case"])))
        return found
