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
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from lapa.data.lerobot_writer import DatasetSpec, Episode, has_shard, join_shards, write_shard
from lapa.types import LapaError
from lapa.worlds.tabletop.env import TabletopConfig, TabletopEnv
from lapa.worlds.tabletop.expert import Expert
from lapa.worlds.tabletop.render import choose_backend
from lapa.worlds.tabletop.shapes import BLOCKS
from lapa.worlds.tabletop.sim import CONTROL_HZ

WORLDS = ("tabletop",)


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """What is recorded. Everything here changes the data; nothing else does."""

    world: str = "tabletop"
    """Which world; one of `WORLDS`."""
    num_episodes: int = 2000
    """How many episodes."""
    seed: int = 0
    """Different seeds share no episode."""
    split: str = "train"
    """Name of the split in meta/info.json."""
    tasks: Literal["seen", "unseen"] = "seen"
    """Draw seen tasks and phrasings, or the held-out ones."""
    image_size: int = 128
    """Side of the square pictures, pixels."""
    noise: float = 0.35
    """Upper bound of the expert's action noise, as a share of full speed; each episode draws its own below it."""
    episodes_per_file: int = 25
    """Episodes in one video file; also how much is made again after a stop."""

    def __post_init__(self):
        if self.world not in WORLDS:
            raise LapaError(f"there is no world '{self.world}': choose from {', '.join(WORLDS)}")
        if min(self.num_episodes, self.episodes_per_file) < 1 or self.seed < 0:
            raise LapaError(
                f"num_episodes {self.num_episodes} with seed {self.seed} cannot be recorded: "
                "give at least 1 episode and a seed of 0 or more"
            )
        self.env_config()

    def env_config(self) -> TabletopConfig:
        """Return the settings of the environment that is recorded."""
        return TabletopConfig(image_size=self.image_size, split=self.tasks)


def collect(out: str | Path, *, num_processes: int | None = None, progress: bool = True, **settings: Any) -> Path:
    """Record a data set at `out` in the LeRobotDataset v3.0 layout; `settings` are the fields of `CollectConfig`.

    A finished `out` is returned as it is; a stopped run continues.

    Raises:
        LapaError: if `out` holds something else, or no off-screen OpenGL works.
    """
    cfg = CollectConfig(**settings)
    out = Path(out)
    parts = out / ".parts"
    if _is_finished(out, cfg):
        shutil.rmtree(parts, ignore_errors=True)
        return out
    choose_backend()
    parts.mkdir(parents=True, exist_ok=True)
    names = [f"shard-{i:05d}" for i in range(-(-cfg.num_episodes // cfg.episodes_per_file))]
    missing = [i for i, name in enumerate(names) if not has_shard(parts, name)]
    num_missing = sum(len(_shard_episodes(cfg, i)) for i in missing)
    finished = cfg.num_episodes - num_missing
    with tqdm(total=cfg.num_episodes, initial=finished, unit="episode", desc="collect", disable=not progress) as bar:
        _record_all(cfg, parts, names, missing, num_processes or os.cpu_count() or 1, bar)
    join_shards(out, parts, names, _spec(cfg))
    shutil.rmtree(parts)
    return out


def episode_seed(seed: int, episode: int) -> int:
    """Return the environment's seed for an episode: `TabletopEnv().reset(seed=...)` gives the same scene again."""
    return int(np.random.SeedSequence([seed, episode]).generate_state(1, np.uint64)[0] >> 1)


def record_episode(env: TabletopEnv, cfg: CollectConfig, episode: int) -> Episode:
    """Let the expert act once; the last frame is the one before the last action."""
    seed = episode_seed(cfg.seed, episode)
    rng = np.random.default_rng([cfg.seed, episode, 1])
    noise, speed = cfg.noise * rng.random(), 0.75 + 0.25 * rng.random()
    observation, info = env.reset(seed=seed)
    expert = Expert(env.task, rng, noise, speed)
    frames, states, actions, ended = [], [], [], False
    while not ended:
        action = expert.act(env.state).astype(np.float32)
        frames.append(env.render())
        states.append(observation)
        actions.append(action)
        observation, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
    extra = {"family": info["family"], "seed": seed, "success": info["success"], "blocks": list(info["blocks"])}
    return Episode(
        frames=np.stack(frames), states=np.stack(states), actions=np.stack(actions),
        instruction=info["instruction"], extra=extra,
    )  # fmt: skip


def _is_finished(out: Path, cfg: CollectConfig) -> bool:
    """Say whether `out` is done; claim it for `cfg` if it is new."""
    mine, note = asdict(cfg), out / ".collect.json"
    if note.is_file():
        if (theirs := json.loads(note.read_text())) != mine:
            changed = ", ".join(f"{key} {theirs.get(key)!r}" for key in mine if theirs.get(key) != mine[key])
            raise LapaError(f"'{out}' was collected with other settings ({changed}): give these, or another folder")
        return (out / "meta" / "info.json").is_file()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise LapaError(f"'{out}' already holds something else: give a new or empty folder for the data set")
    out.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(mine, indent=1))
    return False


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
        _stop(pool)
        raise
    pool.shutdown()


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers now; unfinished shards are made again next time."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


_done: Any = None


def _start_worker(done: Any) -> None:
    """Leave Ctrl-C to the parent, end when it ends, and keep every worker to one core."""
    global _done
    _done = done
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["LP_NUM_THREADS"] = "1"


def _end_with_parent() -> None:
    """A pool's workers would wait for ever for the next task of a parent that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _record_shard(cfg: CollectConfig, shard: int, parts: Path, name: str) -> None:
    env = TabletopEnv(cfg.env_config(), render_mode="rgb_array")

    def episodes() -> Iterator[Episode]:
        for number in _shard_episodes(cfg, shard):
            yield record_episode(env, cfg, number)
            _done.put(1)

    try:
        write_shard(parts, name, episodes(), CONTROL_HZ)
    finally:
        env.close()


def _spec(cfg: CollectConfig) -> DatasetSpec:
    poses = [f"{block.name.replace(' ', '_')}_{axis}" for block in BLOCKS for axis in ("x", "y", "yaw")]
    return DatasetSpec(
        fps=CONTROL_HZ,
        robot_type="tabletop_arm",
        state_names=("pusher_x", "pusher_y", *poses),
        action_names=("delta_x", "delta_y"),
        image_size=cfg.image_size,
        split=cfg.split,
        extra_info={"collect": asdict(cfg)},
    )
