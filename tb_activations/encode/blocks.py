"""Blocks: a table of few channels, cut so that NumPy works on long rows and within the cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# A block and its float64 copy stay in the cache: the values cross memory once, however often a block is looked at.
BLOCK_VALUES = 1 << 16
# NumPy works on rows of this length at full speed; 64 channels a row take two to three times as long per value.
_ROW_VALUES = 1024
# So that a column's count fits in uint8.
_MAX_BLOCK_ROWS = 255


def parts(table: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Parts of a table [rows, channels], and their fold: how many rows of each to take as one long row.

    One part where the rows can be folded with none left over.
    """
    rows, channels = table.shape
    most = max(1, min(_ROW_VALUES // channels, rows))
    fold = next((fold for fold in range(most, most // 2, -1) if rows % fold == 0), 1 if most <= 2 else most)
    whole = rows - rows % fold
    yield table[:whole], fold
    if whole < rows:
        yield table[whole:], 1


def blocks(table: np.ndarray, fold: int) -> Iterator[np.ndarray]:
    """The table in pieces [at most 255, fold * channels]; only a piece is copied where the memory order demands it."""
    columns = fold * table.shape[1]
    step = fold * max(1, min(BLOCK_VALUES // columns, _MAX_BLOCK_ROWS))
    for start in range(0, len(table), step):
        yield table[start : start + step].reshape(-1, columns)
