"""The agent's metrics, for Prometheus; the module is imported only where somebody listens."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from stackspec.reconcile.condition import Condition, Outcome
from stackspec.reconcile.schedule import Standing

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format"""

_PREFIX = "stackspec_reconcile"
_SECONDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)


class Metrics:
    """What an agent counts."""

    def __init__(self, version: str, followed: str, mode: str) -> None:
        self._registry = CollectorRegistry()

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"{_PREFIX}_{name}", what, labels, registry=self._registry)

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"{_PREFIX}_{name}", what, labels, registry=self._registry)

        info = gauge("info", "What runs, and what it follows.", "version", "followed", "mode")
        info.labels(version, followed, mode).set(1)
        self._looks = counter("looks", "Looks at an environment, by how it was left.", "environment", "condition")
        self._condition = gauge("condition", "1 for the condition an environment is in.", "environment", "condition")
        self._failures = gauge("failures", "Looks that have failed in a row.", "environment")
        self._drifted = gauge("drifted_components", "Components that were not as applied.", "environment")
        self._last = gauge("last_look_timestamp_seconds", "When an environment was last looked at.", "environment")
        self._good = gauge("last_good_timestamp_seconds", "When an environment was last in line.", "environment")
        self._seconds = Histogram(
            f"{_PREFIX}_look_seconds",
            "How long looks took, applies included.",
            ("environment",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._fetches = counter("fetches", "Looks at the repository, by whether they succeeded.", "result")
        self._commit = gauge("commit", "1 for the commits that are applied (good) and refused (bad).", "commit", "role")

    def text(self) -> bytes:
        """All of it in the text exposition format."""
        return generate_latest(self._registry)

    def fetched(self, succeeded: bool) -> None:
        """The repository was looked at."""
        self._fetches.labels("success" if succeeded else "failure").inc()

    def follows(self, good: str | None, bad: str | None) -> None:
        """What is applied, and what is refused."""
        self._commit.clear()
        for role, commit in (("good", good), ("bad", bad)):
            if commit is not None:
                self._commit.labels(commit, role).set(1)

    def looked(self, environment: str, outcome: Outcome, standing: Standing, seconds: float) -> None:
        """An environment was looked at."""
        self._looks.labels(environment, outcome.condition.value).inc()
        for one in Condition:
            self._condition.labels(environment, one.value).set(one is outcome.condition)
        self._failures.labels(environment).set(standing.failures)
        self._seconds.labels(environment).observe(seconds)
        self._last.labels(environment).set_to_current_time()
        if outcome.condition not in (Condition.SUSPENDED, Condition.LOCKED, Condition.STUCK, Condition.FAILED):
            self._drifted.labels(environment).set(outcome.drifted)
        if outcome.condition in (Condition.IN_LINE, Condition.REPAIRED):
            self._good.labels(environment).set_to_current_time()

    def forget(self) -> None:
        """There are other environments from now on: what is told of them is told anew."""
        for gauge in (self._condition, self._failures, self._drifted, self._last, self._good):
            gauge.clear()
