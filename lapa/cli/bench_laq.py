"""`bench laq`: our quantizer's training step and encoding against the released architecture's, at equal sizes.

Both run in this process, in turns, on the same random pictures, so that a busy machine slows them alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lapa.cli.options import parse, print_facts

if TYPE_CHECKING:
    import torch

    from lapa.models.laq import LAQ
    from lapa.released.laq import ReleasedLAQ


@dataclass(frozen=True, kw_only=True)
class BenchLAQ:
    """Time a training step and the encoding of a batch: our quantizer, and the released architecture in our port.

    Ours as it is shipped (warp head, and bfloat16 where this machine is fast in it), with the released linear head,
    and with the released arithmetic (float32) too. What was computed in is printed as `arithmetic`.
    """

    image_size: int = 128
    """Side of the pictures, in pixels."""
    patch: int = 16
    """Side of a patch, in pixels."""
    width: int = 128
    """Width of all transformers."""
    num_heads: int = 4
    """Attention heads of each layer."""
    num_spatial: int = 2
    """Layers of the encoder within a frame, and as many of the decoder."""
    num_temporal: int = 1
    """Layers of the encoder across the two frames."""
    batch_size: int = 32
    """Pairs of frames per step."""
    repeats: int = 10
    """How often each is timed; medians are printed."""
    json: bool = False
    """Print one JSON object."""


def main(verb: str, args: list[str]) -> None:
    options = parse(BenchLAQ, verb, args)
    import torch

    from lapa.models.compute import describe, resolve_precision

    torch.manual_seed(0)
    shape = (options.batch_size, 3, options.image_size, options.image_size)
    frame, future = torch.rand(shape), torch.rand(shape)
    released, warp, linear = _released(options), _ours(options, "warp"), _ours(options, "linear")
    precision = resolve_precision("auto", "cpu")
    steps = {
        "released_step_ms": _released_step(released, frame, future),
        "step_ms": _our_step(warp, frame, future, is_bf16=precision == "bf16"),
        "step_linear_ms": _our_step(linear, frame, future, is_bf16=precision == "bf16"),
        "step_linear_fp32_ms": _our_step(linear, frame, future, is_bf16=False),
        "released_encode_ms": _encoding(released, frame, future),
        "encode_ms": _encoding(warp, frame, future),
    }
    facts = _medians_ms(steps, options.repeats)
    facts |= {
        "step_speedup": facts["released_step_ms"] / facts["step_ms"],
        "step_speedup_same_head": facts["released_step_ms"] / facts["step_linear_ms"],
        "step_speedup_same_head_and_arithmetic": facts["released_step_ms"] / facts["step_linear_fp32_ms"],
        "encode_speedup": facts["released_encode_ms"] / facts["encode_ms"],
        "released_parameters": sum(p.numel() for p in released.parameters()),
        "parameters": sum(p.numel() for p in warp.parameters()),
    }
    print_facts(facts | {"arithmetic": describe(precision, "cpu")}, as_json=options.json)


def _ours(options: BenchLAQ, head: str) -> LAQ:
    from lapa.models.laq import LAQ, LAQConfig

    names = ("image_size", "patch", "width", "num_heads", "num_spatial", "num_temporal")
    sizes = {name: getattr(options, name) for name in names}
    return LAQ(LAQConfig(**sizes, num_decoder=options.num_spatial, head=head))


def _released(options: BenchLAQ) -> ReleasedLAQ:
    from lapa.released.laq import ReleasedLAQ, ReleasedLAQConfig

    names = ("image_size", "patch", "width", "num_heads", "num_spatial", "num_temporal")
    sizes = {name: getattr(options, name) for name in names}
    return ReleasedLAQ(ReleasedLAQConfig(**sizes, head_width=options.width // options.num_heads, code_width=8))


def _our_step(model: LAQ, frame: torch.Tensor, future: torch.Tensor, *, is_bf16: bool) -> Callable[[], None]:
    """Return one step as `train-laq` does it, codes followed included."""
    import torch

    from lapa.train.laq import changed

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.head.to(memory_format=torch.channels_last)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
            out = model.train()(frame, future)
            weight = 1 + 8 * changed(frame, future, 0.05)
            loss = (weight * (out.future - future).square()).mean() / weight.mean() + 0.1 * out.loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        model.quantizer.follow(out.continuous.detach(), 0.9)

    return step


def _released_step(model: ReleasedLAQ, frame: torch.Tensor, future: torch.Tensor) -> Callable[[], None]:
    """Return one step as the authors' program does it: fp32, noise substitution, Adam, the decoder's frame detached.

    Its attention is torch's fused one and its position bias is computed once per offset: faster than their code.
    """
    import torch
    import torch.nn.functional as F

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step() -> None:
        encoding = model.train().encode(frame, future)
        latents, points = encoding.continuous, model.code_vectors(encoding.tokens)
        radius = (latents - points).norm(dim=-1, keepdim=True)
        vectors = latents + radius * F.normalize(torch.randn_like(latents), dim=-1)
        model.to_patch_emb_first_frame.requires_grad_(False)
        drawn = model.decode_vectors(frame, vectors)
        model.to_patch_emb_first_frame.requires_grad_(True)
        F.mse_loss(drawn, future).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()

    return step


def _encoding(model: LAQ | ReleasedLAQ, frame: torch.Tensor, future: torch.Tensor) -> Callable[[], None]:
    import torch

    def encode() -> None:
        with torch.inference_mode():
            model.eval().encode(frame, future)

    return encode


def _medians_ms(actions: dict[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    """Time the actions in turns, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(max(3, repeats) + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if number:
                times[name].append(1e3 * (time.perf_counter() - start))
    return {name: float(np.median(seconds)) for name, seconds in times.items()}
