"""Passes: how often a function crosses its input in memory, by the marks that the processor leaves on pages it touches.

The function runs in a child process on an array too large for its translation cache. The parent stops the child again
and again, each time after about `WINDOW_BYTES` of the array were touched, adds up the pages marked since, and clears
the marks. A page that is read again within a window, as a block in the cache is, counts once; one that is read again
later counts again. Two functions whose passes are known are measured beside it.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import time
from collections.abc import Callable

import numpy as np

from benchmarks.linux_memory import forget_references, referenced_bytes
from tb_activations.encode.statistics import channel_statistics

SHAPE = (32, 112, 112, 64)
"""Eight times 3.2 million float32 values: a whole crossing takes many windows."""
WINDOW_BYTES = 4 << 20


def main() -> None:
    functions: dict[str, Callable[[np.ndarray], object]] = {
        "one": lambda values: values.max(),
        "two": lambda values: (values.min(), values.max()),
        "statistics_passes": lambda values: channel_statistics(values, 3),
    }
    size = int(np.prod(SHAPE)) * 4
    memory = mmap.mmap(-1, size)
    # Marks are per page: huge ones would hide what happens in them.
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    values = np.frombuffer(memory, np.float32).reshape(SHAPE)
    values[:] = np.random.default_rng(0).standard_normal(SHAPE[1:], np.float32)
    print(json.dumps({name: passes(function, values) for name, function in functions.items()}))


def passes(function: Callable[[np.ndarray], object], values: np.ndarray) -> float:
    """How often `function` crosses `values`, a mapping of its own."""
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        function(values)
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    forget_references(child)
    touched, window = 0, 1e-4
    while _ran(child, window):
        now = referenced_bytes(child, values.ctypes.data)
        forget_references(child)
        touched += now
        window *= min(2.0, max(0.5, WINDOW_BYTES / max(now, 1)))
    return touched / values.nbytes


def _ran(child: int, seconds: float) -> bool:
    """Let the child run for so long; False once it has ended."""
    os.kill(child, signal.SIGCONT)
    time.sleep(seconds)
    os.kill(child, signal.SIGSTOP)
    return not os.WIFEXITED(os.waitpid(child, os.WUNTRACED)[1])


if __name__ == "__main__":
    main()
