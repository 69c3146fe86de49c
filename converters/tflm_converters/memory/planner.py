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
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from tflm_converters.memory.overlap import Overlap
from tflm_converters.memory.types import Buffer, MemoryPlan

SEARCH_STEPS = 12000
"""Orders tried by the search when no heuristic reaches the lower bound."""

PATIENCE = 3
"""The search gives up after this fraction (1/n) of its steps without any gain."""

REFIT_ORDERS = 20
"""Orders tried when the buffers of one stage are placed anew."""

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
    bound = max([int(live.max(initial=0)), *_lead_bounds(buffers, overlaps)])
    if not buffers:
        return MemoryPlan((), (), 0, 0, ticks, live)
    search = _Search(buffers, overlaps, _pressure(buffers, ticks, live))
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


def refit(
    buffers: Sequence[Buffer],
    overlaps: Pairs,
    offsets: Sequence[int],
    movable: Collection[int],
    ceiling: int,
) -> tuple[int, ...] | None:
    """Places some buffers anew, all others staying where they are.

    None if an overlap no longer holds between those that stay, or if a buffer would end
    above `ceiling`.
    """
    for (source, target), overlap in overlaps.items():
        if source not in movable and target not in movable:
            distance = offsets[target] - offsets[source]
            if -overlap.lead < distance < buffers[source].size:
                return None
    search = _Search(buffers, overlaps, [0] * len(buffers))
    return search.refit(offsets, movable, ceiling)


def _lead_bounds(buffers: Sequence[Buffer], overlaps: Pairs) -> Iterator[int]:
    """Bounds from outputs that overwrite their input, which must run `lead` bytes ahead.

    From the first write of the output until it has filled its lead, nothing else that is
    alive all the while fits into the lead or into what is left of the input. (The output
    may instead lie wholly behind the input: then both count in full.) Of other inputs and
    outputs, what is read last or written first within that time may share memory.
    """
    sources, targets = {s for s, _ in overlaps}, {t for _, t in overlaps}
    for (source, target), overlap in overlaps.items():
        if overlap.lead <= 0:
            continue
        read, written = buffers[source], buffers[target]
        begin = written.first_tick
        filling = written.bands[written.bands[:, 0] < overlap.lead]
        end = int(filling[:, 2].max())
        others = sum(
            _alive_through(b, begin - (i in targets), end + (i in sources))
            for i, b in enumerate(buffers)
            if i not in (source, target)
        )
        below = overlap.lead + _alive_through(read, begin, begin) + others
        yield min(below, read.size + written.size)


def _alive_through(buffer: Buffer, begin: int, end: int) -> int:
    """Bytes of a buffer that live from tick `begin` to tick `end` without a break."""
    bands = buffer.bands
    alive = (bands[:, 2] <= begin) & (bands[:, 3] >= end)
    return int((bands[alive, 1] - bands[alive, 0]).sum())


def _pressure(buffers: Sequence[Buffer], ticks: np.ndarray, live: np.ndarray) -> list[int]:
    """For each buffer, the most bytes alive at once during its life."""
    first = np.searchsorted(ticks, [b.first_tick for b in buffers], side="right") - 1
    last = np.searchsorted(ticks, [b.last_tick for b in buffers], side="right")
    return [int(live[max(i, 0) : j].max()) for i, j in zip(first, last, strict=True)]


