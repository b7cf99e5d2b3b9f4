"""`collect`: record a data set in a simulated world."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from lapa.cli.options import parse
from lapa.worlds.registry import all_simulators, find_simulator, simulator_names

WORLDS = simulator_names()
BODIES = tuple(dict.fromkeys(name for simulator in all_simulators() for name in simulator.embodiments))
LOOKS = tuple(dict.fromkeys(name for simulator in all_simulators() for name in simulator.environments))


@dataclass(frozen=True, kw_only=True)
class Collect:
    """Record episodes of the scripted expert, in the LeRobotDataset v3.0 layout. A stopped run goes on."""

    world: Annotated[Literal[WORLDS], tyro.conf.Positional]
    """Which world."""
    out: Path
    """Folder for the data set."""
    embodiment: tuple[Literal[BODIES], ...] = ()
    """Which body acts, by default the world's first; several take turns, scene by scene. No actions are recorded of a
    hand."""
    environment: tuple[Literal[LOOKS], ...] = ()
    """How it looks, by default the world's first: rendered plainly, or by a camera in a room, another each time;
    several take turns."""
    episodes: int = 50
    """How many episodes."""
    seed: int = 0
    """Different seeds share no episode."""
    split: str = "train"
    """Name of the split, for training and evaluation."""
    tasks: Literal["seen", "unseen"] = "seen"
    """Tasks and phrasings to draw: seen, or held out (unseen)."""
    tasks_per_scene: int = 1
    """So many episodes in a row begin in the same scene, each with a task of its own."""
    validation: int = 0
    """So many of the last episodes are the split "validation"."""
    image_size: int = 128
    """Side of the pictures, in pixels."""
    overwrite: bool = False
    """Remove what was recorded in `out` with other settings, or is finished, and record anew."""
    processes: int | None = None
    """Parallel processes; by default one per core."""


def main(verb: str, args: list[str]) -> None:
    options = parse(Collect, verb, args)
    from lapa.worlds.collect import collect

    simulator = find_simulator(options.world)
    out = collect(
        options.out,
        world=options.world,
        embodiments=options.embodiment or simulator.embodiments[:1],
        environments=options.environment or simulator.environments[:1],
        num_episodes=options.episodes,
        seed=options.seed,
        split=options.split,
        tasks=options.tasks,
        tasks_per_scene=options.tasks_per_scene,
        num_validation=options.validation,
        image_size=options.image_size,
        num_processes=options.processes,
        overwrite=options.overwrite,
    )
    print(out)
