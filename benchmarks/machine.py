"""Machine: which one, with which libraries, the benchmarks ran on."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf


def machine() -> dict[str, object]:
    try:
        from isal import __version__ as isal
    except ImportError:
        isal = "not installed"
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "isal": isal,
        "date": datetime.date.today().isoformat(),
    }


def touch_memory(size: int = 1 << 30) -> None:
    """Use memory once and free it again, so that what is measured next finds it ready.

    A virtual machine gets its memory from the host page by page at the first use, and some give back what is free: with
    9 µs a page, a file grew twelve times as slowly as in memory that had been used.
    """
    np.empty(size, np.uint8)[::4096] = 0


def _cpu_model() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown CPU"
