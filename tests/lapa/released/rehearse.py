"""A dry run of the released policy at its real shapes, with random weights: import, load, one prediction, export.

    python -m tests.lapa.released.rehearse --out /tmp/rehearsal --memory 4GiB          # 27 GB of disk
    python -m tests.lapa.released.rehearse --out /tmp/rehearsal --width 512            # an eighth of the width

Every step runs in a process of its own; printed are its time, its processor time and its peak of resident memory,
which counts pages of files it has mapped. The weights are one
block of random numbers over and over, which costs no accuracy: none is expected of them.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import time
from itertools import repeat
from pathlib import Path

import numpy as np
import torch

from lapa.released.params_names import leaf_shape, official_paths
from lapa.released.params_writer import write_leaf
from lapa.released.policy_config import ReleasedPolicyConfig
from lapa.released.vqgan import VQGANConfig

STEPS = ("write", "import", "predict", "export")
BLOCK = 1 << 22


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--width", type=int, default=4096, help="4096 is the real one; a multiple of 128")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--memory", default="4GiB", help="of the weights; the rest is read from disk at each pass")
    parser.add_argument("--step", choices=STEPS)
    options = parser.parse_args()
    if options.step:
        sys.stdout.write(json.dumps(globals()[f"do_{options.step}"](options)) + "\n")
        return
    for step in STEPS:
        start = time.perf_counter()
        child = subprocess.Popen([sys.executable, "-m", __spec__.name, *sys.argv[1:], "--step", step])
        _, status, usage = os.wait4(child.pid, 0)
        if status:
            sys.exit(f"{step} failed")
        seconds, busy, peak = time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20
        sys.stdout.write(f"{step:8} {seconds:8.1f} s   processor {busy:8.1f} s   peak {peak:6.2f} GiB\n")
        sys.stdout.flush()


def shape_of(options) -> ReleasedPolicyConfig:
    wide = options.width
    hidden = 11_008 if wide == 4096 else wide * 11 // 4
    return ReleasedPolicyConfig(width=wide, hidden=hidden, num_heads=wide // 128, num_layers=options.layers)


def do_write(options) -> dict:
    from tests.lapa.released.conftest import vqgan_tree

    shape = shape_of(options)
    options.out.mkdir(parents=True, exist_ok=True)
    block = torch.randn(BLOCK, generator=torch.Generator().manual_seed(0))
    with open(options.out / "params", "wb") as file:
        for path in official_paths(shape):
            size = leaf_shape(path, shape)
            if "norm" in path[-2] or "ln_f" in path:
                parts = [torch.ones(size, dtype=torch.bfloat16)]
            else:
                scale = 0.02 if path[-1] == "embedding" else size[-2] ** -0.5
                parts = repeat((block * scale).bfloat16())
            write_leaf(file, path, size, torch.bfloat16, parts)
    config = VQGANConfig() if options.width == 4096 else VQGANConfig(base=32)
    (options.out / "vqgan").write_bytes(pickle.dumps(vqgan_tree(config), protocol=4))
    write_tokenizer(options.out / "tokenizer.model")
    return {"bytes": (options.out / "params").stat().st_size}


def write_tokenizer(path: Path) -> None:
    from sentencepiece import SentencePieceTrainer

    with open(path, "wb") as file:
        SentencePieceTrainer.train(
            sentence_iterator=iter(["take the broccoli out of the pot"] * 20),
            model_writer=file,
            vocab_size=300,
            model_type="bpe",
            byte_fallback=True,
            hard_vocab_limit=False,
            minloglevel=2,
        )


def do_import(options) -> dict:
    from lapa.released.policy_import import import_policy

    files = {name: options.out / name for name in ("params", "vqgan")}
    out = import_policy(**files, tokenizer=options.out / "tokenizer.model", out=options.out / "policy")
    return {"files": len(list(out.glob("model-*.safetensors")))}


def do_predict(options) -> dict:
    from lapa.released.policy import load_released_policy

    start = time.perf_counter()
    policy = load_released_policy(options.out / "policy", device_map="auto", max_memory={"cpu": options.memory})
    loaded = time.perf_counter() - start
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    found = policy.predict(picture, "take the broccoli out of the pot")
    return {
        "load_s": round(loaded, 1),
        "predict_s": round(time.perf_counter() - start - loaded, 1),
        "tokens": found.latent_action.tokens,
        "on_disk": sum(p.device.type == "meta" for p in policy.net.parameters()),
    }


def do_export(options) -> dict:
    from lapa.released.policy_export import export_policy

    export_policy(options.out / "policy", options.out / "back")
    same = subprocess.run(["cmp", options.out / "params", options.out / "back" / "params"]).returncode == 0
    (options.out / "back" / "params").unlink()
    return {"same_bytes": same}


if __name__ == "__main__":
    main()
