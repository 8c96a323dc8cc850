"""Moments: how many values, their range, mean and squared deviations, and how many are special, per channel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tb_activations.encode.blocks import blocks, parts

# A sum of squares keeps ten digits of the variance while the squared mean is at most so many variances.
_MOST_CANCELLATION = 1e6


def channel_moments(values: np.ndarray, channel_axis: int | None) -> Moments:
    """Moments per channel over every other axis. values: float, not empty; channel_axis: None for one channel."""
    channels = 1 if channel_axis is None else values.shape[channel_axis]
    found = [_part_moments(*part) for table in _tables(values, channel_axis, channels) for part in parts(table)]
    total = found[0]
    for other in found[1:]:
        total.add(other)
    return total


def _tables(values: np.ndarray, channel_axis: int | None, channels: int) -> Iterator[np.ndarray]:
    """The values as tables [rows, channels]; sample by sample where that takes a copy, so that it stays small."""
    if channel_axis is None or channel_axis == values.ndim - 1:
        yield values.reshape(-1, channels)
    elif channel_axis == 0:
        yield values.reshape(channels, -1).T
    else:
        for sample in values:
            yield np.moveaxis(sample, channel_axis - 1, -1).reshape(-1, channels)


class Moments:
    """Counts and moments of the values seen so far, float64 [columns] each. finite: how many are finite; mean, and
    squares, the sum of squared distances from it, are of these."""

    def __init__(self, columns: int) -> None:
        self.low = np.full(columns, np.inf)
        self.high = np.full(columns, -np.inf)
        self.finite, self.mean, self.squares = np.zeros((3, columns))
        self.counts = np.zeros((5, columns))
        self.zeros, self.negatives, self.nans, self.infinities, self.negative_infinities = self.counts

    def add(self, other: Moments) -> None:
        self.counts += other.counts
        self.add_finite(other.low, other.high, other.finite, other.mean, other.squares)

    def add_finite(self, low: Any, high: Any, finite: Any, mean: np.ndarray, squares: np.ndarray) -> None:
        """Merge as Chan, Golub and LeVeque (1983) say."""
        np.minimum(self.low, low, out=self.low)
        np.maximum(self.high, high, out=self.high)
        delta = mean - self.mean
        both = self.finite + finite
        share = finite / np.maximum(both, 1)
        self.mean += delta * share
        delta *= delta
        delta *= self.finite
        delta *= share
        self.squares += squares
        self.squares += delta
        self.finite = both

    def unfolded(self, channels: int) -> Moments:
        """Of columns that are k rows of `channels` side by side: those of the channels."""
        rows = len(self.low) // channels
        merged = Moments(channels)
        merged.counts += self.counts.reshape(5, rows, channels).sum(axis=1)
        merged.low = self.low.reshape(rows, channels).min(axis=0)
        merged.high = self.high.reshape(rows, channels).max(axis=0)
        finite, mean, squares = (a.reshape(rows, channels) for a in (self.finite, self.mean, self.squares))
        merged.finite = finite.sum(axis=0)
        merged.mean = (mean * finite).sum(axis=0) / np.maximum(merged.finite, 1)
        merged.squares = (squares + finite * (mean - merged.mean) ** 2).sum(axis=0)
        return merged


def _part_moments(table: np.ndarray, fold: int) -> Moments:
    return _plain_moments(table, fold) or _careful_moments(table, fold)


def _plain_moments(table: np.ndarray, fold: int) -> Moments | None:
    """By sums of values and of their squares in float64, which holds the square of any float32.

    None where this is not exact: for float64, for values that are not finite, and where a mean is so far from zero that
    the squares cancel.
    """
    if table.dtype != np.float32:
        return None
    rows, channels = table.shape
    columns = fold * channels
    low, block_low = np.full((2, columns), np.inf, np.float32)
    high, block_high = np.full((2, columns), -np.inf, np.float32)
    sums, squares, zeros, negatives = totals = np.zeros((4, columns))
    wide = mask = None
    for block in blocks(table, fold):
        if wide is None or mask is None:
            wide, mask = np.empty(block.shape), np.empty(block.shape, bool)
        copy, special = wide[: len(block)], mask[: len(block)]
        np.copyto(copy, block)
        np.minimum(low, block.min(axis=0, out=block_low), out=low)
        np.maximum(high, block.max(axis=0, out=block_high), out=high)
        least = block_low.min()
        # NaN is its own minimum.
        if not math.isfinite(least):
            return None
        if least < 0:
            negatives += _true_counts(np.less(block, 0, out=special))
        if least <= 0 and np.equal(block, 0, out=special).any():
            zeros += _true_counts(special)
        sums += np.add.reduce(copy, axis=0)
        squares += np.einsum("ij,ij->j", copy, copy)
    if not math.isfinite(high.max()):
        return None
    found = Moments(channels)
    found.low = low.reshape(fold, channels).min(axis=0).astype(np.float64)
    found.high = high.reshape(fold, channels).max(axis=0).astype(np.float64)
    found.finite += rows
    sums, squares, found.zeros[:], found.negatives[:] = totals.reshape(4, fold, channels).sum(axis=1)
    found.mean = sums / rows
    cancelled = found.mean**2 * rows
    # A constant channel has none, whatever rounding says.
    varies = found.low != found.high
    found.squares = (squares - cancelled) * varies
    if ((cancelled > _MOST_CANCELLATION * found.squares) & varies).any():
        return None
    return found


def _true_counts(mask: np.ndarray) -> np.ndarray:
    """How many of each column's at most 255 values are true; as uint8, three times as fast as `numpy.count_nonzero`."""
    counts: np.ndarray = np.add.reduce(mask.view(np.uint8), axis=0, dtype=np.uint8)
    return counts


