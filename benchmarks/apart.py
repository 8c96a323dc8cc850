"""Apart: a measurement in a process of its own, so that nothing measured before it is counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def measured_apart(module: str, *arguments: str) -> dict[str, Any]:
    """What `python -m module arguments` prints as JSON on its last line."""
    command = [sys.executable, "-m", module, *arguments]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    measured: dict[str, Any] = json.loads(lines[-1])
    return measured
