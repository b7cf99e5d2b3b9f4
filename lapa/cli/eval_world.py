"""`eval world`: how long a quantizer's dreams stay sharp and right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lapa.cli.judge import Judged, trained_on
from lapa.cli.options import Reading, parse
from lapa.types import LapaError

if TYPE_CHECKING:
    from lapa.protocols import ClipSource


@dataclass(frozen=True, kw_only=True)
class EvalWorld(Judged):
    """Dream on held-out clips with their own tokens, step after step on the decoder's own pictures."""

    steps: int = 8
    """Steps of a dream, one window each."""
    num_dreams: int = 200
    """Dreams: from every clip's first frame, then from a window later, and so on."""
    readout_data: Path | None = None
    """Data the state reader learns from; by default what the quantizer was trained on, else clips not judged."""
    readout_steps: int = 1200
    """Training steps of the state reader."""


def main(verb: str, args: list[str]) -> None:
    options = parse(EvalWorld, verb, args)
    options.check()
    from lapa.bundle import window_s
    from lapa.eval.readout import ReadoutConfig
    from lapa.eval.world import evaluate_world

    laq, path, source = options.open()
    facts = evaluate_world(
        laq,
        source,
        window_s=window_s(path),
        num_steps=options.steps,
        num_dreams=options.num_dreams,
        split=options.split,
        seed=options.seed,
        readout=ReadoutConfig(num_steps=options.readout_steps),
        readout_source=_teachers(options.readout_data, path, options.reading),
    )
    options.report("world", facts, path, source)


def _teachers(data: Path | None, laq: Path, reading: Reading) -> ClipSource | None:
    """Open the data that the reader learns from: those named, else those of the quantizer's training."""
    named = data or trained_on(laq)
    if named is None:
        return None
    try:
        source = reading.open(named)
    except LapaError:
        if data is not None:
            raise
        return None
    has_states = len(source.records) > 0 and source.positions(0) is not None
    return source if data is not None or has_states else None
