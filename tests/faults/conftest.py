"""The tests of faults tell at the end of a run what they counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.injected import FIRST, SECOND, stackspec, write
from tests.faults.tally import COUNTED, Tally, summary

_COUNTS: Counter[str] = Counter()


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was applied, and has changed since."""
    root = tmp_path_factory.mktemp("before") / "project"
    write(root, FIRST)
    assert stackspec(root, "apply", "--yes").returncode == 0
    write(root, SECOND)
    return root


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What the test counts; nothing in it may be wrong at the end."""
    one = Tally()
    yield one
    # A report is all that comes back from another process.
    request.node.user_properties += one.counts.items()
    assert not one.wrong, "\n".join(one.wrong)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "teardown":
        for name, value in report.user_properties:
            if name in COUNTED and isinstance(value, int):
                _COUNTS[name] += value


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _COUNTS:
        terminalreporter.write_line(f"faults: {summary(_COUNTS)}")
