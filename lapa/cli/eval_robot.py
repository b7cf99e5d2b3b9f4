"""`eval robot`: let a robot policy act, and count how often it does what it is told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from lapa.cli import WrongUsage
from lapa.cli.options import parse, print_facts
from lapa.cli.robots import Acting


@dataclass(frozen=True, kw_only=True)
class EvalRobot:
    """Measure a robot policy in closed loop: success with 95 % intervals, partial success, time.

    Partial success on the tabletop is 0.25 for reaching the right block, 0.5 for touching it, 0.75 for moving it a
    quarter of the way, 1 for doing the task. No episode is one that `collect` could have recorded.
    """

    episodes: int = 50
    """Episodes of each family of tasks."""
    seed: int = 0
    """Seed of scenes, tasks and words; whoever is measured with the same seed meets the same."""
    split: Literal["seen", "unseen"] = "seen"
    """Tasks and phrasings: seen in training, or held out."""
    workers: int | None = None
    """Processes, by default one per core; the numbers are the same whatever their count."""
    films: int = 0
    """Write films of so many failures, the first, to --out."""
    out: Path | None = None
    """Folder for the films."""
    json: bool = False
    """Print one JSON object, with every episode under "episodes"."""
    acting: Annotated[Acting, tyro.conf.OmitArgPrefixes] = Acting()


def main(verb: str, args: list[str]) -> None:
    options = parse(EvalRobot, verb, args)
    if options.films and options.out is None:
        raise WrongUsage("--films needs a folder to write them to: give --out DIR")
    if options.episodes < 1 or options.seed < 0 or (options.workers is not None and options.workers < 1):
        raise WrongUsage("give at least 1 episode a family, 1 worker, and a seed of 0 or more")
    from lapa.eval.robot import evaluate_robot, film_failures, summarize

    arena = options.acting.arena(options.split)
    workers = options.workers or os.cpu_count() or 1
    outcomes = evaluate_robot(arena, episodes=options.episodes, seed=options.seed, workers=workers)
    facts = summarize(outcomes)
    if options.films and options.out:
        facts["films"] = [str(path) for path in film_failures(arena, outcomes, options.films, options.out)]
    print_facts(facts if options.json else _for_people(facts), as_json=options.json)


def _for_people(facts: dict[str, Any]) -> dict[str, Any]:
    """One line a family instead of nested facts."""
    shown = {name: value for name, value in facts.items() if name not in ("by_family", "episodes", "films")}
    families = facts["by_family"].items()
    shown |= {name or "any task": _line(row) for name, row in families} if len(facts["by_family"]) > 1 else {}
    return shown | {f"film {i}": path for i, path in enumerate(facts.get("films", []), 1)}


def _line(row: dict[str, Any]) -> str:
    interval = f"({row['success_low']:.2f} to {row['success_high']:.2f})"
    return f"{row['success']:.2f} {interval}, partial {row['partial']:.2f}, of {row['num_episodes']}"
