"""`stackspec version`."""

from __future__ import annotations

import json

from stackspec import __version__
from stackspec.cli.options import Output, OutputFormat
from stackspec.cli.streams import write_answer


def version(output: Output = OutputFormat.TEXT) -> int:
    """Print the version."""
    text = json.dumps({"version": __version__}) if output is OutputFormat.JSON else f"stackspec {__version__}"
    write_answer(text + "\n")
    return 0
