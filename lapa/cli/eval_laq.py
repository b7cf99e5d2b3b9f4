"""`eval laq`: the scorecard of a quantizer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lapa.cli.judge import Judged
from lapa.cli.options import parse


@dataclass(frozen=True, kw_only=True)
class EvalLAQ(Judged):
    """Measure a quantizer: does it draw the future, because of its tokens; what do they say, and the same elsewhere?"""

    num_pairs: int = 2000
    """Pairs of frames, drawn evenly over the episodes."""
    features: Path | None = None
    """Folder of a pretrained vision model (transformers), as one more baseline of the probes."""


def main(verb: str, args: list[str]) -> None:
    options = parse(EvalLAQ, verb, args)
    options.check()
    from lapa.bundle import window_s
    from lapa.eval.laq import evaluate_laq

    laq, path, source = options.open()
    facts = evaluate_laq(
        laq,
        source,
        window_s=window_s(path),
        num_pairs=options.num_pairs,
        split=options.split,
        seed=options.seed,
        features=options.features,
    )
    options.report("laq", facts, path, source)
