"""Views: from a sample's tensor of any rank to tiles of pixels, by what its axes mean."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from tb_activations.schema import LayerInfo

# An input keeps more detail than a feature map: it is what the maps are laid over.
_INPUT_SIZE_FACTOR = 4
_COLOR_SAMPLES = (3, 4)


class UnsupportedTensorError(ValueError):
    """The tensor holds no numbers that could be drawn."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much of a layer is drawn.

    channels: tiles per layer, None for all. size: pixels per side of a tile, None for all; larger maps are averaged
    down. Units of a dense layer are pixels, not tiles, so they share the budget of `channels * size` tiles' sides.
    """

    channels: int | None = 64
    size: int | None = 64

    @property
    def units(self) -> int | None:
        return None if self.channels is None or self.size is None else self.channels * self.size


@dataclasses.dataclass(frozen=True)
class View:
    """How one sample's tensor is drawn. axes: a name per axis; channel_axis: the axis that statistics keep apart."""

    name: str
    axes: tuple[str, ...]
    channel_axis: int | None


@dataclasses.dataclass(frozen=True)
class Tiles:
    """values: [tiles, height, width] (for a colour picture [samples per pixel, height, width]); padding: how many
    cells at the end of the last row hold nothing."""

    values: np.ndarray
    channels: tuple[int, ...]
    downsampling: tuple[int, int] = (1, 1)
    padding: int = 0


def as_numbers(array: np.ndarray) -> np.ndarray:
    """The array in float32 or float64, whichever holds its values exactly (int64 beyond 2**53 is rounded).

    Complex values become their magnitude. Raises UnsupportedTensorError for strings and objects.
    """
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype.kind == "c":
        magnitude: np.ndarray = np.abs(array)
        return magnitude
    if array.dtype.kind in "iu" and array.dtype.itemsize >= 4:
        return array.astype(np.float64)
    # Kind V is what ml_dtypes' bfloat16 and float8 report.
    if array.dtype.kind in "iubfV" and array.dtype.names is None:
        try:
            return array.astype(np.float32)
        except (TypeError, ValueError) as error:
            raise UnsupportedTensorError(f"values of type {array.dtype} are not numbers") from error
    raise UnsupportedTensorError(f"values of type {array.dtype} are not numbers")


def view_of(info: LayerInfo, sample_shape: tuple[int, ...]) -> View:
    """The view of a layer's output.

    sample_shape: of one sample, without the batch axis. Ranks: 0 a scalar, 1 units, 2 time x units, 3 maps
    (a colour picture for a model input with 3 or 4 channels), 4 and more: maps whose leading axes are stacked as rows.
    """
    rank = len(sample_shape)
    if rank == 0:
        return View("scalar", (), None)
    if rank == 1:
        return View("units", ("unit",), 0)
    if rank == 2:
        return View("sequence", ("time", "unit"), 1)
    leading = ("depth",) if rank == 4 else tuple(f"axis{i}" for i in range(rank - 3))
    if info.data_format == "channels_first":
        return View("maps", ("channel", *leading, "height", "width"), 0)
    name = "color" if rank == 3 and info.role == "input" and sample_shape[-1] in _COLOR_SAMPLES else "maps"
    return View(name, (*leading, "height", "width", "channel"), rank - 1)


def tiles_of(
    view: View,
    sample: np.ndarray,
    limits: Limits,
    role: str = "layer",
    channels: slice | Sequence[int] | None = None,
) -> Tiles:
    """Cut one sample (no batch axis, numbers, not empty) into tiles."""
    size = limits.size if limits.size is None or role != "input" else limits.size * _INPUT_SIZE_FACTOR
    if view.name == "scalar":
        return Tiles(sample.reshape(1, 1, 1), (0,))
    if view.name == "units":
        units = sample[: limits.units]
        width = units.size if units.size <= (limits.size or units.size) else math.isqrt(units.size - 1) + 1
        height = -(-units.size // width)
        padding = height * width - units.size
        # Repeating a value keeps the padding out of the tile's range.
        cells = np.pad(units, (0, padding), mode="edge")
        return Tiles(cells.reshape(1, height, width), tuple(range(units.size)), padding=padding)
    if view.name == "sequence":
        shown = sample[None, :, : limits.units]
        values, (rows, _) = _averaged(shown, size, None)
        return Tiles(values, tuple(range(shown.shape[2])), (rows, 1))
    assert view.channel_axis is not None
    maps = np.moveaxis(sample, view.channel_axis, 0)
    ids: Sequence[int] = range(len(maps))
    if view.name == "maps" and channels is not None:
        ids = (
            range(len(maps))[channels]
            if isinstance(channels, slice)
            else [len(maps) + i if i < 0 else i for i in channels]
        )
        maps = maps[channels if isinstance(channels, slice) else list(channels)]
    elif view.name == "maps":
        ids, maps = ids[: limits.channels], maps[: limits.channels]
    maps = maps.reshape(maps.shape[0], -1, maps.shape[-1])
    values, downsampling = _averaged(maps, size, size)
    return Tiles(values, tuple(ids), downsampling)


def _averaged(maps: np.ndarray, height: int | None, width: int | None) -> tuple[np.ndarray, tuple[int, int]]:
    """maps [n, h, w] with blocks averaged until no side is longer than asked; and the block (rows, columns).

    One non-finite value makes its block non-finite, so that none can hide in an average.
    """
    rows = 1 if height is None else -(-maps.shape[1] // height)
    columns = 1 if width is None else -(-maps.shape[2] // width)
    if rows > 1:
        maps = _block_means(maps, rows, axis=1)
    if columns > 1:
        maps = _block_means(maps, columns, axis=2)
    return maps, (rows, columns)


def _block_means(maps: np.ndarray, block: int, axis: int) -> np.ndarray:
    starts = np.arange(0, maps.shape[axis], block)
    lengths = np.minimum(starts + block, maps.shape[axis]) - starts
    shape = [1, 1, 1]
    shape[axis] = len(lengths)
    # +Inf and -Inf in one block make NaN, as they should. Dividing first keeps huge finite values from overflowing.
    with np.errstate(invalid="ignore"):
        means: np.ndarray = np.add.reduceat(maps / maps.dtype.type(block), starts, axis=axis)
        means *= (block / lengths.reshape(shape)).astype(maps.dtype)
    return means
