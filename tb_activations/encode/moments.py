"""Moments: how many values, their range, mean and squared deviations, and how many are special, per channel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tb_activations.encode.blocks import block_rows, blocks, parts

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

    None where that is not exact: for float64, for values that are not finite, and where a mean is so far from zero that
    the squares cancel.
    """
    if table.dtype != np.float32:
        return None
    channels = table.shape[1]
    columns = fold * channels
    count = -(-len(table) // block_rows(columns, fold))
    lows, highs = np.empty((2, count, columns), np.float32)
    sums, squares = np.empty((2, count, columns))
    zeros, negatives = np.zeros((2, count, columns), np.uint8)
    wide = mask = None
    for i, block in enumerate(blocks(table, fold)):
        if wide is None or mask is None:
            wide, mask = np.empty(block.shape), np.empty(block.shape, bool)
        copy, special = wide[: len(block)], mask[: len(block)]
        np.copyto(copy, block)
        low, high = block.min(axis=0, out=lows[i]).min(), block.max(axis=0, out=highs[i]).max()
        if not (math.isfinite(low) and math.isfinite(high)):
            return None
        if low < 0:
            _count_true(np.less(block, 0, out=special), negatives[i])
        if low <= 0 <= high and np.equal(block, 0, out=special).any():
            _count_true(special, zeros[i])
        np.add.reduce(copy, axis=0, out=sums[i])
        np.einsum("ij,ij->j", copy, copy, out=squares[i])
    found = Moments(channels)
    found.low = lows.reshape(-1, channels).min(axis=0).astype(np.float64)
    found.high = highs.reshape(-1, channels).max(axis=0).astype(np.float64)
    found.finite += len(table)
    found.mean = sums.reshape(-1, channels).sum(axis=0) / len(table)
    about_zero = squares.reshape(-1, channels).sum(axis=0)
    cancelled = found.mean**2 * len(table)
    found.squares = about_zero - cancelled
    constant = found.low == found.high
    found.squares[constant] = 0
    if (cancelled > _MOST_CANCELLATION * found.squares)[~constant].any():
        return None
    np.add.reduce(zeros.reshape(-1, channels), axis=0, out=found.zeros)
    np.add.reduce(negatives.reshape(-1, channels), axis=0, out=found.negatives)
    return found


def _count_true(mask: np.ndarray, counts: np.ndarray) -> None:
    """How many of each column's at most 255 values are true; as uint8, three times as fast as `numpy.count_nonzero`."""
    np.add.reduce(mask.view(np.uint8), axis=0, out=counts)


def _careful_moments(table: np.ndarray, fold: int) -> Moments:
    """Of any values: the variance by two passes over each block, and what is not finite counted apart."""
    folded = Moments(fold * table.shape[1])
    for block in blocks(table, fold):
        _add_block(folded, block)
    return folded.unfolded(table.shape[1])


def _add_block(total: Moments, block: np.ndarray) -> None:
    wide = block.astype(np.float64)
    mask = np.isfinite(block)
    finite = mask.sum(axis=0, dtype=np.float64)
    all_finite = bool(mask.all())
    if not all_finite:
        wide[~mask] = 0
    with np.errstate(over="ignore", invalid="ignore"):
        # Dividing first: the sum of the largest float64 values is no float64.
        mean = (wide / np.maximum(finite, 1)).sum(axis=0)
        wide -= mean
        if not all_finite:
            wide[~mask] = 0
        squares = np.einsum("ij,ij->j", wide, wide)
    total.zeros += (block == 0).sum(axis=0)
    total.negatives += (mask & (block < 0)).sum(axis=0)
    if not all_finite:
        total.nans += np.isnan(block).sum(axis=0)
        total.infinities += np.isinf(block).sum(axis=0)
        total.negative_infinities += np.isneginf(block).sum(axis=0)
    low = block.min(axis=0, where=mask, initial=np.inf)
    high = block.max(axis=0, where=mask, initial=-np.inf)
    total.add_finite(low, high, finite, mean, squares)
