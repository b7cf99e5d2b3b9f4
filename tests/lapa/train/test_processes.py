"""Two processes learn what one learns from a batch of their total size, and keep one log and one checkpoint."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lapa.train import label
from tests.lapa.train.test_loop import videos  # noqa: F401 (fixture)
from tests.lapa.train.test_policy_stages import record, save_laq
from tests.lapa.train.together import LAYOUTS, NUM_STEPS, train_all

STAGES = (*LAYOUTS, "policy", "robot")
BATCH_SIZE = 16


@pytest.fixture(scope="module")
def runs(videos, tmp_path_factory):  # noqa: F811
    """The folders `two`, written by two processes, and `one`, by this one with a batch of their total size."""
    folder = tmp_path_factory.mktemp("together")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAPA_CACHE", str(folder / "cache"))
        torch.set_num_threads(1)
        (folder / "videos").symlink_to(videos)
        record(folder, "data", 8, seed=0)
        save_laq(folder / "laq")
        asked = label.LabelConfig(data=str(folder / "data"), laq=str(folder / "laq"), num_validation=2)
        label.run(asked, out=folder / "labels")
        for out in ("one", "two"):
            (folder / out).mkdir()
        started = [start(rank, folder, port) for port in [free_port()] for rank in range(2)]
        train_all(folder, folder / "one", BATCH_SIZE)
        for process in started:
            assert process.wait(timeout=600) == 0, process.args
    return folder


def start(rank: int, folder: Path, port: int) -> subprocess.Popen:
    """Start one of two processes as `torchrun` does."""
    program = ["-m", "tests.lapa.train.together", str(folder), str(folder / "two"), str(BATCH_SIZE // 2)]
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    world = {name: str(value) for name, value in told.items()} | {"MASTER_ADDR": "127.0.0.1"}
    threads = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen([sys.executable, *program], env=os.environ | world | threads)


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def rows(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("stage", STAGES)
def test_both_processes_hold_the_same_weights_and_codes(runs, stage):
    first, second = (load_file(runs / "two" / f"{stage}-{rank}.safetensors") for rank in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("stage", STAGES)
def test_two_processes_learn_what_one_learns_from_their_total_batch(runs, stage):
    one, two = (rows(runs / out / stage) for out in ("one", "two"))
    assert [row["step"] for row in one] == [row["step"] for row in two] == [*range(1, NUM_STEPS + 1), NUM_STEPS]
    for alone, together in zip(one, two):
        assert together == pytest.approx(alone, rel=2e-3, abs=1e-4, nan_ok=True)
    alone, together = (load_file(runs / out / stage / "model.safetensors") for out in ("one", "two"))
    for name in alone:
        torch.testing.assert_close(together[name], alone[name], rtol=1e-2, atol=2e-3, msg=name)


@pytest.mark.parametrize("stage", STAGES)
def test_one_checkpoint_is_written(runs, stage):
    names = [{path.name for path in (runs / out / stage).iterdir()} for out in ("one", "two")]
    assert names[0] == names[1] and "config.json" in names[0] and "resume.safetensors" not in names[0]


def test_a_signal_to_one_process_stops_both_and_they_go_on_bit_for_bit(runs):
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (runs / "two" / "stopped" / name).read_bytes() == (runs / "two" / LAYOUTS[-1] / name).read_bytes()
