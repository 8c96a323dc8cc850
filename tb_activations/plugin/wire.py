"""A tensor series as octets: NaN is an ordinary value here, which JSON cannot say."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tb_activations.plugin.results import Series

_ALIGNMENT = 8
"""The values start at a multiple of it, so that the browser views them as a Float64Array without a copy."""


def encode_series(series: Series) -> bytes:
    """uint32 length, JSON header padded with spaces, values; all little-endian. `docs/http.md` has the fields."""
    values = np.ascontiguousarray(series.values, dtype=series.values.dtype.newbyteorder("<"))
    header = json.dumps(
        {
            "steps": series.steps,
            "wall_times": series.wall_times,
            "dtype": series.values.dtype.name,
            "shape": values.shape,
            "columns": series.columns,
        },
        separators=(",", ":"),
    ).encode()
    header += b" " * (-(4 + len(header)) % _ALIGNMENT)
    return b"".join((struct.pack("<I", len(header)), header, values.tobytes()))
