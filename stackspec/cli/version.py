"""`stackspec version`."""

from __future__ import annotations

import json
import sys

from stackspec import __version__
from stackspec.cli.options import Output, OutputFormat


def version(output: Output = OutputFormat.TEXT) -> int:
    """Print the version."""
    text = json.dumps({"version": __version__}) if output is OutputFormat.JSON else f"stackspec {__version__}"
    sys.stdout.write(text + "\n")
    return 0
