"""Data validators: they check data."""

from __future__ import annotations

from abc import ABC
from typing import Any, ClassVar

from stackspec.core.frozen import dataclass
from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting


@dataclass(frozen=True, slots=True)
class Failure:
    """One check that data does not pass.

    Attributes:
        check: What is checked, in the words of the library that does.
        column: The column that it is about; None where it is about the whole.
        rows: How many rows do not pass; None where that is not told by row.
        examples: Some of the values that do not pass, five at most.
    """

    check: str
    column: str | None = None
    rows: int | None = None
    examples: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of data.

    Attributes:
        suite: The name of the suite.
        failures: Every check that the data does not pass.
    """

    suite: str
    failures: tuple[Failure, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the data passes every check."""
        return not self.failures


class DataValidator(Flavor, ABC):
    """The parent of every data_validator flavor."""

    type: ClassVar[str] = "data_validator"

    class Outputs(FlavorOutputs):
        """What every data_validator tells other components."""

        uri: str = setting("Where suites are kept, as a URI.")

    def suites(self) -> list[str]:
        """The names of the suites that there are, sorted.

        Raises:
            HookError: the component is not provisioned, or its flavor checks no data.
        """
        raise self._checks_nothing()

    def define(self, suite: str, text: str) -> None:
        """Keep a suite, in the place of one of the same name.

        Args:
            text: The suite in the flavor's own language, which its documentation names.

        Raises:
            HookError: it is none, or as `suites`.
        """
        raise self._checks_nothing()

    def validate(self, data: Any, suite: str) -> Report:
        """What a suite finds of some data, which stays as it is.

        Args:
            data: A data frame of pandas, or rows, each a mapping from a column's name to its value.

        Raises:
            HookError: there is no such suite, it is none, or as `suites`.
        """
        raise self._checks_nothing()

    def _checks_nothing(self) -> HookError:
        what = f"{self.context.address} is of the flavor {self.flavor}, which checks no data itself"
        return HookError(what, "use the client of what is at its uri, or another flavor")
