"""An apply as it goes on: plain lines, a live display on a terminal, or one JSON event a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import IO, TYPE_CHECKING, Any

from stackspec.apply.events import Event, Failed, Listener, Progress, Skipped, Started, Stopping, Succeeded
from stackspec.core.address import ComponentAddress
from stackspec.render.text import Style, headline, json_text, safe
from stackspec.state.model import Operation

if TYPE_CHECKING:
    from rich.table import Table

_DOING = {
    Operation.PROVISION: "provisioning",
    Operation.UPDATE: "updating",
    Operation.DEPROVISION: "deprovisioning",
    Operation.SUSPEND: "suspending",
    Operation.RESUME: "resuming",
}
_DONE = {
    Operation.PROVISION: "provisioned",
    Operation.UPDATE: "updated",
    Operation.DEPROVISION: "deprovisioned",
    Operation.SUSPEND: "suspended",
    Operation.RESUME: "resumed",
    Operation.FORGET: "forgotten",
}


def event_line(event: Event, style: Style) -> str | None:
    """An event as a line; None for one that is not worth a line of its own."""
    address = "" if isinstance(event, Stopping) else style(str(event.address), "bold")
    match event:
        case Started():
            return None
        case Progress(_, line):
            return f"{address}: {safe(line)}"
        case Succeeded(_, operation, seconds):
            return f"{address}: {style(_DONE.get(operation, operation.value), 'green')} in {seconds:.1f} s"
        case Failed(_, operation, message):
            return f"{address}: {style(f'{operation} failed', 'red')}: {headline(message)}"
        case Skipped(_, reason):
            return f"{address}: {style('left alone', 'yellow')}: {safe(reason)}"
        case Stopping(running, None):
            return (
                f"{style('stopping', 'yellow')}: waiting for {_listed(running)}; interrupt again to leave that behind"
            )
        case Stopping(running, seconds):
            return f"{style('stopping', 'yellow')}: waiting {seconds:.0f} s more for {_listed(running)}"


def _listed(addresses: Iterable[ComponentAddress]) -> str:
    return ", ".join(map(str, addresses))


def plain_progress(write: Callable[[str], None], style: Style) -> Listener:
    """A listener that writes a line when something began or ended."""

    def listen(event: Event) -> None:
        line = event_line(event, style)
        if line is None and isinstance(event, Started):
            line = f"{style(str(event.address), 'bold')}: {_DOING[event.operation]} …"
        if line is not None:
            write(line)

    return listen


@contextmanager
def live_progress(stream: IO[str], style: Style) -> Iterator[Listener]:
    """A listener that keeps what is running at the bottom of the terminal, with the seconds it takes."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    running: dict[ComponentAddress, tuple[Operation, float]] = {}
    with Live(
        get_renderable=lambda: _running_table(running), console=console, refresh_per_second=8, transient=True
    ) as live:

        def listen(event: Event) -> None:
            if isinstance(event, Started):
                running[event.address] = (event.operation, monotonic())
            elif not isinstance(event, Progress | Stopping):
                running.pop(event.address, None)
            line = event_line(event, style)
            if line is not None:
                live.console.print(Text.from_ansi(line), soft_wrap=True)

        yield listen


def _running_table(running: dict[ComponentAddress, tuple[Operation, float]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    now = monotonic()
    for address, (operation, since) in list(running.items()):
        table.add_row(Text("  …"), Text(str(address)), Text(_DOING[operation]), Text(f"{now - since:.0f} s"))
    return table


def json_progress(write: Callable[[str], None]) -> Listener:
    """A listener that writes one JSON object a line."""

    def listen(event: Event) -> None:
        write(json_text(event_json(event)))

    return listen


def event_json(event: Event) -> dict[str, Any]:
    """An event as an object: `event`, `address` where it is of one component, and what belongs to it."""
    document: dict[str, Any] = {"event": type(event).__name__.lower()}
    if isinstance(event, Stopping):
        patience = None if event.patience is None else round(event.patience, 3)
        return document | {"running": [str(address) for address in event.running], "patience": patience}
    document["address"] = str(event.address)
    match event:
        case Started(_, operation):
            document["operation"] = operation.value
        case Progress(_, line):
            document["message"] = line
        case Succeeded(_, operation, seconds):
            document |= {"operation": operation.value, "seconds": round(seconds, 3)}
        case Failed(_, operation, message):
            document |= {"operation": operation.value, "message": message}
        case Skipped(_, reason):
            document["reason"] = reason
    return document
