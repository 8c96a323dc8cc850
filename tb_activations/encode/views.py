"""Views: from a sample's tensor of any rank to tiles of pixels, by what its axes mean."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from tb_activations.schema import LayerInfo

# An input keeps more detail than a feature map: it is what the maps are laid over.
_INPUT_SIZE_FACTOR = 4
_COLOR_SAMPLES = (3, 4)
# A longer vector is folded also where sizes are not limited: browsers draw no strip of 100,000 pixels.
_LONGEST_STRIP = 64
_LONGEST_SLICED_BLOCK = 16


class UnsupportedTensorError(ValueError):
    """The tensor holds no numbers that could be drawn."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much of a layer is drawn.

    channels: tiles per layer, None for all. size: pixels per side of a tile, None for all; larger maps are averaged
    down. Units are pixels, not tiles: of a dense layer 8 * channels * size are drawn (32,768 by default, a block of
    182 x 181), of a sequence channels * size.
    """

    channels: int | None = 64
    size: int | None = 64

    def drawn(self, view: str) -> int | None:
        """How many channels a view draws at most."""
        if self.channels is None or view == "color":
            return None
        if view == "maps":
            return self.channels
        if self.size is None:
            return None
        return self.channels * self.size * (8 if view == "units" else 1)


@dataclasses.dataclass(frozen=True)
class View:
    """How one sample's tensor is drawn. axes: a name per axis; channel_axis: the axis that statistics keep apart."""

    name: str
    axes: tuple[str, ...]
    channel_axis: int | None


@dataclasses.dataclass(frozen=True)
class Tiles:
    """values: [samples * tiles, height, width], a sample's tiles after those of the one before (for colour pictures
    the values per pixel in place of tiles); padding: how many cells at the end of the last row hold nothing; slices:
    (rows, columns) of a tile's slices, in reading order."""

    values: np.ndarray
    channels: Sequence[int]
    downsampling: tuple[int, int] = (1, 1)
    padding: int = 0
    slices: tuple[int, int] = (1, 1)


def as_numbers(array: np.ndarray) -> np.ndarray:
    """The array in float32 or float64, whichever holds its values exactly (int64 beyond 2**53 is rounded).

    Complex values become their magnitude. Raises UnsupportedTensorError for strings and objects. Long doubles are
    rounded to float64.
    """
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype.kind == "c":
        magnitude: np.ndarray = np.abs(array)
        return as_numbers(magnitude)
    if array.dtype == np.longdouble:
        with np.errstate(over="ignore"):
            return array.astype(np.float64)
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
    for entry in REGISTRY:
        if entry.applies(info, sample_shape):
            return entry.view(len(sample_shape))
    raise AssertionError("the last entry of the registry applies to everything")


def _is_attention(info: LayerInfo, shape: tuple[int, ...]) -> bool:
    if len(shape) != 3:
        return False
    if info.path.endswith(":scores"):
        return True
    # A cube is more likely an attention gate's square feature maps with as many channels as rows.
    return "Attention" in info.class_name and shape[1] == shape[2] != shape[0]


