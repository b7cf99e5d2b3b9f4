"""`eval policy`: measure a policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lapa.cli.options import AnyModels, AnyReading, Models, Reading, parse, print_facts


@dataclass(frozen=True, kw_only=True)
class EvalPolicy:
    """Measure a policy: does it expect the true latent actions more under the right instruction than another's?"""

    data: Path
    """Data set with instructions: a LeRobot data set, or a folder of videos with metadata.jsonl."""
    split: str | None = None
    """Split to measure on; by default validation where the data set has it, else all of it."""
    num_pairs: int = 2000
    """Frames, drawn evenly over the episodes."""
    seed: int = 0
    """Seed of the draw."""
    json: bool = False
    """Print one JSON object."""
    reading: AnyReading = Reading()
    models: AnyModels = Models()


def main(verb: str, args: list[str]) -> None:
    options = parse(EvalPolicy, verb, args)
    from lapa.eval.policy import evaluate_policy
    from lapa.models.load import load_laq

    explorer = options.models.open()
    facts = evaluate_policy(
        explorer.need_policy(),
        load_laq(explorer.laq_path),
        options.reading.open(options.data),
        split=options.split,
        num_pairs=options.num_pairs,
        seed=options.seed,
    )
    print_facts(facts, as_json=options.json)
