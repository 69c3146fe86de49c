# SPDX-License-Identifier: Apache-2.0
"""How far below its input an output must begin so that it may overwrite it.

A group that reads tensor A and writes tensor B may write B over the part of A that no
tile needs any more. Rows are too coarse to tell: the exact distance follows from the
order of the tiles. (vMCU, arXiv 2406.06542, overlaps at the granularity of segments.)
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np

from tflm_converters.schedule.boxes import (
    Intervals,
    Needs,
    col_needs,
    escaping,
    group_extent,
    row_needs,
    touched,
)
from tflm_converters.schedule.layers import Access, Extent, Reach
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.types import Group


@dataclasses.dataclass(frozen=True)
class Overlap:
    """The output may begin at most at (begin of the input) - `lead` bytes, or behind it."""

    lead: int


@lru_cache(maxsize=4096)
def overlaps(network: Network, group: Group) -> dict[tuple[int, int], Overlap]:
    """For each (input, output) pair of a group: how far the output must lead."""
    if group.accumulate:
        return {}
    rows = row_needs(network, group)
    cols = col_needs(network, group, 0, group_extent(network, group).width)
    found: dict[tuple[int, int], Overlap] = {}
    for target in escaping(network, group):
        writer = network.producer[target]
        ends = _written_to(network.extents[target], rows[target], cols[target])
        for source in touched(network, group)[0]:
            lead = _lead(network, group, rows, cols, source, writer, ends)
            found[source, target] = Overlap(lead)
    return found


def _written_to(extent: Extent, rows: Intervals, cols: Intervals) -> np.ndarray:
    """End of what is written after each tile, in bytes from the output's begin."""
    last_row = (rows.end - 1)[:, None] * extent.row_bytes
    return np.asarray(last_row + cols.end[None, :] * extent.channels).ravel()


def _lead(
    network: Network,
    group: Group,
    rows: Needs,
    cols: Needs,
    source: int,
    writer: int,
    ends: np.ndarray,
) -> int:
    leads = []
    for position in range(group.first, group.last):
        layer = network.layers[position]
        for access in layer.accesses:
            if access.tensor != source:
                continue
            if position == writer and layer.elementwise and _is_raster(access, rows, cols):
                leads.append(0)
                continue
            needed = _first_read(access, rows[layer.output], cols[layer.output])
            if position < writer:  # it has read its tile before the output is written
                needed = np.append(needed[1:], access.extent.bytes)
            leads.append(int((ends - needed).max()))
    return max(leads)


def _is_raster(access: Access, rows: Needs, cols: Needs) -> bool:
    """Whether pixels are read in the order of memory, so that all before the current are dead."""
    tiles = cols[access.tensor].begin.size
    tile_rows = rows[access.tensor].longest
    return access.reach is Reach.WINDOW and (tile_rows == 1 or tiles == 1)


def _first_read(access: Access, rows: Intervals, cols: Intervals) -> np.ndarray:
    """First byte of the input that each tile reads.

    What a later tile reads below it counts there: by then, more has been written.
    """
    top, _ = access.rows_for(rows.begin, rows.end)
    left, _ = access.cols_for(cols.begin, cols.end)
    first = top[:, None] * access.extent.row_bytes + left[None, :] * access.extent.channels
    return np.asarray(first).ravel()
