"""Episodes of an evaluation, in this process or in several: the same numbers whatever their count."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass

import torch

from lapa.eval.arena import MAX_TRIES, Arena, Runner
from lapa.types import LapaError
from lapa.worlds.drive import Attempt
from lapa.worlds.workers import start_worker, stop_workers


@dataclass(frozen=True)
class Job:
    """One episode of an evaluation: its number within its family of tasks, "" for any, and the evaluation's seed."""

    family: str
    number: int
    seed: int

    def run(self, runner: Runner, arena: Arena, *, film: bool = False) -> Attempt:
        """Run it."""
        seed = arena.simulator.evaluation_seed(self.seed, self.family, self.number)
        return runner.run(seed, {"family": self.family} if self.family else {}, film=film)


def run_jobs(arena: Arena, jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Attempt]]:
    """Yield each job with its outcome once, as they come; in this process if there is one worker.

    Raises:
        LapaError: if the arena cannot be opened, or a simulator fails or ends its process again and again.
    """
    workers = min(workers, len(jobs))
    if workers > 1:
        arena.simulator.prepare()
        yield from _in_processes(arena, jobs, workers)
        return
    with closing(Runner(arena)) as runner:
        for job in jobs:
            yield job, _on_one_thread(job, runner, arena)


def _on_one_thread(job: Job, runner: Runner, arena: Arena) -> Attempt:
    """Run a job with one thread, so that sums are rounded alike in every process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return job.run(runner, arena)
    finally:
        torch.set_num_threads(threads)


def _in_processes(arena: Arena, jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Attempt]]:
    """A worker that a simulator takes down with it costs the episodes in work: they are begun again, in new ones."""
    missing, deaths = list(jobs), 0
    while missing:
        before = len(missing)
        try:
            for job, attempt in _in_one_pool(arena, missing, workers):
                missing.remove(job)
                yield job, attempt
        except BrokenProcessPool as error:
            deaths = 1 if len(missing) < before else deaths + 1
            if deaths >= MAX_TRIES:
                raise LapaError(
                    f"'{arena.env}' ended its process {MAX_TRIES} times without finishing an episode: "
                    "run it with --workers 1 to see why"
                ) from error


def _in_one_pool(arena: Arena, jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Attempt]]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(arena,))
    try:
        waiting = {pool.submit(_run, job): job for job in jobs}
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            # what is finished counts, even where the same wait brings a worker's end
            for future in sorted(done, key=lambda future: future.exception() is not None):
                yield waiting.pop(future), future.result()
    except BaseException:
        stop_workers(pool)
        raise
    pool.shutdown()


_arena: Arena
_runner: Runner | None = None


def _start(arena: Arena) -> None:
    global _arena
    start_worker()
    _arena = arena


def _run(job: Job) -> Attempt:
    global _runner
    if _runner is None:  # here, and not in the initializer, so that what it cannot open is said
        _runner = Runner(_arena)
    return _on_one_thread(job, _runner, _arena)
