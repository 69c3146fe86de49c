# SPDX-License-Identifier: Apache-2.0
"""Which channels of each tensor must stay.

A channel must stay if it crosses the graph's border, if a convolution needs it for an
output channel that stays, or if it is tied to one that stays. The answer is the least set
closed under these rules, found by repeating them, from the last operator to the first.
"""

from __future__ import annotations

import numpy as np

from tflm_converters.graph import Graph, Op
from tflm_converters.passes.dead_channels.folding import foldable_channels, weights_by_channel
from tflm_converters.passes.dead_channels.interval import has_channels
from tflm_converters.passes.dead_channels.links import MIXERS, links_of, pinned_tensors
from tflm_converters.passes.dead_channels.ranges import Ranges


def kept_channels(graph: Graph, ranges: Ranges) -> dict[int, np.ndarray]:
    """bool[channels] for every tensor that `has_channels`: which of them must stay.

    At least one channel of every tensor stays, so that all shapes remain legal.
    """
    groups = _Groups(graph)
    for tensor in pinned_tensors(graph):
        groups.keep(tensor, slice(None))
    mixers = [
        _Mixer(graph, op, ranges)
        for op in reversed(graph.ops)
        if op.kind in MIXERS and links_of(graph, op) is not None
    ]
    _close(groups, mixers)
    for tensor in reversed(groups.tensors):
        if not groups.kept(tensor).any():
            groups.keep(tensor, 0)
            _close(groups, mixers)
    return {tensor: groups.kept(tensor) for tensor in groups.tensors}


def _close(groups: _Groups, mixers: list[_Mixer]) -> None:
    """Keep what the convolutions need, until they need nothing more."""
    count = -1
    while count != (count := groups.kept_count):
        for mixer in mixers:
            groups.keep(mixer.input, mixer.needed(groups.kept(mixer.output)))


class _Mixer:
    """Which input channels each output channel of a convolution cannot do without."""

    def __init__(self, graph: Graph, op: Op, ranges: Ranges) -> None:
        self.input = op.inputs[0]
        self.output = op.output
        reads = weights_by_channel(graph, op).any(axis=1)
        self._needs = reads & ~foldable_channels(graph, op, ranges[op.inputs[0]])

    def needed(self, outputs: np.ndarray) -> np.ndarray:
        """bool[input channels] needed for these output channels, bool[output channels]."""
        return self._needs[outputs].any(axis=0)


class _Groups:
    """Channels that stay or go together, over all tensors of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.tensors = [t for t in sorted(set(graph.activations())) if has_channels(graph, t)]
        sizes = [graph.tensors[tensor].shape[-1] for tensor in self.tensors]
        ends = np.cumsum([0, *sizes])
        self._place = {t: slice(*ends[i : i + 2]) for i, t in enumerate(self.tensors)}
        self._group = self._merge(graph, int(ends[-1]))
        self._kept = np.zeros(int(ends[-1]), bool)

    @property
    def kept_count(self) -> int:
        """How many groups stay so far."""
        return int(self._kept.sum())

    def keep(self, tensor: int, channels: np.ndarray | slice | int) -> None:
        """Let these channels of a tensor stay, and all that are tied to them."""
        if tensor in self._place:
            self._kept[self._group[self._place[tensor]][channels]] = True

    def kept(self, tensor: int) -> np.ndarray:
        """bool[channels]: which channels of a tensor stay so far."""
        return self._kept[self._group[self._place[tensor]]]

    def _merge(self, graph: Graph, count: int) -> np.ndarray:
        """The number of each channel's group: the least of the channels tied together.

        Every channel takes the least number among its neighbours, then that one's own
        number, until nothing changes: chains shrink to half with every round.
        """
        ends = [
            (
                self._place[link.tensor].start + link.channels,
                self._place[link.output].start + link.output_channels,
            )
            for op in graph.ops
            for link in links_of(graph, op) or []
        ]
        group = np.arange(count)
        if not ends:
            return group
        first, second = (np.concatenate(side) for side in zip(*ends, strict=True))
        while True:
            least = np.minimum(group[first], group[second])
            merged = group.copy()
            np.minimum.at(merged, first, least)
            np.minimum.at(merged, second, least)
            merged = merged[merged]
            if np.array_equal(merged, group):
                return group
            group = merged
