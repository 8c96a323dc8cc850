"""See what the layers of a neural network do: log activations while it trains, browse them in TensorBoard.

The public names are imported on first use, so that a machine that only watches needs no framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Not on first use like the others: the sub-package has the function's name, and importing the sub-package later would
# put the module in the function's place. It imports NumPy only.
from tb_activations.capture import Capture, RetraceWarning, capture
from tb_activations.schema import LayerInfo

if TYPE_CHECKING:
    from tb_activations.callback import ActivationLogger as ActivationLogger
    from tb_activations.encode import read_atlas as read_atlas
    from tb_activations.faults import ActivationWarning as ActivationWarning
    from tb_activations.listing import list_layers as list_layers
    from tb_activations.writer import ActivationWriter as ActivationWriter

__version__ = "0.1.0"

_HOMES = {
    "ActivationLogger": "tb_activations.callback",
    "ActivationWarning": "tb_activations.faults",
    "ActivationWriter": "tb_activations.writer",
    "list_layers": "tb_activations.listing",
    "read_atlas": "tb_activations.encode",
}

__all__ = ["Capture", "LayerInfo", "RetraceWarning", "__version__", "capture", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if error.name in ("keras", "tensorflow"):
            raise ModuleNotFoundError(
                f"{name} needs {error.name}, which is not installed here: pip install 'tb_activations[tensorflow]'",
                name=error.name,
            ) from error
        raise
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
