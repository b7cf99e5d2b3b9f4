"""What could not be used of a data set: one bad file is named and left out, it ends nothing.

Each is logged when it is met; `Remembered` keeps them, so that a long command can name them again at its end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np

from lapa.protocols import ClipSource
from lapa.types import LapaError

log = logging.getLogger("lapa.left_out")


def leave_out(what: str) -> None:
    """Say that something was left out, and why."""
    log.warning("left out: %s", what)


def recorded(read: Callable[[int], np.ndarray | None], source: ClipSource, row: int) -> np.ndarray | None:
    """Return what was recorded beside a clip's frames; None where nothing was, or where it cannot be read."""
    return all_recorded(read, source, [row]).get(row)


def all_recorded(
    read: Callable[[int], np.ndarray | None], source: ClipSource, rows: Sequence[int]
) -> dict[int, np.ndarray | None]:
    """Return what was recorded beside each clip, None where nothing was, without the clips that cannot be read."""
    found = {}
    for row in rows:
        try:
            found[row] = read(row)
        except LapaError as error:
            leave_out(f"what was recorded beside {source.records[row].name} of '{source.name}' ({error})")
    return found


class Remembered(logging.Handler):
    """Keeps what was left out, each once, in order, and prints it as logging does without a handler. A context."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def __enter__(self) -> Remembered:
        log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        log.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message in self.messages:
            return
        self.messages.append(message)
        if not logging.getLogger().handlers and logging.lastResort:
            logging.lastResort.emit(record)