def _careful_moments(table: np.ndarray, fold: int) -> Moments:
    """Of any values: the variance by two passes over each block, and what is not finite counted apart."""
    folded = Moments(fold * table.shape[1])
    wide = mask = None
    for block in blocks(table, fold):
        if wide is None or mask is None:
            wide, mask = np.empty(block.shape), np.empty(block.shape, bool)
        np.copyto(wide[: len(block)], block)
        _add_block(folded, block, wide[: len(block)], mask[: len(block)])
    return folded.unfolded(table.shape[1])


def _add_block(total: Moments, block: np.ndarray, wide: np.ndarray, mask: np.ndarray) -> None:
    """wide: the block in float64, mask: bool of its shape; both are overwritten."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = wide.sum(axis=0)
    mean /= len(block)
    # The cheapest way to ask; a finite column whose sum overflows merely takes the slower path.
    if not np.isfinite(mean).all():
        _add_nonfinite_block(total, block, wide)
        return
    low, high = block.min(axis=0), block.max(axis=0)
    lowest = low.min()
    if lowest <= 0 <= high.max():
        total.zeros += _true_counts(np.equal(block, 0, out=mask))
    if lowest < 0:
        total.negatives += _true_counts(np.less(block, 0, out=mask))
    wide -= mean
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->j", wide, wide)
    total.add_finite(low, high, len(block), mean, squares)


def _add_nonfinite_block(total: Moments, block: np.ndarray, wide: np.ndarray) -> None:
    mask = np.isfinite(block)
    finite = mask.sum(axis=0, dtype=np.float64)
    clean = np.where(mask, wide, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        # Dividing first: the sum of the largest float64 values is no float64.
        mean = (clean / np.maximum(finite, 1)).sum(axis=0)
        deviation = np.where(mask, clean - mean, 0)
        squares = np.einsum("ij,ij->j", deviation, deviation)
    total.zeros += (block == 0).sum(axis=0)
    total.negatives += (mask & (block < 0)).sum(axis=0)
    total.nans += np.isnan(block).sum(axis=0)
    total.infinities += np.isinf(block).sum(axis=0)
    total.negative_infinities += np.isneginf(block).sum(axis=0)
    low = block.min(axis=0, where=mask, initial=np.inf)
    high = block.max(axis=0, where=mask, initial=-np.inf)
    total.add_finite(low, high, finite, mean, squares)
