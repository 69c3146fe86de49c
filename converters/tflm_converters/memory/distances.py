# SPDX-License-Identifier: Apache-2.0
"""Distances at which two buffers would share live bytes, and first fit between them."""

from __future__ import annotations

import numpy as np

Intervals = list[tuple[int, int]]
"""Open intervals of forbidden offsets or distances, in bytes."""


def forbidden_distances(a: np.ndarray, b: np.ndarray, *, strict: bool) -> np.ndarray:
    """Open intervals of distances (b - a) at which bands alive together would share bytes.

    `strict`: a band of `a` that is read for the last time in the tick that writes a band
    of `b` does not count as alive together with it.
    """
    b_starts_in_time = b[None, :, 2] < a[:, None, 3] if strict else b[None, :, 2] <= a[:, None, 3]
    together = b_starts_in_time & (a[:, None, 2] <= b[None, :, 3])
    low = (a[:, None, 0] - b[None, :, 1])[together]
    high = (a[:, None, 1] - b[None, :, 0])[together]
    return merge(np.stack([low, high], axis=1))


def merge(intervals: np.ndarray) -> np.ndarray:
    """The union of open intervals, as sorted disjoint intervals of shape (n, 2).

    Intervals that merely touch stay apart: the distance between them is allowed.
    """
    intervals = intervals[intervals[:, 1] > intervals[:, 0]]
    if len(intervals) < 2:
        return intervals
    intervals = intervals[np.argsort(intervals[:, 0], kind="stable")]
    reach = np.maximum.accumulate(intervals[:, 1])
    fresh = np.concatenate([[True], intervals[1:, 0] >= reach[:-1]])
    starts = np.flatnonzero(fresh)
    ends = np.append(starts[1:], len(intervals)) - 1
    return np.stack([intervals[starts, 0], reach[ends]], axis=1)


def first_fit(blocked: Intervals, alignment: int) -> int:
    """The smallest aligned offset >= 0 outside of all blocked open intervals."""
    offset = 0
    for low, high in sorted(blocked):
        if low >= offset and high > low:
            break  # sorted: nothing later blocks this offset
        if high > offset:
            offset = -(-high // alignment) * alignment
    return offset


def last_fit(blocked: Intervals, highest: int, alignment: int) -> int:
    """The largest aligned offset up to `highest` outside of all blocked intervals, or -1."""
    offset = highest // alignment * alignment
    for low, high in sorted(blocked, key=lambda interval: -interval[1]):
        if high <= offset and high > low:
            break  # sorted: nothing later blocks this offset
        if low < offset:
            offset = low // alignment * alignment
    return max(offset, -1)
