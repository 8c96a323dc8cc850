"""Atlas: one sample's tiles in one 8-bit PNG that says what its codes mean, and the reader of such a PNG."""

from __future__ import annotations

import dataclasses
import io
import os
from typing import BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from tb_activations.encode.views import Tiles, View
from tb_activations.schema import (
    ATLAS_TEXT_KEYWORD,
    FINITE_LEVELS,
    FINITE_LEVELS_WITH_NONFINITE,
    AtlasHeader,
    SchemaError,
    decode_codes,
)

MAX_COLUMNS = 16
# Level 1 costs a third of the default's time for a few per cent more bytes on quantised feature maps.
_COMPRESS_LEVEL = 1
_COLOR_MODES = {3: "RGB", 4: "RGBA"}


@dataclasses.dataclass(frozen=True)
class Atlas:
    """A decoded atlas.

    values: float32 (float64 for layers of that type) [channels, height, width]; units are channels of 1 x 1, a
    sequence is [units, 1, time], a colour picture [samples per pixel, height, width]. NaN and ±Inf are restored.
    header: the `AtlasHeader` it was read from.
    """

    values: np.ndarray
    header: AtlasHeader


def encode_atlas(view: View, tiles: Tiles, shape: tuple[int, ...], dtype: str) -> tuple[bytes, int, int]:
    """PNG bytes, width and height in pixels of one sample's atlas.

    shape, dtype: of the sample's tensor, for the header.
    """
    if view.name == "color":
        codes, value_range, levels = quantise(tiles.values, _picture_range(tiles.values))
        atlas = np.ascontiguousarray(np.moveaxis(codes, 0, -1))
        count, ranges, all_levels = 1, [value_range], [levels]
    else:
        count, height, width = tiles.values.shape
        columns = min(MAX_COLUMNS, count)
        rows = -(-count // columns)
        # atlas: uint8 [rows * height, columns * width], seen as [rows, height, columns, width] while it is filled.
        atlas = np.zeros((rows * height, columns * width), np.uint8)
        cells = atlas.reshape(rows, height, columns, width)
        ranges, all_levels = [], []
        for index, tile in enumerate(tiles.values):
            codes, value_range, levels = quantise(tile)
            cells[index // columns, :, index % columns] = codes
            ranges.append(value_range)
            all_levels.append(levels)
        if tiles.padding:
            atlas.reshape(-1)[-tiles.padding :] = 0
    header = AtlasHeader(
        view=view.name,
        shape=shape,
        axes=view.axes,
        dtype=dtype,
        tile=(tiles.values.shape[1], tiles.values.shape[2]),
        columns=min(MAX_COLUMNS, count),
        downsampling=tiles.downsampling,
        channels=tiles.channels,
        ranges=tuple(ranges),
        levels=tuple(all_levels),
    )
    text = PngImagePlugin.PngInfo()
    text.add_text(ATLAS_TEXT_KEYWORD, header.to_json(), zip=True)
    mode = "L" if atlas.ndim == 2 else _COLOR_MODES[atlas.shape[2]]
    buffer = io.BytesIO()
    Image.frombytes(mode, (atlas.shape[1], atlas.shape[0]), atlas.tobytes()).save(
        buffer, "PNG", pnginfo=text, compress_level=_COMPRESS_LEVEL
    )
    return buffer.getvalue(), atlas.shape[1], atlas.shape[0]


def quantise(
    tile: np.ndarray, value_range: tuple[float, float] | None = None
) -> tuple[np.ndarray, tuple[float, float] | None, int]:
    """(codes uint8 of the tile's shape, the finite (low, high), levels), as the format says.

    value_range: (low, high) to stretch over instead of the tile's own; all finite values must lie within it.
    """
    # Summing is the cheapest way to ask; a finite tile whose sum overflows merely takes the slower test.
    with np.errstate(over="ignore", invalid="ignore"):
        all_finite = bool(np.isfinite(tile.sum())) or bool(np.isfinite(tile).all())
    if all_finite:
        levels, finite = FINITE_LEVELS, tile
    else:
        levels, finite = FINITE_LEVELS_WITH_NONFINITE, tile[np.isfinite(tile)]
    if value_range is None and finite.size:
        value_range = (_shortest(finite.min()), _shortest(finite.max()))
    codes = np.zeros(tile.shape, np.uint8) if value_range is None else _scaled(tile, value_range, levels)
    if not all_finite:
        codes[np.isneginf(tile)] = levels
        codes[np.isposinf(tile)] = levels + 1
        codes[np.isnan(tile)] = levels + 2
    return codes, value_range, levels


def _scaled(tile: np.ndarray, value_range: tuple[float, float], levels: int) -> np.ndarray:
    low, high = tile.dtype.type(value_range[0]), tile.dtype.type(value_range[1])
    if low == high:
        return np.zeros(tile.shape, np.uint8)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = high - low
        if not np.isfinite(spread) or spread < np.finfo(tile.dtype).tiny:
            # The ends are too far apart, or too close together, for the type to hold their distance.
            wide, scale = tile.astype(np.float64), max(abs(value_range[0]), abs(value_range[1]))
            share = (wide / scale - value_range[0] / scale) / (value_range[1] / scale - value_range[0] / scale)
        else:
            share = (tile - low) / spread
        rounded = np.rint(share * share.dtype.type(levels - 1))
    if levels < FINITE_LEVELS:
        # Casting NaN or Inf to an integer is undefined; the caller gives these pixels their codes.
        rounded = np.nan_to_num(rounded, nan=0, posinf=0, neginf=0)
    return rounded.astype(np.uint8)


def _shortest(value: np.floating) -> float:
    """The value as the float whose shortest decimal text names the same float32: half the bytes in the header."""
    return float(str(value)) if value.dtype == np.float32 else float(value)


def _picture_range(values: np.ndarray) -> tuple[float, float] | None:
    """The range that keeps a picture's brightness: 0-1 or 0-255 when it fits, else the values' own."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return None
    low, high = finite.min(), finite.max()
    if low >= 0 and high <= 1:
        return (0.0, 1.0)
    if low >= 0 and high <= 255:
        return (0.0, 255.0)
    return (_shortest(low), _shortest(high))


def read_atlas(source: str | os.PathLike[str] | bytes | BinaryIO) -> Atlas:
    """Turn an atlas PNG back into numbers.

    source: a path, the PNG's bytes, or a binary file, e.g. a picture saved from TensorBoard's Images tab. Every
    finite value comes back to within half of `(high - low) / (levels - 1)` of its channel, every NaN and ±Inf as
    itself; pixels of a downsampled map are averages (`header.downsampling`).

    Raises FileNotFoundError, and SchemaError (a ValueError) when the PNG carries no header of ours or a newer one.

    >>> read_atlas("conv_intermediate.png").values.shape  # doctest: +SKIP
    (64, 11, 11)
    """
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        image.load()
        text = getattr(image, "text", {}).get(ATLAS_TEXT_KEYWORD)
        codes = np.asarray(image)
    if text is None:
        raise SchemaError(
            f"the picture has no {ATLAS_TEXT_KEYWORD!r} text chunk, so its grey levels have no meaning in numbers. "
            "Expected a PNG written by tb_activations, saved as it is (an edited or re-encoded copy loses the chunk)."
        )
    header = AtlasHeader.from_json(text)
    dtype = np.float64 if header.dtype in ("float64", "int32", "int64", "uint32", "uint64") else np.float32
    if header.view == "color":
        pixels = decode_codes(codes, header.ranges[0], header.levels[0])
        return Atlas(np.moveaxis(pixels, -1, 0).astype(dtype), header)
    height, width = header.tile
    values = np.stack(
        [
            decode_codes(_tile(codes, index, header), value_range, levels)
            for index, (value_range, levels) in enumerate(zip(header.ranges, header.levels, strict=True))
        ]
    )
    if header.view == "units":
        values = values.reshape(-1)[: len(header.channels)].reshape(-1, 1, 1)
    elif header.view == "sequence":
        values = values.reshape(height, 1, width).transpose(2, 1, 0)
    with np.errstate(over="ignore"):
        return Atlas(values.astype(dtype), header)


def _tile(codes: np.ndarray, index: int, header: AtlasHeader) -> np.ndarray:
    height, width = header.tile
    row, column = divmod(index, header.columns)
    tile: np.ndarray = codes[row * height : (row + 1) * height, column * width : (column + 1) * width]
    return tile
