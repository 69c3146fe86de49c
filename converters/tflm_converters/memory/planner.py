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
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from tflm_converters.memory.bounds import Pairs, live_bytes, lower_bound, pressures
from tflm_converters.memory.distances import (
    Intervals,
    first_fit,
    forbidden_distances,
    last_fit,
    merge,
)
from tflm_converters.memory.types import Buffer, MemoryPlan

SEARCH_STEPS = 12000
"""Orders tried by the search when no heuristic reaches the lower bound."""

STEPS_PER_BUFFER = 90
"""A few buffers have few orders: the search is as long as there is something to find."""

PATIENCE = 3
"""The search gives up after this fraction (1/n) of its steps without any gain."""

REFIT_ORDERS = 20
"""Orders tried when the buffers of one stage are placed anew."""


def plan_buffers(
    buffers: Sequence[Buffer], overlaps: Pairs, *, steps: int = SEARCH_STEPS, enough: int = 0
) -> MemoryPlan:
    """Offsets for all buffers, with the lower bound that no plan can beat.

    `overlaps` names the pairs of an input and an output of one group that may share
    memory within a firing; all other pairs never share a byte in the same tick. The search
    ends as soon as the peak is at most `enough` bytes.
    """
    ticks, live = live_bytes(buffers, overlaps)
    bound = lower_bound(buffers, overlaps, ticks, live)
    if not buffers:
        return MemoryPlan((), (), 0, 0, ticks, live)
    search = _Search(buffers, overlaps, pressures(buffers, ticks, live))
    offsets, peak = search.run(bound, min(steps, STEPS_PER_BUFFER * len(buffers)), enough)
    return MemoryPlan(tuple(buffers), tuple(offsets), peak, bound, ticks, live)


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


class _Search:
    """First fit over orders of placement."""

    def __init__(self, buffers: Sequence[Buffer], overlaps: Pairs, pressure: list[int]) -> None:
        self._buffers = buffers
        self._pressure = pressure
        self._overlaps = overlaps
        self._forbidden: dict[tuple[int, int], Intervals] = {}
        spans = [(b.first_tick, b.last_tick) for b in buffers]
        self._neighbours = [
            [j for j in range(len(buffers)) if j != i and _meet(spans[i], spans[j])]
            for i in range(len(buffers))
        ]
        self._surroundings: list[list[tuple[int, Intervals]] | None] = [None] * len(buffers)

    def run(self, bound: int, steps: int, enough: int) -> tuple[list[int], int]:
        """The best offsets found, and their peak."""
        # Alignment may cost a few bytes that no bound accounts for.
        enough = max(enough, bound + max(b.alignment for b in self._buffers) - 1)
        order, best, peak = self._heuristics(enough)
        chance = random.Random(0)
        high: frozenset[int] = frozenset()
        offsets, current = best, peak
        last_gain = 0
        for step in range(steps):
            if peak <= enough or step - last_gain > steps // PATIENCE:
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

    def _heuristics(self, enough: int) -> tuple[list[int], list[int], int]:
        """The best of a few orders: by size, by time, by how crowded the buffer's life is."""
        best: tuple[list[int], list[int], int] | None = None
        for order in self._orders():
            offsets = self._place_all(order)
            height = self._height(offsets)
            if best is None or height < best[2]:
                best = (order, offsets, height)
            if height <= enough:
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
                offset = last_fit(blocked, limit - buffer.size, buffer.alignment)
            if offset < 0:
                offset = first_fit(blocked, buffer.alignment)
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