def _is_color(info: LayerInfo, shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and info.role == "input" and shape[-1] in _COLOR_SAMPLES


def _is_first(info: LayerInfo) -> bool:
    return info.data_format == "channels_first"


def _leading(rank: int) -> tuple[str, ...]:
    return ("depth",) if rank == 4 else tuple(f"axis{i}" for i in range(rank - 3))


@dataclasses.dataclass(frozen=True)
class Entry:
    """One row of the registry. applies: to a layer and its sample's shape; view: for a sample of that rank."""

    applies: Callable[[LayerInfo, tuple[int, ...]], bool]
    view: Callable[[int], View]


REGISTRY = (
    Entry(lambda info, shape: len(shape) == 0, lambda rank: View("scalar", (), None)),
    Entry(lambda info, shape: len(shape) == 1, lambda rank: View("units", ("unit",), 0)),
    Entry(lambda info, shape: len(shape) == 2 and _is_first(info), lambda rank: View("sequence", ("unit", "time"), 0)),
    Entry(lambda info, shape: len(shape) == 2, lambda rank: View("sequence", ("time", "unit"), 1)),
    Entry(_is_attention, lambda rank: View("maps", ("head", "query", "key"), 0)),
    Entry(
        lambda info, shape: _is_first(info),
        lambda rank: View("maps", ("channel", *_leading(rank), "height", "width"), 0),
    ),
    Entry(_is_color, lambda rank: View("color", ("height", "width", "channel"), 2)),
    Entry(
        lambda info, shape: True,
        lambda rank: View("maps", (*_leading(rank), "height", "width", "channel"), rank - 1),
    ),
)
"""From what a tensor's axes mean to its view; the first entry that applies wins."""


def picked(channels: slice | Sequence[int] | None, count: int) -> tuple[int, ...] | None:
    """The channel ids that `channels` picks of `count`, each once, in its order; negative ones count from the end; None
    for no choice.

    Raises ValueError for an id outside -count to count - 1, and for an empty pick.
    """
    if channels is None:
        return None
    ids = range(count)[channels] if isinstance(channels, slice) else [int(i) for i in channels]
    wrong = [i for i in ids if not -count <= i < count]
    if wrong or not ids:
        problem = f"there is no channel {wrong[0]}" if wrong else "it picks none"
        raise ValueError(f"channels must be from {-count} to {count - 1}. Received: {channels!r}, and {problem}")
    return tuple(dict.fromkeys(i % count for i in ids))


def tiles_of(
    view: View, samples: np.ndarray, limits: Limits, role: str = "layer", ids: Sequence[int] | None = None
) -> Tiles:
    """Cut samples (with their axis, numbers, not empty) into tiles. ids: the channels drawn, None for the first."""
    size = limits.size if limits.size is None or role != "input" else limits.size * _INPUT_SIZE_FACTOR
    if view.channel_axis is None:
        return Tiles(samples.reshape(-1, 1, 1), range(1))
    # channels: [sample, channel, ...], whatever axis held them.
    rest = [axis for axis in range(1, samples.ndim) if axis != 1 + view.channel_axis]
    channels = samples.transpose(0, 1 + view.channel_axis, *rest)
    if ids is None:
        channels = channels[:, : limits.drawn(view.name)]
        ids = range(channels.shape[1])
    else:
        channels = channels[:, list(ids)]
    if view.name == "units":
        count = len(ids)
        width = count if count <= (limits.size or _LONGEST_STRIP) else math.isqrt(count - 1) + 1
        height = -(-count // width)
        padding = height * width - count
        # Repeating a value keeps the padding out of the tile's range.
        cells = np.pad(channels, ((0, 0), (0, padding)), mode="edge") if padding else channels
        return Tiles(cells.reshape(-1, height, width), ids, padding=padding)
    if view.name == "sequence":
        values, (rows, _) = _averaged(channels.swapaxes(1, 2), size, None)
        return Tiles(values, ids, (rows, 1))
    # Slices are averaged one by one, so that no pixel mixes two of them.
    maps = channels.reshape(-1, *channels.shape[-2:])
    values, downsampling = _averaged(maps, size, size)
    tiles = len(samples) * len(ids)
    count = len(maps) // tiles
    rows = next(r for r in range(math.isqrt(count), 0, -1) if count % r == 0)
    rows, columns = count // rows, rows
    height, width = values.shape[1:]
    blocks = values.reshape(tiles, rows, columns, height, width).swapaxes(2, 3)
    return Tiles(blocks.reshape(tiles, rows * height, columns * width), ids, downsampling, slices=(rows, columns))


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
    length = maps.shape[axis]
    counts = np.minimum(block, length - np.arange(0, length, block))
    shares = (1 / counts.reshape([-1 if i == axis else 1 for i in range(3)])).astype(maps.dtype)
    # +Inf and -Inf in one block make NaN, as they should.
    with np.errstate(over="raise", invalid="ignore"):
        try:
            means = _block_sums(maps, block, axis)
            means *= shares
        except FloatingPointError:
            # Dividing first keeps huge finite values from overflowing.
            means = _block_sums(maps * np.repeat(shares, block, axis)[:, : maps.shape[1], : maps.shape[2]], block, axis)
    return means


def _block_sums(maps: np.ndarray, block: int, axis: int) -> np.ndarray:
    """In the memory order of the maps; adding slices takes a fraction of `numpy.add.reduceat`'s time."""
    if block > _LONGEST_SLICED_BLOCK:
        long_sums: np.ndarray = np.add.reduceat(maps, np.arange(0, maps.shape[axis], block), axis=axis)
        return long_sums
    swapped = maps.swapaxes(0, axis)
    sums: np.ndarray = swapped[::block].copy("K")
    for first in range(1, block):
        terms = swapped[first::block]
        sums[: len(terms)] += terms
    swapped_back: np.ndarray = sums.swapaxes(0, axis)
    return swapped_back
