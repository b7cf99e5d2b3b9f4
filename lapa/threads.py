"""How many threads a process computes with: as many as there are idle cores, fewer where several processes share them.

Two threads a process on a busy two-core machine are far slower than one, since each waits for the other. It must be
decided before torch, OpenCV and numba are imported, which read it from the environment; so this imports nothing.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

ASKED = "LAPA_THREADS"
"""Set where somebody asked for a number: a resumed run then takes it instead of the number it began with."""
_READERS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")


def limit_threads(asked: int | None = None, environ: MutableMapping[str, str] = os.environ) -> None:
    """Tell the libraries that are imported from here on how many threads to use.

    Args:
        asked: the number; None leaves $OMP_NUM_THREADS where it is set, and takes `default_threads` where it is not.
        environ: the environment to write to.
    """
    # Threads that wait by spinning steal the cores from other work: on a busy machine all takes 20 times as long.
    environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if asked is not None:
        environ[ASKED] = str(asked)
        environ.update(dict.fromkeys(_READERS, str(asked)))
        return
    number = environ.get("OMP_NUM_THREADS") or str(default_threads(int(environ.get("LOCAL_WORLD_SIZE") or 1)))
    for name in _READERS:
        environ.setdefault(name, number)


def default_threads(num_processes: int = 1) -> int:
    """Return the number of cores that are idle by the last minute's load, shared by `num_processes`; at least 1."""
    idle = num_cores() - round(_load())
    return max(1, idle // max(1, num_processes))


def num_cores() -> int:
    """Return the number of cores this process may use: by its affinity and by its control group's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _quota(allowed)))


def _load() -> float:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has none
        return 0.0


def _quota(default: int) -> int:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return round(int(quota) / int(period))
    except (OSError, ValueError):  # no control group, or "max"
        return default


def take_threads(args: list[str]) -> list[str]:
    """Take `--threads N` off a command line, which every verb knows, and obey it; return the rest.

    What is no number from 1 to 1,024 is left in place, for the verb to complain about.
    """
    for i, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        if name != "--threads":
            continue
        number = value if equals else next(iter(args[i + 1 :]), "")
        if number.isdecimal() and 1 <= int(number) <= 1024:
            limit_threads(int(number))
            return args[:i] + args[i + (1 if equals else 2) :]
    limit_threads()
    return args
