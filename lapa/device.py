"""Which processor a name such as "auto", "cpu", "cuda:1" or "mps" means on this machine."""

from __future__ import annotations

import torch

from lapa.types import LapaError


def resolve_device(name: str = "auto") -> str:
    """Return the device to compute on: `name`, or for "auto" the GPU where there is one and the CPU elsewhere.

    Raises:
        LapaError: if this PyTorch knows no such device, or the machine has none.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        module = torch.get_device_module(device)
        count = module.device_count() if module.is_available() else 0
    except (RuntimeError, AttributeError) as error:
        raise LapaError(f"'{name[:40]}' is no device: choose {_choices()}") from error
    if (device.index or 0) >= count:
        raise LapaError(f"there is no '{name}' that PyTorch can use on this machine: choose {_choices()}")
    return name


def _choices() -> str:
    found = [kind for kind in ("cuda", "mps", "xpu") if getattr(torch, kind).is_available()]
    return " or ".join(", ".join(["auto", "cpu", *found]).rsplit(", ", 1))
