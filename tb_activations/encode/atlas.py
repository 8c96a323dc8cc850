"""Atlas: one sample's tiles in one 8-bit PNG that says what its codes mean, and the reader of such a PNG."""

from __future__ import annotations

import dataclasses
import functools
import io
import os
from typing import BinaryIO

import numpy as np
from PIL import Image

from tb_activations.encode.png import encode_pngs
from tb_activations.encode.quantise import quantise, quantise_together
from tb_activations.encode.views import Tiles, View
from tb_activations.schema import (
    ATLAS_TEXT_KEYWORD,
    AtlasHeader,
    SchemaError,
    decode_codes,
)

MAX_COLUMNS = 16

# What `as_numbers` turns into float64; float128 and complex256 are long doubles.
_WIDE_DTYPES = ("float64", "complex128", "float128", "complex256", "int32", "int64", "uint32", "uint64")


@dataclasses.dataclass(frozen=True)
class Atlas:
    """A decoded atlas.

    values: float32 (float64 for layers of that type) [channels, height, width]; units are channels of 1 x 1, a
    sequence is [units, 1, time], slices follow each other as rows, a colour picture [samples per pixel, height,
    width]. NaN and ±Inf are restored.
    header: the `AtlasHeader` it was read from.
    """

    values: np.ndarray
    header: AtlasHeader


def encode_atlases(
    view: View, tiles: Tiles, samples: int, shape: tuple[int, ...], dtype: str
) -> tuple[list[bytes], int, int]:
    """PNG bytes of each sample's atlas; width and height of all of them in pixels.

    tiles: of so many samples; shape, dtype: of one sample's tensor, for the header.
    """
    height, width = tiles.values.shape[1:]
    every = tiles.values.reshape(samples, -1, height, width)
    if view.name == "color":
        columns = 1
        coded = [quantise_together(picture, _picture_range(picture)) for picture in every]
        pixels = np.stack([np.moveaxis(picture.codes, 0, -1) for picture in coded])
    else:
        columns = min(MAX_COLUMNS, every.shape[1])
        together = quantise(tiles.values)
        pixels = _laid_out(together.codes.reshape(every.shape), columns)
        coded = together.split(samples)
    if tiles.padding:
        pixels.reshape(samples, -1)[:, -tiles.padding :] = 0
    header = functools.partial(
        AtlasHeader,
        view=view.name,
        shape=shape,
        axes=view.axes,
        dtype=dtype,
        tile=(height, width),
        columns=columns,
        downsampling=tiles.downsampling,
        channels=tiles.channels,
        slices=tiles.slices,
        note=_note(view, tiles, dtype),
    )
    texts = [header(ranges=one.ranges, levels=one.levels).to_json() for one in coded]
    return encode_pngs(pixels, ATLAS_TEXT_KEYWORD, texts), pixels.shape[2], pixels.shape[1]


def _note(view: View, tiles: Tiles, dtype: str) -> str:
    height, width = tiles.values.shape[1:]
    notes = ["magnitude of complex values"] if dtype.startswith("complex") else []
    if view.name == "units" and height > 1:
        notes.append(f"folded {width} x {height}")
    return "; ".join(notes)


def _laid_out(codes: np.ndarray, columns: int) -> np.ndarray:
    """uint8 [samples, tiles, height, width] with tiles side by side: [samples, rows * height, columns * width], unused
    cells 0."""
    samples, count, height, width = codes.shape
    rows = -(-count // columns)
    atlases = np.zeros((samples, rows * height, columns * width), np.uint8)
    cells = atlases.reshape(samples, rows, height, columns, width).swapaxes(2, 3)
    whole = count // columns
    cells[:, :whole] = codes[:, : whole * columns].reshape(samples, whole, columns, height, width)
    if count % columns:
        cells[:, whole, : count % columns] = codes[:, whole * columns :]
    return atlases


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
    return (float(low), float(high))


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
    dtype = np.float64 if header.dtype in _WIDE_DTYPES else np.float32
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
    elif header.view == "maps" and header.slices != (1, 1):
        rows, columns = header.slices
        blocks = values.reshape(len(values), rows, height // rows, columns, width // columns).swapaxes(2, 3)
        values = blocks.reshape(len(values), -1, width // columns)
    elif header.view == "sequence":
        values = values.reshape(height, 1, width).transpose(2, 1, 0)
    with np.errstate(over="ignore"):
        return Atlas(values.astype(dtype), header)


def _tile(codes: np.ndarray, index: int, header: AtlasHeader) -> np.ndarray:
    height, width = header.tile
    row, column = divmod(index, header.columns)
    tile: np.ndarray = codes[row * height : (row + 1) * height, column * width : (column + 1) * width]
    return tile
