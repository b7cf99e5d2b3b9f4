"""Which arithmetic this machine is fast in: bfloat16 where its hardware multiplies it, float32 elsewhere.

A processor without such instructions (most laptops) emulates bfloat16 and takes eight times as long as in float32.
"""

from __future__ import annotations

import contextlib
import platform
import time
from functools import lru_cache
from pathlib import Path
from typing import Literal

import torch

Precision = Literal["auto", "bf16", "fp32", "no"]
"""What can be asked for; "no" (mixed precision) is accelerate's word for float32."""

_SIDE = 256
"""Side of the matrices that are multiplied to see which arithmetic is faster."""


def has_fast_bf16(device: torch.device | str) -> bool:
    """Tell whether a device multiplies bfloat16 in hardware, and does it no slower than float32; probed once."""
    return _probe(torch.device(device).type)


def resolve_precision(precision: Precision, device: torch.device | str) -> Literal["bf16", "no"]:
    """Turn what was asked for into the arithmetic of a run on `device`, in accelerate's words."""
    if precision == "auto":
        return "bf16" if has_fast_bf16(device) else "no"
    return "bf16" if precision == "bf16" else "no"


def describe(precision: Literal["bf16", "no"], device: torch.device | str) -> str:
    """Say in a few words what computes, and in which arithmetic, such as "float32 on cpu, 2 threads"."""
    kind, number = torch.device(device).type, torch.get_num_threads()
    threads = f", {number} thread{'s' * (number > 1)}" if kind == "cpu" else ""
    return f"{'bfloat16' if precision == 'bf16' else 'float32'} on {kind}{threads}"


def autocast(precision: Literal["bf16", "no"], device: torch.device | str) -> contextlib.AbstractContextManager:
    """Return a context in which `device` computes in what `resolve_precision` chose."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()


@lru_cache
def _probe(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return kind == "cpu" and _has_cpu_instructions() and _is_product_faster()


def _has_cpu_instructions() -> bool:
    """Tell whether the processor says it has AVX512-BF16, AMX or Arm's BF16."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        info = Path("/proc/cpuinfo")
        return info.is_file() and " bf16" in info.read_text()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _is_product_faster() -> bool:
    """Time a matrix product in both arithmetics: instructions that a virtual machine emulates do not count."""
    return _product_s(torch.bfloat16) < _product_s(torch.float32)


@torch.inference_mode()
def _product_s(dtype: torch.dtype) -> float:
    """Return the least of several times of one product, in seconds, so that a busy moment does not count."""
    matrix = torch.ones(_SIDE, _SIDE, dtype=dtype)
    times = []
    for _ in range(8):
        start = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - start)
    return min(times[1:])
