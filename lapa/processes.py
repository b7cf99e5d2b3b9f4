"""Several processes that train one model: which one this is, and what they tell each other.

Everything here is the identity in a single process, so whoever uses it need not ask how many there are. All processes
must call `gathered`, `averaged`, `any_of`, `on_main` and `wait` in the same order, from their main threads. What comes
back is equal to the last bit in each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def num_processes() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return this process's number, from 0."""
    return dist.get_rank() if num_processes() > 1 else 0


def is_main() -> bool:
    """Tell whether this is the process that logs, evaluates and saves."""
    return rank() == 0


def share(batch: Tensor) -> Tensor:
    """Return this process's rows of what is drawn for all of them, alike in each; their number divides the rows."""
    size = len(batch) // num_processes()
    return batch[rank() * size : (rank() + 1) * size]


def gathered(rows: Tensor) -> Tensor:
    """Return the rows of all processes, one process after the other: what `share` took apart. No gradient."""
    if num_processes() == 1:
        return rows
    mine = rows.detach().to(_meeting_place(rows)).contiguous()
    parts = [torch.empty_like(mine) for _ in range(num_processes())]
    dist.all_gather(parts, mine)
    return torch.cat(parts).to(rows.device)


def summed(value: Tensor) -> Tensor:
    """Return the sum of a tensor over the processes. No gradient."""
    return value if num_processes() == 1 else gathered(value[None]).sum(0)


def averaged(value: Tensor) -> Tensor:
    """Return the mean of a float tensor over the processes. No gradient."""
    return value if num_processes() == 1 else gathered(value[None]).mean(0)


def averages(values: dict[str, float | int]) -> dict[str, float | int]:
    """Return the means of named numbers over the processes, which have the same names."""
    if num_processes() == 1 or not values:
        return values
    return dict(zip(values, averaged(torch.tensor(list(values.values()), dtype=torch.float64)).tolist(), strict=True))


def any_of(flag: bool) -> bool:
    """Tell whether it is so in any process."""
    return flag if num_processes() == 1 else bool(gathered(torch.tensor([flag])).any())


def own(generator: torch.Generator) -> torch.Generator:
    """Return a generator for what may differ between processes, such as dropout, where `generator` is alike in all."""
    if rank() == 0:
        return generator
    return torch.Generator().manual_seed(generator.initial_seed() + rank())


def on_main(work: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Do something in the main process only; the others wait until it is done."""
    if is_main():
        work(*args, **kwargs)
    wait()


def wait() -> None:
    """Wait until all processes are here."""
    any_of(False)


def _meeting_place(tensor: Tensor) -> torch.device:
    """Return where processes can exchange a tensor: NCCL takes those on the GPU only."""
    return torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
