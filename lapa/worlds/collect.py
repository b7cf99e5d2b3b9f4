"""Record a data set with a world's scripted expert, in parallel processes.

Each episode is a function of (seed, episode number) alone, so the number of processes changes nothing, a run that was
stopped goes on where it stopped, and two seeds never share an episode.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import queue
import shutil
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lapa.data.lerobot_writer import Episode, has_shard, join_shards, write_shard
from lapa.finished import check_same
from lapa.protocols import Environment
from lapa.types import LapaError
from lapa.worlds.recording import CollectConfig, dataset_spec, record_episode
from lapa.worlds.simulator import EnvSettings
from lapa.worlds.workers import start_worker, stop_workers


def collect(
    out: str | Path,
    *,
    num_processes: int | None = None,
    progress: bool = True,
    overwrite: bool = False,
    **settings: Any,
) -> Path:
    """Record a data set at `out` in the LeRobotDataset v3.0 layout; `settings` are the fields of `CollectConfig`.

    A finished `out` is returned as it is; a stopped run continues. With `overwrite`, a data set that was recorded there
    is removed first if it is finished or has other settings.

    Raises:
        OtherOptions: if `out` was recorded with other settings, and not `overwrite`.
        LapaError: if `out` holds something else, or no off-screen OpenGL works.
    """
    cfg = CollectConfig(**settings)
    out = Path(out)
    parts = out / ".parts"
    if overwrite:
        _remove_old(out, cfg)
    if _is_finished(out, cfg):
        shutil.rmtree(parts, ignore_errors=True)
        return out
    cfg.simulator.prepare()
    parts.mkdir(parents=True, exist_ok=True)
    names = [f"shard-{i:05d}" for i in range(-(-cfg.num_episodes // cfg.episodes_per_file))]
    missing = [i for i, name in enumerate(names) if not has_shard(parts, name)]
    num_missing = sum(len(_shard_episodes(cfg, i)) for i in missing)
    finished = cfg.num_episodes - num_missing
    with tqdm(total=cfg.num_episodes, initial=finished, unit="episode", desc="collect", disable=not progress) as bar:
        _record_all(cfg, parts, names, missing, num_processes or os.cpu_count() or 1, bar)
    join_shards(out, parts, names, dataset_spec(cfg))
    shutil.rmtree(parts)
    return out


def _is_finished(out: Path, cfg: CollectConfig) -> bool:
    """Say whether `out` is done; claim it for `cfg` if it is new."""
    mine, note = json.loads(json.dumps(asdict(cfg))), out / ".collect.json"
    if note.is_file():
        theirs = json.loads(json.dumps(asdict(CollectConfig()))) | json.loads(note.read_text())
        check_same(out, theirs, mine, how="was recorded")
        return (out / "meta" / "info.json").is_file()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise LapaError(f"'{out}' already holds something else: give a new or empty folder for the data set")
    out.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(mine, indent=1))
    return False


def _remove_old(out: Path, cfg: CollectConfig) -> None:
    """Remove what was recorded in `out`, unless it is the unfinished part of the same."""
    note = out / ".collect.json"
    if not note.is_file():
        return
    mine = json.loads(json.dumps(asdict(cfg)))
    if json.loads(note.read_text()) != mine or (out / "meta" / "info.json").is_file():
        for name in ("meta", "data", "videos", ".parts"):
            shutil.rmtree(out / name, ignore_errors=True)
        note.write_text(json.dumps(mine, indent=1))


def _shard_episodes(cfg: CollectConfig, shard: int) -> range:
    start = shard * cfg.episodes_per_file
    return range(start, min(start + cfg.episodes_per_file, cfg.num_episodes))


def _record_all(
    cfg: CollectConfig, parts: Path, names: list[str], missing: list[int], num_processes: int, bar: tqdm
) -> None:
    """Record the missing shards in worker processes, which count episodes into `bar`."""
    if not missing:
        return
    context = multiprocessing.get_context("spawn")
    done = context.Queue()
    pool = ProcessPoolExecutor(
        max(1, min(num_processes, len(missing))), mp_context=context, initializer=_start_worker, initargs=(done,)
    )
    try:
        waiting = {pool.submit(_record_shard, cfg, i, parts, names[i]) for i in missing}
        while waiting:
            finished, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
            with contextlib.suppress(queue.Empty):
                while True:
                    bar.update(done.get_nowait())
            for future in finished:
                future.result()
        bar.update(bar.total - bar.n)
    except BaseException:
        stop_workers(pool)  # unfinished shards are made again next time
        raise
    pool.shutdown()


_done: Any = None


def _start_worker(done: Any) -> None:
    global _done
    _done = done
    start_worker()


def _record_shard(cfg: CollectConfig, shard: int, parts: Path, name: str) -> None:
    with contextlib.ExitStack() as opened:
        envs: dict[EnvSettings, Environment] = {}

        def episodes() -> Iterator[Episode]:
            for number in _shard_episodes(cfg, shard):
                settings = cfg.env_settings(number)
                if settings not in envs:
                    envs[settings] = opened.enter_context(contextlib.closing(cfg.simulator.make(settings)))
                yield record_episode(envs[settings], cfg, number)
                _done.put(1)

        write_shard(parts, name, episodes(), cfg.simulator.fps)
