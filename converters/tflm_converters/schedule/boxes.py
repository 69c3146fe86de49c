# SPDX-License-Identifier: Apache-2.0
"""Receptive fields: which rows and columns of each tensor the tiles of a group need.

Rows and columns are independent of each other, so both are intervals, computed backwards
from the group's output through its layers; halos come out exactly.
"""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache

import numpy as np

from tflm_converters.schedule.layers import Access, Extent, Layer
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.types import Group


@dataclasses.dataclass(frozen=True, eq=False)
class Intervals:
    """Half-open intervals [begin[i], end[i]), one per band or per tile column."""

    begin: np.ndarray
    end: np.ndarray

    def union(self, other: Intervals) -> Intervals:
        return Intervals(np.minimum(self.begin, other.begin), np.maximum(self.end, other.end))

    @property
    def longest(self) -> int:
        return int((self.end - self.begin).max(initial=0))

    @property
    def total(self) -> int:
        return int(np.maximum(self.end - self.begin, 0).sum())


Needs = dict[int, Intervals]
"""Tensor index to the interval of it that each band (or tile column) needs."""


def group_extent(network: Network, group: Group) -> Extent:
    """The rows and columns that the bands and tiles of a group are cut from."""
    last = network.layers[group.last - 1]
    return last.accesses[0].extent if group.accumulate else last.extent


def band_count(network: Network, group: Group) -> int:
    """How often a group fires."""
    return math.ceil(group_extent(network, group).height / group.tile_rows)


def row_needs(network: Network, group: Group) -> Needs:
    """Rows of every tensor that a group touches, for each of its bands."""
    return _row_needs(network, dataclasses.replace(group, tile_cols=1))


@lru_cache(maxsize=4096)
def _row_needs(network: Network, group: Group) -> Needs:
    cuts = _cut(0, group_extent(network, group).height, group.tile_rows)
    return _needs(network, group, cuts, rows=True)


def col_needs(network: Network, group: Group, begin: int, end: int) -> Needs:
    """Columns of every tensor for each tile of output columns [begin, end)."""
    return _needs(network, group, _cut(begin, end, group.tile_cols), rows=False)


def span_of_columns(network: Network, group: Group, begin: int, end: int) -> Needs:
    """Columns of every tensor that output columns [begin, end) need, as one interval."""
    one_tile = Intervals(np.array([begin]), np.array([end]))
    return _needs(network, group, one_tile, rows=False)


def _needs(network: Network, group: Group, out: Intervals, *, rows: bool) -> Needs:
    layers = network.layers[group.first : group.last]
    needs: Needs = {layers[-1].output: out}
    for position in range(len(layers) - 1, -1, -1):
        layer = layers[position]
        identity = group.accumulate and position == len(layers) - 1
        box = needs.setdefault(layer.output, out)  # unread inside: written for others, as a tile
        for access in layer.accesses:
            reach = box if identity else _through(access, box, rows)
            known = needs.get(access.tensor)
            needs[access.tensor] = reach if known is None else known.union(reach)
    return needs


def _through(access: Access, box: Intervals, rows: bool) -> Intervals:
    low, high = (access.rows_for if rows else access.cols_for)(box.begin, box.end)
    return Intervals(low, high)


@lru_cache(maxsize=4096)
def _cut(begin: int, end: int, step: int) -> Intervals:
    starts = np.arange(begin, end, step, dtype=np.int64)
    return Intervals(starts, np.minimum(starts + step, end))


def touched(network: Network, group: Group) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Tensors that a group reads from outside, and tensors that it writes."""
    layers: tuple[Layer, ...] = network.layers[group.first : group.last]
    written = tuple(t for layer in layers for t in layer.outputs)
    read = dict.fromkeys(a.tensor for layer in layers for a in layer.accesses)
    return tuple(t for t in read if t not in written), written


def escaping(network: Network, group: Group) -> tuple[int, ...]:
    """Tensors that a group writes and that somebody outside of it reads."""
    return tuple(
        t
        for t in touched(network, group)[1]
        if network.last_use[t] >= group.last or t in network.outputs
    )
