"""Worker processes that simulate: how they start, and how they end with their parent or with Ctrl-C."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor


def start_worker() -> None:
    """Leave Ctrl-C to the parent, end when it ends, and keep to one core. Call first in a pool's initializer."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["LP_NUM_THREADS"] = "1"


def stop_workers(pool: ProcessPoolExecutor) -> None:
    """End the workers now, whatever they are doing."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


def _end_with_parent() -> None:
    """A pool's workers would wait for ever for the next task of a parent that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