class _Search:
    """First fit over orders of placement."""

    def __init__(self, buffers: Sequence[Buffer], overlaps: Pairs, pressure: list[int]) -> None:
        self._buffers = buffers
        self._pressure = pressure
        # Alignment may cost up to this many bytes that no bound accounts for.
        self._rounding = max((b.alignment for b in buffers), default=1)
        self._overlaps = overlaps
        self._forbidden: dict[tuple[int, int], Intervals] = {}
        spans = [(b.first_tick, b.last_tick) for b in buffers]
        self._neighbours = [
            [j for j in range(len(buffers)) if j != i and _meet(spans[i], spans[j])]
            for i in range(len(buffers))
        ]
        self._surroundings: list[list[tuple[int, Intervals]] | None] = [None] * len(buffers)

    def run(self, bound: int, steps: int) -> tuple[list[int], int]:
        """The best offsets found, and their peak."""
        order, best, peak = self._heuristics(bound)
        chance = random.Random(0)
        high: frozenset[int] = frozenset()
        offsets, current = best, peak
        last_gain = 0
        for step in range(steps):
            if peak < bound + self._rounding or step - last_gain > steps // PATIENCE:
                break
            candidate, sides = self._perturb(order, high, offsets, chance)
            placed = self._place(candidate, sides, bound, ceiling=current)
            if placed is None:
                continue
            height = self._height(placed)
            if height <= current:
                order, high, offsets, current = candidate, sides, placed, height
            if height < peak:
                best, peak, last_gain = placed, height, step
        return best, peak

    def refit(
        self, offsets: Sequence[int], movable: Collection[int], ceiling: int
    ) -> tuple[int, ...] | None:
        """Offsets with `movable` buffers placed anew; a few orders are tried."""
        chance = random.Random(0)
        order = sorted(movable, key=lambda i: -self._buffers[i].size)
        kept = [-1 if i in movable else offset for i, offset in enumerate(offsets)]
        for _ in range(REFIT_ORDERS):
            placed = self._place_more(list(kept), order, frozenset(), 0, ceiling)
            if placed is not None:
                return tuple(placed)
            order = chance.sample(order, len(order))
        return None

    def _heuristics(self, bound: int) -> tuple[list[int], list[int], int]:
        """The best of a few orders: by size, by time, by how crowded the buffer's life is."""
        best: tuple[list[int], list[int], int] | None = None
        for order in self._orders():
            offsets = self._place_all(order)
            height = self._height(offsets)
            if best is None or height < best[2]:
                best = (order, offsets, height)
            if height < bound + self._rounding:
                break
        assert best is not None
        return best

    def _orders(self) -> Iterator[list[int]]:
        buffers, pressure = self._buffers, self._pressure
        keys: tuple[Callable[[int], tuple[int, ...]], ...] = (
            lambda i: (-pressure[i], -buffers[i].size),
            lambda i: (-pressure[i], -buffers[i].last_tick, -buffers[i].size),
            lambda i: (-buffers[i].size, buffers[i].first_tick),
            lambda i: (-buffers[i].last_tick, -buffers[i].size),
            lambda i: (buffers[i].first_tick, -buffers[i].size),
        )
        for key in keys:
            order = sorted(range(len(buffers)), key=key)
            yield order
            yield self._outputs_first(order)

    def _outputs_first(self, order: list[int]) -> list[int]:
        """The same order, but an output that may overwrite an input precedes it.

        First fit puts the first of the two at the bottom; only if that is the output can
        it lie below its input.
        """
        targets: dict[int, list[int]] = {}
        for source, target in self._overlaps:
            targets.setdefault(source, []).append(target)
        placed: dict[int, None] = {}
        for index in order:
            chain = [index]
            while chain:
                waiting = [t for t in targets.get(chain[-1], []) if t not in placed]
                waiting = [t for t in waiting if t not in chain]
                if waiting:
                    chain.append(waiting[0])
                else:
                    placed[chain.pop()] = None
        return list(placed)

    def _perturb(
        self, order: list[int], high: frozenset[int], offsets: list[int], chance: random.Random
    ) -> tuple[list[int], frozenset[int]]:
        """Changes the turn or the side of a buffer that makes the peak or is in its way."""
        top = max(order, key=lambda i: offsets[i] + self._buffers[i].size)
        changed = top
        if chance.random() < 0.7 and self._neighbours[top]:
            changed = chance.choice(self._neighbours[top])
        if chance.random() < 0.4:
            return order, high ^ {changed}
        rest = [i for i in order if i != changed]
        rest.insert(chance.randrange(len(order)), changed)
        return rest, high

    def _height(self, offsets: list[int]) -> int:
        return max(o + b.size for o, b in zip(offsets, self._buffers, strict=True))

    def _place_all(self, order: list[int]) -> list[int]:
        placed = self._place(order, frozenset(), 0, ceiling=sys.maxsize)
        assert placed is not None
        return placed

    def _place(
        self, order: list[int], high: frozenset[int], limit: int, *, ceiling: int
    ) -> list[int] | None:
        """Places buffers in turn: as low as possible, or just below `limit` if in `high`.

        None as soon as a buffer ends above `ceiling`.
        """
        return self._place_more([-1] * len(order), order, high, limit, ceiling)

    def _place_more(
        self,
        offsets: list[int],
        order: list[int],
        high: frozenset[int],
        limit: int,
        ceiling: int,
    ) -> list[int] | None:
        """Adds the buffers of `order` to those placed already (offset -1: not yet)."""
        for index in order:
            buffer = self._buffers[index]
            blocked = [
                (low + base, up + base)
                for other, distances in self._around(index)
                if (base := offsets[other]) >= 0
                for low, up in distances
            ]
            offset = -1
            if index in high:
                offset = _last_fit(blocked, limit - buffer.size, buffer.alignment)
            if offset < 0:
                offset = _first_fit(blocked, buffer.alignment)
            if offset + buffer.size > ceiling:
                return None
            offsets[index] = offset
        return offsets

    def _around(self, index: int) -> list[tuple[int, Intervals]]:
        """The buffers alive together with one, and the distances they forbid."""
        known = self._surroundings[index]
        if known is None:
            known = [(other, self._distances(other, index)) for other in self._neighbours[index]]
            self._surroundings[index] = known
        return known

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


def _last_fit(blocked: Intervals, highest: int, alignment: int) -> int:
    """The largest aligned offset up to `highest` outside of all blocked intervals, or -1."""
    offset = highest // alignment * alignment
    for low, high in sorted(blocked, key=lambda interval: -interval[1]):
        if high <= offset and high > low:
            break  # sorted: nothing later blocks this offset
        if low < offset:
            offset = low // alignment * alignment
    return max(offset, -1)
