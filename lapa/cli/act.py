"""`act`: let a robot policy do what it is told, and film it."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from lapa.cli import WrongUsage
from lapa.cli.options import parse, usage
from lapa.cli.robots import Acting
from lapa.cli.rollout import VIDEOS


@dataclass(frozen=True, kw_only=True)
class Act:
    """Let a robot policy act in a simulator as told, write a film, and say whether the task was done.

    What the environment does not understand as a task is tried all the same; then nobody can say whether it was done.
    """

    instruction: str
    """What should be done, such as "push the red star to the left"."""
    out: Path
    """Video to write: .mp4, .webm or .gif."""
    seed: int = 0
    """Seed of the scene."""
    json: bool = False
    """Print one JSON object: success (null where it cannot be judged), partial, steps, instruction, film."""
    acting: Annotated[Acting, tyro.conf.OmitArgPrefixes] = Acting()


def main(verb: str, args: list[str]) -> None:
    options = parse(Act, verb, args)
    if options.out.suffix.lower() not in VIDEOS:
        raise WrongUsage(f"--out {options.out} is not a video: give a name that ends in {', '.join(VIDEOS)}")
    if options.seed < 0:
        raise WrongUsage(f"--seed {options.seed} is no seed: give 0 or more")
    from lapa.data.video_writer import write_video
    from lapa.eval.arena import Runner
    from lapa.models.policy import check_instruction

    with usage():
        instruction = check_instruction(options.instruction)
    arena = options.acting.arena()
    with closing(Runner(arena)) as runner:
        seed = arena.simulator.evaluation_seed(options.seed, "", 0)
        attempt = runner.run(seed, {"instruction": instruction}, film=True)
        write_video(options.out, attempt.frames, runner.fps)
    if options.json:
        said = {"success": attempt.success, "partial": attempt.progress, "steps": attempt.num_steps}
        print(json.dumps(said | {"instruction": attempt.instruction, "film": str(options.out)}))
        return
    print(_verdict(attempt.success, attempt.num_steps, arena.env))
    print(options.out)


def _verdict(success: bool | None, num_steps: int, env: str) -> str:
    if success is None:
        return f"success cannot be judged: '{env}' knows no such task; {num_steps} steps were taken"
    return f"done in {num_steps} steps" if success else f"not done in {num_steps} steps"
