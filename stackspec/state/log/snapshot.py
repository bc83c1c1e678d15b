"""A reading as bytes, from which a reader goes on without the entries before it."""

from __future__ import annotations

from stackspec.state.log.entry import content_from_json, content_to_json
from stackspec.state.log.reading import Reading
from stackspec.state.log.sealed import DamagedError, Sealed, seal
from stackspec.state.run import Run


def snapshot_of(reading: Reading) -> bytes:
    """The reading as bytes."""
    return seal(
        {
            "environment": reading.environment,
            "lineage": reading.lineage,
            "serial": reading.serial,
            "number": reading.number,
            "entry": reading.digest,
            "ahead": reading.ahead,
            "holder": reading.holder and reading.holder.as_json(),
            "runs": reading.runs,
            "fences": list(reading.fences),
            "whole_after": reading.whole_after,
            **content_to_json(reading.state),
        }
    )


def reading_of(sealed: Sealed) -> Reading:
    """The inverse of `snapshot_of`.

    Raises:
        DamagedError: the record is no snapshot.
    """
    record = sealed.record
    try:
        return Reading(
            record["environment"],
            record["number"],
            record["entry"],
            record["lineage"],
            record["serial"],
            record["ahead"],
            record["holder"] and Run.from_json(record["holder"]),
            record["runs"],
            tuple(record["fences"]),
            record["whole_after"],
            *content_from_json(record),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError("it is no snapshot of a state") from error
