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


def _cpu_model() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown CPU"
