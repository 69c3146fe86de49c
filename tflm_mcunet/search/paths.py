# SPDX-License-Identifier: Apache-2.0
"""Where to cut networks into stages: the converter's minimax path, for a batch of networks.

The choice of `tflm_converters.schedule.solver` among the stages that compute nothing twice, hence
not among patches: the least peak, of equal peaks the fewest stages, of those the one whose last
stages are shortest.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_converters.schedule.grouping import in_place_stage, layer_stage, stream_stage
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.types import Schedule, Stage
from tflm_mcunet.search.layers import Layers
from tflm_mcunet.search.stage_peaks import HUGE, StagePeaks


@dataclasses.dataclass(frozen=True, eq=False)
class Paths:
    """The stages of many networks.

    `peaks` (networks,): the solver's estimate in bytes. `firsts` (networks, layers + 1): for a
    stage that ends before a layer, its first layer. `in_place` (networks, layers): whether a
    layer that is a stage by itself works in place.
    """

    peaks: np.ndarray
    firsts: np.ndarray
    in_place: np.ndarray
    counts: np.ndarray
    row_fed: bool

    def stages(self, index: int) -> list[tuple[int, int]]:
        """First layer and last + 1 of the stages of one network."""
        stages, last = [], int(self.counts[index])
        while last > 0:
            stages.append((int(self.firsts[index, last]), last))
            last = stages[-1][0]
        return stages[::-1]

    def starts(self) -> np.ndarray:
        """Which layers begin a stage, bool (networks, layers)."""
        networks = np.arange(len(self.firsts))
        starts = np.zeros_like(self.in_place)
        last = self.counts.copy()
        while last.any():
            last = np.where(last > 0, self.firsts[networks, last], 0)
            starts[networks, last] = True
        # What comes after a network's end counts as the beginning of something else.
        return starts | (np.arange(starts.shape[1]) >= self.counts[:, None])

    def schedule(self, index: int, network: Network) -> Schedule:
        """The schedule of one network, as the converter builds it."""
        stages = (self._stage(index, network, *span) for span in self.stages(index))
        return Schedule(tuple(stages), row_fed=self.row_fed)

    def _stage(self, index: int, network: Network, first: int, last: int) -> Stage:
        if last - first > 1:
            return stream_stage(network, first, last)
        make = in_place_stage if self.in_place[index, first] else layer_stage
        return make(network, first)


def find_paths(layers: Layers, *, mode: str, row_fed: bool) -> Paths:
    """The best path of each network."""
    stage_peaks = StagePeaks(layers, row_fed=row_fed)
    in_place = stage_peaks.in_place()
    if row_fed:  # what is fed passes through a line buffer, and cannot be overwritten whole
        in_place[:, 0] = HUGE
    alone = mode == "layer" and not row_fed  # what is fed may stream through several layers
    edges = []
    for last, peaks in stage_peaks.streams(alone=alone):
        if mode == "layer":
            peaks = np.pad(peaks, ((0, 0), (last - peaks.shape[1], 0)))
            peaks[:, int(row_fed) : last - 1] = HUGE
        edges.append(peaks)
    best = _least_peaks(edges, in_place)
    peaks = best[np.arange(len(best)), layers.counts]
    firsts = _fewest_stages(edges, in_place, peaks)
    single = np.stack([edge[:, -1] for edge in edges], axis=1)
    return Paths(peaks, firsts, single > peaks[:, None], layers.counts, row_fed)


def _least_peaks(edges: list[np.ndarray], in_place: np.ndarray) -> np.ndarray:
    """Least peak (networks, layers + 1) of any way to run the layers before a cut."""
    best = np.zeros((len(in_place), len(edges) + 1), dtype=np.int32)
    for last, peaks in enumerate(edges, start=1):
        reached = np.maximum(best[:, :last], peaks).min(axis=1)
        alone = np.maximum(best[:, last - 1], in_place[:, last - 1])
        best[:, last] = np.minimum(reached, alone)
    return best


def _fewest_stages(edges: list[np.ndarray], in_place: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """For each cut, the first layer of the last stage of the shortest path within the limit."""
    count = np.zeros((len(limit), len(edges) + 1), dtype=np.int32)
    firsts = np.zeros_like(count)
    for last, peaks in enumerate(edges, start=1):
        fits = peaks <= limit[:, None]
        fits[:, -1] |= in_place[:, last - 1] <= limit
        total = np.where(fits, count[:, :last], HUGE)
        firsts[:, last] = last - 1 - total[:, ::-1].argmin(axis=1)
        count[:, last] = np.take_along_axis(total, firsts[:, last, None], axis=1)[:, 0] + 1
    return firsts
