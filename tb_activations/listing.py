"""Listing: what `list_layers` prints: a model's layers, how to name them, and what logging them writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tb_activations.capture import describe
from tb_activations.encode import Limits
from tb_activations.encode.size import predicted_bytes
from tb_activations.table import LayerTable


def list_layers(model: Any, inputs: Any = None, *, print_fn: Callable[[str], object] = print) -> LayerTable:
    """Print a model's layers: index (what an integer selects), path, class, output shape, parameters, and about how
    many bytes one log of it writes for one probe sample with the default limits.

    inputs: needed for a model that does not know its input shape (a subclassed or unbuilt one); an array [batch, …]
    of which one sample will do. Nothing is computed. Returns the table, a sequence of `LayerInfo` that a notebook
    shows as a table.

    Raises TypeError for what is not a model, ValueError when the model needs inputs.
    """
    layers = describe(model, inputs)
    limits = Limits()
    sizes = [predicted_bytes(layer, limits) for layer in layers]
    # A layer that is called twice, or has two outputs, has its parameters once.
    total = sum(
        {re.split("[#:]", layer.path)[0]: layer.parameters for layer in layers if "/" not in layer.path}.values()
    )
    note = (
        f"{len(layers)} outputs, {total:,} parameters; about {sum(sizes) / 1e3:,.0f} kB per log if all are logged "
        "(one sample, default limits)"
    )
    table = LayerTable(layers, sizes, note)
    print_fn(str(table))
    return table
