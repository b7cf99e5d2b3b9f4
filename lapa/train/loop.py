"""The only training loop. Stopped and resumed equals uninterrupted, bit for bit on a CPU.

That holds because everything random in step n is drawn from generators seeded with (seed, n), and the learning rate
is a function of n: the state to save is the weights, the optimizer's moments and what the stage adds.
Several processes learn what one process learns from a batch of their total size: each draws the whole batch, from the
same generator, and keeps its share; gradients are averaged; only the main process logs, evaluates and saves.
Devices and precision are `accelerate`'s business. Knows no model and no data.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, PartialState
from accelerate.state import AcceleratorState
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from lapa.device import resolve_device
from lapa.models.compute import Precision, describe, resolve_precision
from lapa.models.shapes import check_counts
from lapa.processes import any_of, averages, is_main, num_processes, share, wait
from lapa.threads import ASKED

RESUME_FILE = "resume.safetensors"
PATIENCE = timedelta(hours=12)
"""How long processes wait for the main one while it evaluates."""


_SOME_UNUSED = DistributedDataParallelKwargs(find_unused_parameters=True)
"""A pretrained backbone may have weights that a loss does not reach."""


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long and how fast to train."""

    num_steps: int = 6000
    """Optimizer steps."""
    batch_size: int = 32
    """Examples per step and process."""
    lr: float = 1e-3
    """Peak learning rate; a warm-up leads to it, a cosine down to a hundredth of it."""
    weight_decay: float = 0.01
    """AdamW weight decay, on matrices only."""
    warmup_steps: int = 100
    """Steps of linear warm-up."""
    grad_clip: float = 1.0
    """Largest gradient norm."""
    log_every: int = 50
    """Steps between rows of metrics.jsonl."""
    eval_every: int = 1000
    """Steps between evaluations on held-out data, with sample pictures."""
    save_every: int = 250
    """Steps between saves of the state a run resumes from."""
    seed: int = 0
    """Seed of everything random."""
    precision: Precision = "auto"
    """Arithmetic of the forward pass: bf16, fp32 (as "no"), or auto: bf16 where the hardware has it, fp32 elsewhere."""


@runtime_checkable
class Stage(Protocol):
    """What the loop asks of a stage."""

    model: nn.Module
    lr_scales: dict[str, float | int]
    """Name of a parameter -> factor on the learning rate, for those few that want another."""

    def draw_batch(self, rng: np.random.Generator, batch_size: int) -> dict[str, Tensor]:
        """Draw a batch, examples along the first axis of each tensor; runs in another thread, a step ahead."""
        ...

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], *, progress: float, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float | int]]:
        """Return the loss and what to log; `progress` runs from 0 to 1.

        Of several processes, each has its share of the batch, and `generator` is alike in all. The mean of their losses
        is what a single process would have.
        """
        ...

    def maintain(self, step: int, *, progress: float, generator: torch.Generator) -> None:
        """Tend to what gradients do not, after each step."""
        ...

    def evaluate(self, folder: Path, step: int) -> dict[str, float | int]:
        """Measure on held-out data and draw sample pictures into `folder`; in the main process only."""
        ...

    def extra_state(self) -> dict[str, Tensor]:
        """Return state beside the model's that the next step depends on."""
        ...

    def load_extra_state(self, state: dict[str, Tensor]) -> None: ...


def join_processes() -> None:
    """Meet the processes that this one was launched with, if there are any; before anything asks for a device."""
    PartialState(cpu=resolve_device() == "cpu", **({"timeout": PATIENCE} if "RANK" in os.environ else {}))


def fit(stage: Stage, config: LoopConfig, out: Path) -> None:
    """Train `stage.model` in place, resuming from `out` if a run was stopped there.

    Writes metrics.jsonl, samples/ and, while unfinished, resume.safetensors.

    Raises:
        LapaError: if `config` asks for less than one step, or one example.
        KeyboardInterrupt: after saving, when stopped by SIGINT or SIGTERM.
    """
    check_counts(config, num_steps=1, batch_size=1, warmup_steps=0, log_every=1, eval_every=1, save_every=1)
    out.mkdir(parents=True, exist_ok=True)
    join_processes()
    AcceleratorState._reset_state()  # a run before this one in the same process may have had another precision
    device = resolve_device()
    precision = resolve_precision(config.precision, device)
    accelerator = Accelerator(mixed_precision=precision, cpu=device == "cpu", kwargs_handlers=[_SOME_UNUSED])
    optimizer = torch.optim.AdamW(_parameter_groups(stage, config.weight_decay), lr=config.lr)
    first = _resume(stage, optimizer, out)
    model, optimizer = accelerator.prepare(stage.model, optimizer)
    stage.model.train()
    log = _Log(out / "metrics.jsonl", first)
    accelerator.print(f"{out.name}: {describe(precision, accelerator.device)}", file=sys.stderr)
    bar = tqdm(
        total=config.num_steps, initial=first, desc=out.name, mininterval=2.0, disable=not accelerator.is_main_process
    )
    with _StopSignal() as stop, ThreadPoolExecutor(max_workers=1) as pool:
        batch = pool.submit(_draw, stage, config, first)
        for step in range(first, config.num_steps):
            ready, batch = batch.result(), None
            if step + 1 < config.num_steps:
                batch = pool.submit(_draw, stage, config, step + 1)
            progress, generator = step / config.num_steps, _generator(config.seed, step)
            for group in optimizer.param_groups:
                group["lr"] = group["lr_scale"] * learning_rate(config, step)
            ready = {name: tensor.to(accelerator.device) for name, tensor in ready.items()}
            with accelerator.autocast():
                loss, metrics = stage.loss(model, ready, progress=progress, generator=generator)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), config.grad_clip)
            optimizer.step()
            optimizer.zero_grad()
            stage.maintain(step, progress=progress, generator=generator)
            done = step + 1
            bar.update()
            is_stopped, is_last = any_of(stop.asked), done == config.num_steps
            if done % config.log_every == 0:
                seen = averages({"loss": loss.item(), **metrics})
                log.write(done, lr=learning_rate(config, step), **seen)
                bar.set_postfix(loss=f"{seen['loss']:.4f}")
            if is_main() and (done % config.eval_every == 0 or is_last):
                log.write(done, **{f"eval_{k}": v for k, v in stage.evaluate(out / "samples", done).items()})
                stage.model.train()
            if is_main() and (done % config.save_every == 0 or is_last or is_stopped):
                _save(stage, optimizer, done, out)
            if is_stopped and not is_last:
                wait()  # until it is saved
                bar.close()
                raise KeyboardInterrupt(
                    f"stopped after step {done} of {config.num_steps}; run the same command to go on"
                )
    bar.close()


