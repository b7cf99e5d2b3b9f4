"""`eval laq`: measure a quantizer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lapa.cli.options import parse, print_facts


@dataclass(frozen=True, kw_only=True)
class EvalLAQ:
    """Measure a quantizer: reconstruction, controllability, use of the codes, linear probe of the true motion."""

    data: Path
    """Data set: a LeRobot data set, or a folder of videos."""
    bundle: str = "tabletop"
    """Shipped bundle whose quantizer to measure."""
    laq: Path | None = None
    """Quantizer to measure instead of the bundle's."""
    split: str | None = None
    """Split to measure on; by default validation where the data set has it, else all of it."""
    num_pairs: int = 2000
    """Pairs of frames, drawn evenly over the episodes."""
    seed: int = 0
    """Seed of the draw."""
    json: bool = False
    """Print one JSON object."""


def main(verb: str, args: list[str]) -> None:
    options = parse(EvalLAQ, verb, args)
    from lapa.bundle import find_bundle, window_s
    from lapa.data.source import open_source
    from lapa.eval.laq import evaluate_laq
    from lapa.models.laq import load_laq

    laq = find_bundle(options.bundle, laq=options.laq).laq
    facts = evaluate_laq(
        load_laq(laq),
        open_source(options.data),
        window_s=window_s(laq),
        num_pairs=options.num_pairs,
        split=options.split,
        seed=options.seed,
    )
    print_facts(facts, as_json=options.json)
