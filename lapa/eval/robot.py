"""A robot policy in closed loop: how often it does what it is told, with intervals, and how far it comes.

Each episode is a function of (seed, family, number) alone. Whoever is measured with the same seed meets the same scenes
and the same words, so that outcomes can be compared pair by pair. Simulators whose data sets are recorded draw
evaluation's episodes from seeds that no recorded episode can have (`lapa.worlds.simulator.UnseenSeeds`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from lapa.data.video_writer import write_video
from lapa.eval.arena import Arena, Runner
from lapa.eval.robot_jobs import Job, run_jobs
from lapa.eval.wilson import wilson
from lapa.types import LapaError
from lapa.worlds.drive import Attempt

log = logging.getLogger(__name__)

Outcomes = list[tuple[Job, Attempt]]


def evaluate_robot(
    arena: Arena, *, episodes: int = 50, seed: int = 0, workers: int = 1, families: Sequence[str] | None = None
) -> Outcomes:
    """Run `episodes` episodes of each family (by default all of the simulator's), sorted by family and number.

    Raises:
        LapaError: if the arena cannot be opened, actor and environment do not fit, nobody can say whether a task is
            done, or the simulator fails again and again.
    """
    families = arena.simulator.families if families is None else families
    if episodes < 1 or workers < 1 or seed < 0:
        raise LapaError("an evaluation needs at least 1 episode a family, 1 worker, and a seed of 0 or more")
    jobs = [Job(family, number, seed) for number in range(episodes) for family in families]
    outcomes = {}
    with tqdm(total=len(jobs), desc="episodes", unit="episode", mininterval=1.0) as bar:
        for job, attempt in run_jobs(arena, jobs, workers):
            if attempt.success is None:
                raise LapaError(f"'{arena.env}' does not say whether a task is done ('success' in its info)")
            outcomes[job] = attempt
            bar.update()
    return [(job, outcomes[job]) for job in sorted(jobs, key=lambda job: (families.index(job.family), job.number))]


def summarize(outcomes: Outcomes) -> dict[str, Any]:
    """Return the measurements.

    success: share of episodes done; success_low, success_high: its 95 % Wilson interval; partial: mean partial
    success; by_family: the same for each family; num_episodes; mean_steps: over all, 10 a second on the tabletop;
    policy_ms: mean time of deciding on one step, milliseconds; episodes: each one, for comparing pair by pair.
    """
    attempts = [attempt for _, attempt in outcomes]
    families = list(dict.fromkeys(attempt.family for attempt in attempts))
    by_family = {name: _share([attempt for attempt in attempts if attempt.family == name]) for name in families}
    num_steps = sum(attempt.num_steps for attempt in attempts)
    return _share(attempts) | {
        "by_family": by_family,
        "mean_steps": num_steps / len(attempts),
        "policy_ms": 1000 * sum(attempt.act_s for attempt in attempts) / num_steps,
        "episodes": [_row(job, attempt) for job, attempt in outcomes],
    }


def _share(attempts: Sequence[Attempt]) -> dict[str, Any]:
    num, done = len(attempts), sum(bool(attempt.success) for attempt in attempts)
    low, high = wilson(done, num)
    partial = float(np.mean([attempt.progress for attempt in attempts]))
    return {"success": done / num, "success_low": low, "success_high": high, "partial": partial, "num_episodes": num}


def _row(job: Job, attempt: Attempt) -> dict[str, Any]:
    facts = {"family": attempt.family, "number": job.number, "success": attempt.success, "partial": attempt.progress}
    return facts | {"steps": attempt.num_steps, "instruction": attempt.instruction}


def film_failures(arena: Arena, outcomes: Outcomes, num: int, out: Path) -> list[Path]:
    """Run the first `num` failed episodes again, filmed, and write FAMILY_NUMBER.mp4 into `out`."""
    failed = [job for job, attempt in outcomes if not attempt.success][:num]
    paths = []
    with closing(Runner(arena)) as runner:
        for job in failed:
            attempt = job.run(runner, arena, film=True)
            if attempt.success:
                log.warning("episode %d of '%s' failed first and succeeded when filmed", job.number, job.family)
            path = out / f"{job.family or 'episode'}_{job.number:03d}.mp4"
            paths.append(write_video(path, attempt.frames, runner.fps))
    return paths
