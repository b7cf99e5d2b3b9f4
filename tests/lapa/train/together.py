"""What one or several processes train in test_processes.py: `python -m tests.lapa.train.together FOLDER OUT BATCH`.

Every stage and layout of codes with all that draws at random, then a run that is stopped and goes on. Each process
writes what it holds in the end to OUT/NAME-RANK.safetensors.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from lapa.models.laq import LAQConfig
from lapa.models.policy import PolicyConfig
from lapa.processes import num_processes, rank
from lapa.train import finetune, laq, policy
from lapa.train.loop import LoopConfig

LAYOUTS = ("residual", "shared", "ema")
NUM_STEPS = 4
LAQ = LAQConfig(image_size=32, width=16, num_heads=2, num_spatial=1, num_decoder=1, code_width=4, codebook_size=4)
POLICY = PolicyConfig(width=16, num_layers=1, num_heads=2, vocab_size=300, dropout=0.0)


def train_all(folder: Path, out: Path, batch_size: int) -> None:
    """Train on folder/videos, folder/data and folder/labels, which folder/laq made."""
    loop = LoopConfig(num_steps=NUM_STEPS, batch_size=batch_size, warmup_steps=2, log_every=1, precision="fp32")
    quantizer = laq.TrainLAQConfig(
        data=str(folder / "videos"),
        window_s=0.2,
        num_validation=2,
        revive_every=2,
        revive_share=0.9,
        noise_until=0.5,
        motion_weight=0.01,
        nothing_share=0.3,
        augment=True,
        model=LAQ,
        loop=loop,
    )
    for layout in LAYOUTS:
        shape = dataclasses.replace(LAQ, quantizer=layout)
        until = 0.0 if layout == "residual" else 1.0  # with two codes on one latent, rounding decides
        shaped = dataclasses.replace(quantizer, model=shape, revive_until=until)
        _train(laq.LAQStage, lambda shaped=shaped, to=out / layout: laq.run(shaped, out=to), out / layout)
    learner = policy.TrainPolicyConfig(labels=str(folder / "labels"), model=POLICY, loop=loop)
    _train(policy.PolicyStage, lambda: policy.run(learner, out=out / "policy"), out / "policy")
    robot = finetune.FinetuneConfig(
        policy=str(out / "policy"),
        laq=str(folder / "laq"),
        data=str(folder / "data"),
        num_validation=2,
        num_bins=4,
        loop=loop,
    )
    _train(finetune.FinetuneStage, lambda: finetune.run(robot, out=out / "robot"), out / "robot")
    if "RANK" not in os.environ:
        return
    stopped = out / "stopped"
    try:
        _train(laq.LAQStage, lambda: laq.run(shaped, out=stopped), stopped, stop_at=1)
    except KeyboardInterrupt:
        assert (stopped / "resume.safetensors").is_file()
        _train(laq.LAQStage, lambda: laq.run(shaped, out=stopped), stopped)


def _train(stage: type, run, out: Path, stop_at: int = -1) -> None:
    """Run a stage, write what this process holds in the end, and ask the last process to stop at a step."""
    original = stage.maintain

    def maintain(self, step, **kwargs):
        original(self, step, **kwargs)
        if step == stop_at and rank() == num_processes() - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        if step == NUM_STEPS - 1:
            held = {name: tensor.clone().contiguous() for name, tensor in self.model.state_dict().items()}
            save_file(held, out.with_name(f"{out.name}-{rank()}.safetensors"))

    stage.maintain = maintain
    try:
        run()
    finally:
        stage.maintain = original


if __name__ == "__main__":
    torch.set_num_threads(1)
    train_all(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
