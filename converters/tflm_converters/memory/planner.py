# SPDX-License-Identifier: Apache-2.0
"""Places buffers in one arena, as low as possible.

Buffers are not boxes: their bands live at different times, like stairs. For each pair the
forbidden distances are computed once; placing a buffer is then first fit over the union
of forbidden intervals. The order of placement is what is searched: a few good heuristics
first, then swaps around the buffers at the peak, until the plan meets its lower bound or
the search budget is spent. The search is deterministic.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np

from tflm_converters.memory.overlap import Overlap
from tflm_converters.memory.types import Buffer, MemoryPlan

SEARCH_STEPS = 1500
"""Orders tried by the search when no heuristic reaches the lower bound."""

PATIENCE = 400
"""Orders tried without any gain before the search gives up."""

Intervals = list[tuple[int, int]]

Pairs = Mapping[tuple[int, int], Overlap]
"""(input buffer, output buffer) to how the output may overwrite the input."""


def plan_buffers(
    buffers: Sequence[Buffer], overlaps: Pairs, *, steps: int = SEARCH_STEPS
) -> MemoryPlan:
    """Offsets for all buffers, with the lower bound that no plan can beat.

    `overlaps` names the pairs of an input and an output of one group that may share
    memory within a firing; all other pairs never share a byte in the same tick.
    """
    ticks, live = live_bytes(buffers, overlaps)
    bound = int(live.max(initial=0))
    if not buffers:
        return MemoryPlan((), (), 0, 0, ticks, live)
    search = _Search(buffers, overlaps)
    offsets, peak = search.run(bound, steps)
    return MemoryPlan(tuple(buffers), tuple(offsets), peak, bound, ticks, live)


def live_bytes(buffers: Sequence[Buffer], overlaps: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Ticks at which the live set changes, and the bytes alive from there on.

    What an overlapping output may overwrite in the same tick counts as dead, so that the
    largest value is a bound for every plan.
    """
    if not buffers:
        return np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    sources = {source for source, _ in overlaps}
    begins, ends, sizes = [], [], []
    for index, buffer in enumerate(buffers):
        last = buffer.bands[:, 3] + 1
        if index in sources:
            last = np.maximum(last - 1, buffer.bands[:, 2])
        begins.append(buffer.bands[:, 2])
        ends.append(last)
        sizes.append(buffer.bands[:, 1] - buffer.bands[:, 0])
    size = np.concatenate(sizes)
    when = np.concatenate([*begins, *ends])
    change = np.concatenate([size, -size])
    ticks, position = np.unique(when, return_inverse=True)
    return ticks, np.cumsum(np.bincount(position, weights=change)).astype(np.int64)


class _Search:
    """First fit over orders of placement."""

    def __init__(self, buffers: Sequence[Buffer], overlaps: Pairs) -> None:
        self._buffers = buffers
        self._overlaps = overlaps
        self._forbidden: dict[tuple[int, int], Intervals] = {}
        spans = [(b.first_tick, b.last_tick) for b in buffers]
        self._neighbours = [
            [j for j in range(len(buffers)) if j != i and _meet(spans[i], spans[j])]
            for i in range(len(buffers))
        ]

    def run(self, bound: int, steps: int) -> tuple[list[int], int]:
        """The best offsets found, and their peak."""
        best_order, best, peak = self._heuristics(bound)
        chance = random.Random(0)
        order, current = best_order, peak
        last_gain = 0
        for step in range(steps):
            if peak <= bound or step - last_gain > PATIENCE:
                break
            candidate = self._perturb(order, best if order is best_order else None, chance)
            offsets = self._place(candidate)
            height = self._height(offsets)
            if height <= current:
                order, current = candidate, height
            if height < peak:
                best_order, best, peak, last_gain = candidate, offsets, height, step
        return best, peak

    def _heuristics(self, bound: int) -> tuple[list[int], list[int], int]:
        indices = range(len(self._buffers))
        buffers = self._buffers
        keys = (
            lambda i: (-buffers[i].size, buffers[i].first_tick),
            lambda i: (-buffers[i].last_tick, -buffers[i].size),
            lambda i: (buffers[i].first_tick, -buffers[i].size),
            lambda i: (-(buffers[i].last_tick - buffers[i].first_tick), -buffers[i].size),
        )
        best: tuple[list[int], list[int], int] | None = None
        for key in keys:
            order = sorted(indices, key=key)
            offsets = self._place(order)
            height = self._height(offsets)
            if best is None or height < best[2]:
                best = (order, offsets, height)
            if height <= bound:
                break
        assert best is not None
        return best

    def _perturb(
        self, order: list[int], offsets: list[int] | None, chance: random.Random
    ) -> list[int]:
        """Moves one buffer, most often one that makes the peak, to another turn."""
        moved = list(order)
        source = chance.randrange(len(moved))
        if offsets is not None and chance.random() < 0.7:
            tops = [offsets[i] + self._buffers[i].size for i in moved]
            source = int(np.argmax(tops))
        buffer = moved.pop(source)
        moved.insert(chance.randrange(len(moved) + 1), buffer)
        return moved

    def _height(self, offsets: list[int]) -> int:
        return max(o + b.size for o, b in zip(offsets, self._buffers, strict=True))

    def _place(self, order: list[int]) -> list[int]:
        offsets = [-1] * len(order)
        for index in order:
            blocked = [
                (low + offsets[other], high + offsets[other])
                for other in self._neighbours[index]
                if offsets[other] >= 0
                for low, high in self._distances(other, index)
            ]
            offsets[index] = _first_fit(blocked, self._buffers[index].alignment)
        return offsets

    def _distances(self, first: int, second: int) -> Intervals:
        """Open intervals of (offset of second - offset of first) that are forbidden."""
        known = self._forbidden.get((first, second))
        if known is None:
            forbidden = self._compute(first, second)
            known = [(low, high) for low, high in forbidden.tolist()]
            self._forbidden[first, second] = known
            self._forbidden[second, first] = [(-high, -low) for low, high in reversed(known)]
        return known

    def _compute(self, first: int, second: int) -> np.ndarray:
        a, b = self._buffers[first], self._buffers[second]
        if (second, first) in self._overlaps:
            return -self._compute(second, first)[::-1, ::-1]
        overlap = self._overlaps.get((first, second))
        forbidden = forbidden_distances(a.bands, b.bands, strict=overlap is not None)
        if overlap is None:
            return forbidden
        return merge(np.vstack([forbidden, [[-overlap.lead, a.size]]]))


def _meet(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] <= b[1] and b[0] <= a[1]


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


def _first_fit(blocked: Intervals, alignment: int) -> int:
    """The smallest aligned offset >= 0 outside of all blocked open intervals."""
    offset = 0
    for low, high in sorted(blocked):
        if low >= offset and high > low:
            break  # sorted: nothing later blocks this offset
        if high > offset:
            offset = -(-high // alignment) * alignment
    return offset
