"""Quantise: tiles of numbers to 8-bit codes and the ranges that turn them back; all tiles of a layer at once."""

from __future__ import annotations

import dataclasses

import numpy as np

from tb_activations.encode.blocks import BLOCK_VALUES, blocks, parts
from tb_activations.schema import FINITE_LEVELS, FINITE_LEVELS_WITH_NONFINITE

Range = tuple[float, float]
_NO_RANGE = (np.nan, np.nan)
_TINY = {kind: np.finfo(kind).tiny for kind in (np.float32, np.float64)}


@dataclasses.dataclass(frozen=True)
class Codes:
    """codes: uint8 [tiles, height, width]; ranges: of the tiles' type [tiles, 2], what code 0 and the last stand for,
    NaN when no pixel is finite; levels: per tile, how many codes mean a finite value."""

    codes: np.ndarray
    ranges: np.ndarray
    levels: tuple[int, ...]

    def split(self, parts: int) -> list[Codes]:
        """In so many of equally many tiles."""
        count = len(self.levels) // parts
        some = [slice(first, first + count) for first in range(0, len(self.levels), count)]
        return [Codes(self.codes[one], self.ranges[one], self.levels[one]) for one in some]


def quantise(tiles: np.ndarray) -> Codes:
    """Each tile stretched over its own finite range, as the format says.

    tiles: float [tiles, height, width], not empty, in any memory order; the codes come in the same.
    """
    count, height, width = tiles.shape
    # Feature maps come with the channels innermost, and stay so.
    if tiles.strides[0] < tiles.strides[2]:
        table = tiles.transpose(1, 2, 0).reshape(-1, count)
        codes, low, high, easy = _channels_quantised(table)
        codes = codes.reshape(height, width, count).transpose(2, 0, 1)
    else:
        codes, low, high, easy = _tiles_quantised(tiles)
    ranges = np.stack((low, high), axis=1)
    levels = [FINITE_LEVELS] * count
    if not easy.all():
        for index in np.flatnonzero(~easy):
            codes[index], value_range, levels[index] = _quantise_one(tiles[index], None)
            ranges[index] = value_range or _NO_RANGE
    return Codes(codes, ranges, tuple(levels))


def _channels_quantised(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """table [positions, channels]. Returns codes of that shape; the channels' least and greatest values, and whether
    their codes are right."""
    channels = table.shape[1]
    # Kept from the first look to the second: where channels are left out, they are copies.
    pieces = [(block, fold) for part, fold in parts(table) for block in blocks(part, fold)]
    low = np.concatenate([block.min(axis=0).reshape(fold, channels) for block, fold in pieces]).min(axis=0)
    high = np.concatenate([block.max(axis=0).reshape(fold, channels) for block, fold in pieces]).max(axis=0)
    start, spread, easy = _stretch(low, high)
    codes = np.empty(table.shape, np.uint8)
    done = 0
    for block, fold in pieces:
        rows = block.size // channels
        starts, spreads = (np.repeat(a[None], fold, axis=0).reshape(-1) for a in (start, spread))
        _stretched(block, starts, spreads, codes[done : done + rows].reshape(block.shape))
        done += rows
    return codes, low, high, easy


def _tiles_quantised(tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The same for tiles [tiles, height, width], whose pixels lie side by side."""
    low, high = tiles.min((1, 2)), tiles.max((1, 2))
    start, spread, easy = _stretch(low, high)
    codes = np.empty(tiles.shape, np.uint8)
    step = max(1, BLOCK_VALUES // tiles[0].size)
    for first in range(0, len(tiles), step):
        some = slice(first, first + step)
        _stretched(tiles[some], start[some, None, None], spread[some, None, None], codes[some])
    return codes, low, high, easy


def _stretch(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What to subtract from a tile's values, and then to divide them by, for shares from 0 to 1; and whether that does.

    Not for non-finite values, and not for ends too far apart, or too close together, for the type to hold their
    distance.
    """
    # NaN passes through min and max, so that their difference tells all that is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        spread = high - low
    least = _TINY[spread.dtype.type]
    if least <= spread.min() and spread.max() < np.inf:
        return low, spread, np.full(len(low), True)
    easy = np.isfinite(spread) & ((spread >= least) | (spread == 0))
    return np.where(easy, low, 0), np.where(easy & (spread > 0), spread, 1), easy


def _stretched(values: np.ndarray, start: np.ndarray, spread: np.ndarray, codes: np.ndarray) -> None:
    # What is not easy is done again; casting NaN or Inf is undefined, and not harmful.
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.subtract(values, start)
        np.divide(scaled, spread, out=scaled)
        np.multiply(scaled, values.dtype.type(FINITE_LEVELS - 1), out=scaled)
        np.rint(scaled, out=scaled)
        np.copyto(codes, scaled, casting="unsafe")


def quantise_together(tiles: np.ndarray, value_range: Range | None) -> Codes:
    """All tiles stretched over one range, in which every finite value must lie: one entry in `ranges` and `levels`."""
    codes, value_range, levels = _quantise_one(tiles, value_range)
    return Codes(codes, np.array([value_range or _NO_RANGE], tiles.dtype), (levels,))


def _quantise_one(tile: np.ndarray, value_range: Range | None) -> tuple[np.ndarray, Range | None, int]:
    """Any values at all, in float64: also ends too far apart, or too close together, for the type to hold their
    distance."""
    finite = np.isfinite(tile)
    all_finite = bool(finite.all())
    levels = FINITE_LEVELS if all_finite else FINITE_LEVELS_WITH_NONFINITE
    if value_range is None and finite.any():
        ends = tile[finite]
        value_range = (float(ends.min()), float(ends.max()))
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
