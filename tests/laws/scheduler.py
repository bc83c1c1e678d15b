"""The executor's threads made deterministic: hooks run one after another, in an order that a seed decides."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.laws.world import Killed, Points, World


class Scheduler:
    """Stands in for `stackspec.core.workers.Workers`; every order in which hooks may end can come about."""

    def __init__(self, world: World, seed: int, most: int) -> None:
        self.most = most
        self._world = world
        self._random = Random(seed)
        self._jobs: dict[Any, Callable[[], Any]] = {}

    @property
    def busy(self) -> int:
        return len(self._jobs)

    def call(self, key: Any, _deadline: float, function: Callable[[], Any]) -> None:
        self._jobs[key] = function

    def tell(self, message: Callable[[], None]) -> None:
        message()

    def wait(self, _timeout: float | None = None) -> tuple[list[tuple[Any, Any]], list[Any]]:
        ended: list[tuple[Any, Any]] = []
        while self._jobs and (not ended or self._random.random() < 0.3):
            key = self._random.choice(list(self._jobs))
            ended.append((key, self._result(self._jobs.pop(key))))
        return ended, []

    def close(self) -> None:
        """There are no threads to end."""

    def _result(self, job: Callable[[], Any]) -> Any:
        result = job()
        if self._world.points.over:
            raise Killed("in a hook")
        return result

    def die(self) -> None:
        """The process ends: each hook that was called has come as far as chance has it."""
        for job in self._jobs.values():
            self._world.points = Points(kill_at=self._random.randrange(1, 5))
            try:
                self._result(job)
            except Killed:
                continue
        self._jobs = {}
