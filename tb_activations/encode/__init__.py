"""Encode: one layer's activations to the values of its summaries. Pure functions over NumPy, no framework."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tb_activations.encode.atlas import Atlas, encode_atlases, read_atlas
from tb_activations.encode.histogram import histogram
from tb_activations.encode.statistics import Statistics, channel_statistics, health_row
from tb_activations.encode.views import Limits, UnsupportedTensorError, View, as_numbers, picked, tiles_of, view_of
from tb_activations.schema import LayerInfo

__all__ = ["Atlas", "EncodedLayer", "Limits", "UnsupportedTensorError", "encode_layer", "health_row", "read_atlas"]

_GROUP_VALUES = 1 << 17
"""Samples of small layers are drawn together, because calls cost more than values there; more in a group would need
more memory and save nothing."""


@dataclasses.dataclass(frozen=True)
class EncodedLayer:
    """images: one PNG per sample, all width x height pixels, none when not drawn; histogram: float64 [bins, 3]."""

    images: tuple[bytes, ...]
    width: int
    height: int
    histogram: np.ndarray
    statistics: Statistics


def encode_layer(
    info: LayerInfo,
    array: np.ndarray,
    limits: Limits,
    bins: int,
    channels: slice | Sequence[int] | None = None,
    picture: np.ndarray | None = None,
    draw: bool = True,
) -> EncodedLayer:
    """Encode one layer's activations.

    array: [batch, ...] of any rank and numeric type. channels: which channels (or units) are drawn, in this order,
    instead of the first ones; statistics and histogram cover all. picture: [batch, …], drawn whole in the array's
    place. draw: False for no pictures. Raises ValueError for a channel that is not there, and UnsupportedTensorError
    when the array is empty or not numbers.
    """
    array = array if array.ndim else array.reshape(1)
    if array.size == 0:
        raise UnsupportedTensorError(f"the tensor is empty: shape {array.shape}")
    values = as_numbers(array)
    view = view_of(info, values.shape[1:])
    statistics = channel_statistics(values, None if view.channel_axis is None else view.channel_axis + 1)
    drawn: tuple[tuple[bytes, ...], int, int] = ((), 0, 0)
    if draw and picture is None:
        drawn = _drawn(info.role, view, values, str(array.dtype), limits, channels)
    elif draw and picture is not None:
        painted = view_of(info, picture.shape[1:])
        drawn = _drawn(info.role, painted, as_numbers(picture), str(picture.dtype), limits, None)
    return EncodedLayer(*drawn, histogram(values, bins, statistics.finite_range, statistics.all_finite), statistics)


def _drawn(
    role: str, view: View, values: np.ndarray, dtype: str, limits: Limits, channels: slice | Sequence[int] | None
) -> tuple[tuple[bytes, ...], int, int]:
    """One PNG per sample, and their width and height. dtype: of the values as they were given."""
    sample_shape = values.shape[1:]
    ids = None if view.channel_axis is None else picked(channels, sample_shape[view.channel_axis])
    if ids is not None and view.name == "color":
        view = dataclasses.replace(view, name="maps")
    width = height = 0
    images: list[bytes] = []
    group = max(1, _GROUP_VALUES // values[0].size)
    for samples in (values[first : first + group] for first in range(0, len(values), group)):
        tiles = tiles_of(view, samples, limits, role, ids)
        pngs, width, height = encode_atlases(view, tiles, len(samples), sample_shape, dtype)
        images += pngs
    return tuple(images), width, height
