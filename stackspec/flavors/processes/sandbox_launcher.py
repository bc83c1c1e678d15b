"""Becomes a command within limits: a program of its own, run by its path with `python -I -S FILE`.

The request is on its standard input. Limits are set here, and not between a fork and an exec of stackspec's own
process, which may have threads.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys

CANNOT = 127
"""The exit code where the command cannot be run."""
WHY = "sandbox: "
"""What the reason begins with, on standard error."""


def main() -> None:
    """Run what the request describes: a JSON object with a `command` and `limits`, names of `resource` to numbers."""
    request = json.load(sys.stdin)
    command = request["command"]
    for name, most in request["limits"].items():
        which = getattr(resource, name)
        _, hard = resource.getrlimit(which)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (least, least))
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except (OSError, ValueError) as error:
        print(f"{WHY}cannot run {command[0]}: {error}", file=sys.stderr)
        sys.exit(CANNOT)


if __name__ == "__main__":
    main()
