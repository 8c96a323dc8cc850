"""Size: about how many bytes one log of a layer writes, before anything is computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tb_activations.encode.views import Limits, picked, tiles_of, view_of
from tb_activations.schema import LayerInfo

# Bytes of PNG per pixel, measured over all layers: 0.71 for a ResNet50 with random weights on a photograph, 0.5 for the
# trained demo network. Nothing but the values themselves would tell better.
_BYTES_PER_PIXEL = 0.6
_BYTES_PER_TILE = 10  # two numbers of the atlas header, compressed
_BYTES_PER_PICTURE = 400  # the rest of the header, and the PNG's own chunks
_BYTES_PER_CHANNEL = 24  # the statistics' columns that are not zero everywhere: five or six, float32
_BYTES_PER_LAYER = 300  # tags, plugin names and record framing of three values


def predicted_bytes(
    info: LayerInfo,
    limits: Limits,
    bins: int = 64,
    samples: int = 1,
    channels: slice | Sequence[int] | None = None,
) -> int:
    """Within a factor of two of what a layer's picture, histogram and statistics take; 0 when its shape is unknown.

    An input's picture is left out: it is written when it changes, not at every log. channels: which are drawn, as in
    `encode_layer`.
    """
    if info.shape is None or any(size is None for size in info.shape[1:]):
        return 0
    shape = tuple(size for size in info.shape[1:] if size is not None)
    if 0 in shape:
        return 0
    view = view_of(info, shape)
    channel_count = 1 if view.channel_axis is None else shape[view.channel_axis]
    tensors = bins * 3 * 8 + channel_count * _BYTES_PER_CHANNEL + _BYTES_PER_LAYER
    if info.role == "input":
        return tensors
    ids = None if view.channel_axis is None else picked(channels, shape[view.channel_axis])
    if ids is not None and view.name == "color":
        view = dataclasses.replace(view, name="maps")
    # A value repeated without memory: only the shape of the tiles is wanted.
    tiles = tiles_of(view, np.broadcast_to(np.float32(0), (1, *shape)), limits, info.role, ids)
    picture = tiles.values.size * _BYTES_PER_PIXEL + len(tiles.values) * _BYTES_PER_TILE + _BYTES_PER_PICTURE
    return round(tensors + samples * picture)