def finish(out: Path) -> None:
    """Drop the state a run resumes from, once its checkpoint is written."""
    (out / RESUME_FILE).unlink(missing_ok=True)


def learning_rate(config: LoopConfig, step: int) -> float:
    """Return the learning rate of a step: linear warm-up, then cosine to 1 % of the peak."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, config.num_steps - config.warmup_steps)
    return config.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def _parameter_groups(stage: Stage, weight_decay: float) -> list[dict]:
    named = [(name, p) for name, p in stage.model.named_parameters() if p.requires_grad]
    plain = [p for name, p in named if name not in stage.lr_scales]
    scaled = [
        {"params": [p], "weight_decay": 0.0, "lr_scale": stage.lr_scales[name]}
        for name, p in named
        if name in stage.lr_scales
    ]
    return [
        {"params": [p for p in plain if p.ndim >= 2], "weight_decay": weight_decay, "lr_scale": 1.0},
        {"params": [p for p in plain if p.ndim < 2], "weight_decay": 0.0, "lr_scale": 1.0},
        *scaled,
    ]


def _draw(stage: Stage, config: LoopConfig, step: int) -> dict[str, Tensor]:
    """Draw the batch of all processes; return this one's share."""
    rng = np.random.default_rng([config.seed, step, 0])
    whole = stage.draw_batch(rng, config.batch_size * num_processes())
    return {name: share(tensor) for name, tensor in whole.items()}


def _generator(seed: int, step: int) -> torch.Generator:
    return torch.Generator().manual_seed(int(np.random.SeedSequence([seed, step, 0, 1]).generate_state(1)[0]))


def _save(stage: Stage, optimizer: torch.optim.Optimizer, step: int, out: Path) -> None:
    tensors = {f"model.{name}": tensor for name, tensor in stage.model.state_dict().items()}
    tensors |= {f"extra.{name}": tensor for name, tensor in stage.extra_state().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items()}
    temporary = out / f".{RESUME_FILE}.tmp"
    facts = {"step": str(step), "threads": str(torch.get_num_threads())}
    save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, temporary, facts)
    os.replace(temporary, out / RESUME_FILE)


def _resume(stage: Stage, optimizer: torch.optim.Optimizer, out: Path) -> int:
    """Load the state in `out`, if there is one; return the step to go on with."""
    from safetensors import safe_open

    path = out / RESUME_FILE
    if not path.is_file():
        return 0
    with safe_open(path, "pt") as file:
        step, threads = int(file.metadata()["step"]), file.metadata().get("threads")
    if threads and ASKED not in os.environ:  # sums in another number of parts round otherwise
        torch.set_num_threads(int(threads))
    tensors = load_file(path)
    stage.model.load_state_dict(_under(tensors, "model."), strict=True)
    stage.load_extra_state(_under(tensors, "extra."))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under(tensors, "optimizer.").items():
        number, key = name.split(".", 1)
        moments.setdefault(int(number), {})[key] = tensor
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return step


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


class _Log:
    """metrics.jsonl, written by the main process; rows after the step we resume from are dropped, to come again."""

    def __init__(self, path: Path, first: int):
        self.path = path
        if not is_main():
            return
        rows = path.read_text().splitlines() if path.is_file() else []
        kept = [row for row in rows if json.loads(row)["step"] <= first]
        path.write_text("".join(f"{row}\n" for row in kept))

    def write(self, step: int, **values: float | int) -> None:
        if not is_main():
            return
        rounded = {k: float(f"{v:.6g}") for k, v in values.items()}
        with open(self.path, "a") as file:
            file.write(json.dumps({"step": step, **rounded}) + "\n")


class _StopSignal:
    """Turns SIGINT and SIGTERM into a question the loop can ask after each step (main thread only)."""

    def __init__(self):
        self.asked = False
        self._previous = {}

    def __enter__(self) -> _StopSignal:
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._ask)
        except ValueError:  # not the main thread: whoever owns it handles signals
            pass
        return self

    def __exit__(self, *exc) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _ask(self, number: int, stack) -> None:
        self.asked = True
