"""Quantise: tiles of numbers to 8-bit codes and the ranges that turn them back; all tiles of a layer at once."""

from __future__ import annotations

import dataclasses

import numpy as np

from tb_activations.schema import FINITE_LEVELS, FINITE_LEVELS_WITH_NONFINITE

Range = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Codes:
    """codes: uint8 [tiles, height, width]; ranges: per tile the (low, high) that code 0 and the last stand for, None
    when no pixel is finite; levels: per tile, how many codes mean a finite value."""

    codes: np.ndarray
    ranges: tuple[Range | None, ...]
    levels: tuple[int, ...]


def quantise(tiles: np.ndarray) -> Codes:
    """Each tile stretched over its own finite range, as the format says.

    tiles: float [tiles, height, width], not empty, in any memory order (feature maps come with the channels innermost,
    and stay so: every step below runs along the innermost axis).
    """
    low, high = tiles.min((1, 2)), tiles.max((1, 2))
    # NaN passes through min and max, so that their difference tells all that is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        spread = high - low
    easy = np.isfinite(spread) & ((spread >= np.finfo(tiles.dtype).tiny) | (spread == 0))
    safe = np.where(easy & (spread > 0), spread, 1)
    start = np.where(easy, low, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.subtract(tiles, start[:, None, None])
        scaled /= safe[:, None, None]
        scaled *= tiles.dtype.type(FINITE_LEVELS - 1)
        np.rint(scaled, out=scaled)
        # What is not easy is done again below; casting NaN or Inf is undefined, and not harmful.
        codes = scaled.astype(np.uint8)
    ranges: list[Range | None] = list(zip(_shortest(low), _shortest(high), strict=True))
    levels = [FINITE_LEVELS] * len(tiles)
    for index in np.flatnonzero(~easy):
        codes[index], ranges[index], levels[index] = _quantise_one(tiles[index], None)
    return Codes(codes, tuple(ranges), tuple(levels))


def quantise_together(tiles: np.ndarray, value_range: Range | None) -> Codes:
    """All tiles stretched over one range, in which every finite value must lie: one entry in `ranges` and `levels`."""
    codes, value_range, levels = _quantise_one(tiles, value_range)
    return Codes(codes, (value_range,), (levels,))


def _quantise_one(tile: np.ndarray, value_range: Range | None) -> tuple[np.ndarray, Range | None, int]:
    """Any values at all, in float64: also ends too far apart, or too close together, for the type to hold their
    distance."""
    finite = np.isfinite(tile)
    all_finite = bool(finite.all())
    levels = FINITE_LEVELS if all_finite else FINITE_LEVELS_WITH_NONFINITE
    if value_range is None and finite.any():
        ends = tile[finite]
        value_range = (_shortest(ends.min(keepdims=True))[0], _shortest(ends.max(keepdims=True))[0])
    codes = np.zeros(tile.shape, np.uint8)
    if value_range is not None and value_range[0] != value_range[1]:
        low, high = value_range
        scale = max(abs(low), abs(high))
        share = (np.where(finite, tile, low).astype(np.float64) / scale - low / scale) / (high / scale - low / scale)
        codes = np.rint(share * (levels - 1)).astype(np.uint8)
    if not all_finite:
        codes[np.isneginf(tile)] = levels
        codes[np.isposinf(tile)] = levels + 1
        codes[np.isnan(tile)] = levels + 2
    return codes, value_range, levels


def _shortest(values: np.ndarray) -> list[float]:
    """As floats of few decimal digits that name the same float32: half the bytes in the header."""
    numbers: list[float] = values.tolist()
    return [float(f"{number:.9g}") for number in numbers] if values.dtype == np.float32 else numbers
