# SPDX-License-Identifier: Apache-2.0
"""Chooses the stages: a path over cut points, least peak first or least MACs first.

A schedule is a path from the first layer to the last whose edges are candidate stages.
Its peak is the largest of its edges, its MACs their sum; both problems (least MACs under
a budget, least peak at given MACs) are solved exactly over the candidates, and so is the
whole Pareto front (compare msf-CNN, arXiv 2505.11483, which does the same for fused
blocks without line buffers across stages).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from tflm_converters.schedule.candidates import Candidate

UNREACHABLE = np.iinfo(np.int64).max // 4


@dataclasses.dataclass(frozen=True)
class Path:
    """A choice of candidates covering all layers, with its estimated peak and extra MACs."""

    candidates: tuple[Candidate, ...]

    @property
    def peak(self) -> int:
        return max(c.peak for c in self.candidates)

    @property
    def extra_macs(self) -> int:
        return sum(c.extra_macs for c in self.candidates)


class Solver:
    """Shortest paths over cut points, for as many budgets as one likes."""

    def __init__(self, layer_count: int, found: Sequence[Candidate]) -> None:
        self._count = layer_count
        self._candidates = found
        first = np.array([c.first for c in found])
        last = np.array([c.last for c in found])
        self._peak = np.array([c.peak for c in found], dtype=np.int64)
        # One more stage costs one unit beside the MACs: of equal schedules, the simplest.
        self._cost = np.array([c.extra_macs for c in found], dtype=np.int64) * 1024 + 1
        order = np.argsort(last, kind="stable")
        bounds = np.searchsorted(last[order], np.arange(layer_count + 2))
        self._into = [order[bounds[i] : bounds[i + 1]] for i in range(layer_count + 1)]
        self._first = first

    def least_macs(self, budget: int) -> Path | None:
        """The path of least MACs whose estimated peak is within `budget` bytes, if any."""
        cost = np.full(self._count + 1, UNREACHABLE, dtype=np.int64)
        choice = np.full(self._count + 1, -1, dtype=np.int64)
        cost[0] = 0
        for last in range(1, self._count + 1):
            edges = self._into[last]
            edges = edges[self._peak[edges] <= budget]
            if not len(edges):
                continue
            total = cost[self._first[edges]] + self._cost[edges]
            best = int(total.argmin())
            if total[best] < UNREACHABLE:
                cost[last], choice[last] = total[best], edges[best]
        return self._trace(choice)

    def _trace(self, choice: np.ndarray) -> Path | None:
        chosen: list[Candidate] = []
        position = self._count
        while position > 0:
            if choice[position] < 0:
                return None
            chosen.append(self._candidates[choice[position]])
            position = chosen[-1].first
        return Path(tuple(reversed(chosen)))

    def pareto(self) -> Iterator[Path]:
        """The whole front, from least MACs to least peak: no other path is better in both."""
        budget = int(self._peak.max(initial=0))
        while (path := self.least_macs(budget)) is not None:
            path = self._least_peak(path)
            yield path
            budget = path.peak - 1

    def _least_peak(self, path: Path) -> Path:
        """The least peak at which the MACs of `path` are still enough, by bisection."""
        levels = np.unique(self._peak[self._peak <= path.peak])
        low, high = 0, len(levels) - 1
        best = path
        while low < high:
            middle = (low + high) // 2
            candidate = self.least_macs(int(levels[middle]))
            if candidate is not None and candidate.extra_macs <= path.extra_macs:
                best, high = candidate, middle
            else:
                low = middle + 1
        return best
