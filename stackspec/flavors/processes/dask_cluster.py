"""A scheduler of Dask and its workers, until SIGTERM; a program of its own, run as a module.

What it is to be it reads from variables: `STACKSPEC_DASK_PORT`, `…_WORKERS`, `…_THREADS` and `…_MEMORY`.
"""

from __future__ import annotations

import os
import signal
from threading import Event

PREFIX = "STACKSPEC_DASK_"


def main() -> None:
    """Serve on the loopback address."""
    from distributed import LocalCluster

    ended = Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    wanted = {name.removeprefix(PREFIX): value for name, value in os.environ.items() if name.startswith(PREFIX)}
    with LocalCluster(
        n_workers=int(wanted["WORKERS"]),
        threads_per_worker=int(wanted["THREADS"]),
        memory_limit=wanted["MEMORY"],
        host="127.0.0.1",
        scheduler_port=int(wanted["PORT"]),
        dashboard_address=None,
    ):
        ended.wait()


if __name__ == "__main__":
    main()
