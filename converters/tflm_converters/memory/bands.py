# SPDX-License-Identifier: Apache-2.0
"""From the lifetimes of rows to the bands of a buffer."""

from __future__ import annotations

import numpy as np


def one_band(size: int, first: int, last: int) -> np.ndarray:
    """A buffer of `size` bytes that is live as a whole from tick `first` to tick `last`."""
    return np.array([[0, size, first, last]], dtype=np.int64)


def row_bands(written: np.ndarray, read: np.ndarray, row_bytes: int) -> np.ndarray:
    """Bands of a tensor from the lifetimes of its rows; equal neighbours become one band."""
    change = np.flatnonzero((np.diff(written) != 0) | (np.diff(read) != 0)) + 1
    first = np.concatenate([[0], change])
    last = np.concatenate([change, [len(written)]])
    return np.stack(
        [first * row_bytes, last * row_bytes, written[first], read[first]], axis=1
    ).astype(np.int64)


def slot_bands(written: np.ndarray, read: np.ndarray, slots: int, pitch: int) -> np.ndarray:
    """A slot lives from the first row it holds to the last read of the last one."""
    first = written[:slots]
    last = np.array([read[slot::slots].max() for slot in range(slots)])
    return row_bands(first, last, pitch)
