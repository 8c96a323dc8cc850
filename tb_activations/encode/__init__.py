"""Encode: one layer's activations to the values of its summaries. Pure functions over NumPy, no framework."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tb_activations.encode.atlas import Atlas, encode_atlas, read_atlas
from tb_activations.encode.histogram import histogram
from tb_activations.encode.statistics import Statistics, channel_statistics, health_row
from tb_activations.encode.views import Limits, UnsupportedTensorError, as_numbers, picked, tiles_of, view_of
from tb_activations.schema import LayerInfo

__all__ = ["Atlas", "EncodedLayer", "Limits", "UnsupportedTensorError", "encode_layer", "health_row", "read_atlas"]


@dataclasses.dataclass(frozen=True)
class EncodedLayer:
    """images: one PNG per sample, all width x height pixels; histogram: float64 [bins, 3]."""

    images: tuple[bytes, ...]
    width: int
    height: int
    histogram: np.ndarray
    statistics: Statistics


def encode_layer(
    info: LayerInfo, array: np.ndarray, limits: Limits, bins: int, channels: slice | Sequence[int] | None = None
) -> EncodedLayer:
    """Encode one layer's activations.

    array: [batch, ...] of any rank and numeric type. channels: which channels (or units) are drawn, in this order,
    instead of the first ones; statistics and histogram cover all. Raises ValueError for a channel that is not
    there, and UnsupportedTensorError when it is empty or not numbers.
    """
    array = array if array.ndim else array.reshape(1)
    if array.size == 0:
        raise UnsupportedTensorError(f"the tensor is empty: shape {array.shape}")
    values = as_numbers(array)
    sample_shape = values.shape[1:]
    view = view_of(info, sample_shape)
    ids = None if view.channel_axis is None else picked(channels, sample_shape[view.channel_axis])
    if ids is not None and view.name == "color":
        view = dataclasses.replace(view, name="maps")
    channel_axis = None if view.channel_axis is None else view.channel_axis + 1
    statistics = channel_statistics(values, channel_axis)
    width = height = 0
    images = []
    for sample in values:
        tiles = tiles_of(view, sample, limits, info.role, ids)
        png, width, height = encode_atlas(view, tiles, sample_shape, str(array.dtype))
        images.append(png)
    return EncodedLayer(tuple(images), width, height, histogram(values, bins, statistics.finite_range), statistics)
