# SPDX-License-Identifier: Apache-2.0
"""Runs the firing rule of the runtime without the arithmetic.

A stage fires its groups in data-flow order, deepest first (see tmc_program.h). The order
depends on geometry alone, so that it can be replayed here: it gives the tick at which
every row of every tensor is written and read for the last time, and from these the exact
number of rows that each line buffer must hold.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np

from tflm_converters.schedule.boxes import Needs, band_count, escaping, row_needs, touched
from tflm_converters.schedule.layers import Reach
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.types import Group, Stage


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Lifetime of each row of a tensor, in ticks of the stage.

    `written[y]` is the tick that writes row y (-1: before the stage), `read[y]` the last
    tick that reads it (its own write when nobody does).
    """

    written: np.ndarray
    read: np.ndarray

    @property
    def slots(self) -> int:
        """Rows that a ring must hold so that no row is overwritten before its last use."""
        newest = np.searchsorted(self.written, self.read, side="right")
        return int((newest - np.arange(len(self.read))).max())


@dataclasses.dataclass(frozen=True, eq=False)
class Timeline:
    """What one pass over a stage does: a tick per firing (and per fed row).

    `firings[g]` are the ticks at which group g fires, band by band; `needs[g]` the rows
    that each of its bands touches; `rows` the lifetimes of the rows of every tensor that
    the stage touches; `wake[g]` the deepest group that reads what g writes.
    """

    ticks: int
    firings: tuple[np.ndarray, ...]
    needs: tuple[Needs, ...]
    rows: dict[int, Rows]
    wake: tuple[int, ...]


class StarvationError(AssertionError):
    """A stage that waits for a row which nobody produces; a defect of the scheduler."""


def simulate(
    network: Network, stage: Stage, *, fed: int | None = None, factors_given: bool = False
) -> Timeline:
    """Replays the firings of a stage; `fed` is the tensor that arrives row by row.

    `factors_given`: nobody waits for tensors of one pixel that are broadcast, as if an
    earlier stage had made them (for estimates).
    """
    # Columns do not matter here, and a stage is simulated again for every width of its tiles.
    groups = tuple(dataclasses.replace(group, tile_cols=1) for group in stage.groups)
    return _simulate(network, dataclasses.replace(stage, groups=groups), fed, factors_given)


@lru_cache(maxsize=1024)
def _simulate(network: Network, stage: Stage, fed: int | None, factors_given: bool) -> Timeline:
    groups = stage.groups
    needs = tuple(row_needs(network, group) for group in groups)
    makers = {t: g for g, group in enumerate(groups) for t in touched(network, group)[1]}
    wake = tuple(_wake(network, groups, g) for g in range(len(groups)))
    given = _factors(network, stage) if factors_given else set()
    makers = {t: g for t, g in makers.items() if t not in given}
    waits = [_waits(network, groups, g, needs[g], makers, fed) for g in range(len(groups))]
    order, feeds = _fire(network, groups, waits, wake, fed)
    firings = tuple(np.flatnonzero(order == g) for g in range(len(groups)))
    rows = _lifetimes(network, groups, needs, firings, feeds, fed)
    return Timeline(len(order), firings, needs, rows, wake)


def _factors(network: Network, stage: Stage) -> set[int]:
    layers = network.layers[stage.first : stage.last]
    return {a.tensor for x in layers for a in x.accesses if a.reach is Reach.BROADCAST}


def _wake(network: Network, groups: tuple[Group, ...], index: int) -> int:
    written = set(touched(network, groups[index])[1])
    readers = [g for g, group in enumerate(groups) if written & set(touched(network, group)[0])]
    return max([index, *readers])


def _waits(
    network: Network,
    groups: tuple[Group, ...],
    index: int,
    needs: Needs,
    makers: dict[int, int],
    fed: int | None,
) -> list[tuple[int, list[int]]]:
    """What a group waits for: (source, rows that must be there before each of its bands).

    A source is a group, or -1 for the fed rows. An accumulating source has its only row
    when it has seen all its input, so its progress is counted in input rows.
    """
    waits = []
    for tensor in touched(network, groups[index])[0]:
        source = makers.get(tensor, -1 if tensor == fed else None)
        if source is None:
            continue
        rows = needs[tensor].end
        if source >= 0 and groups[source].accumulate:
            rows = np.full_like(rows, _rows_of(network, groups[source]))
        waits.append((source, rows.tolist()))
    return waits


def _rows_of(network: Network, group: Group) -> int:
    last = network.layers[group.last - 1]
    return (last.accesses[0].extent if group.accumulate else last.extent).height


def _fire(
    network: Network,
    groups: tuple[Group, ...],
    waits: list[list[tuple[int, list[int]]]],
    wake: tuple[int, ...],
    fed: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The group that fires at each tick (-1: a row is fed), and the ticks of the feeds."""
    bands = [band_count(network, group) for group in groups]
    heights = [_rows_of(network, group) for group in groups]
    done = [0] * len(groups)
    progress = [0] * len(groups) + [0]  # the last entry counts fed rows: source -1
    fed_rows = network.extents[fed].height if fed is not None else 0
    order: list[int] = []
    cursor = len(groups) - 1
    while True:
        if cursor < 0:
            if done == bands and progress[-1] == fed_rows:
                return np.array(order), np.flatnonzero(np.array(order) == -1)
            if progress[-1] == fed_rows:
                raise StarvationError(f"groups {groups} starve after {len(order)} firings")
            progress[-1] += 1
            order.append(-1)
            cursor = len(groups) - 1
        band = done[cursor]
        if band < bands[cursor] and all(progress[s] >= rows[band] for s, rows in waits[cursor]):
            order.append(cursor)
            done[cursor] = band + 1
            progress[cursor] = min((band + 1) * groups[cursor].tile_rows, heights[cursor])
            cursor = wake[cursor]
        else:
            cursor -= 1


def _lifetimes(
    network: Network,
    groups: tuple[Group, ...],
    needs: tuple[Needs, ...],
    firings: tuple[np.ndarray, ...],
    feeds: np.ndarray,
    fed: int | None,
) -> dict[int, Rows]:
    written: dict[int, np.ndarray] = {} if fed is None else {fed: feeds}
    read: dict[int, np.ndarray] = {}
    for g, group in enumerate(groups):
        outside, _ = touched(network, group)
        for tensor in escaping(network, group):
            written[tensor] = _written(network, group, tensor, firings[g])
        for tensor in outside:
            height = network.extents[tensor].height
            last = _last_read(needs[g][tensor].begin, needs[g][tensor].end, height, firings[g])
            read[tensor] = np.maximum(read[tensor], last) if tensor in read else last
    lifetimes = {}
    for tensor in dict.fromkeys([*written, *read]):
        height = network.extents[tensor].height
        first = written.get(tensor, np.full(height, -1))
        lifetimes[tensor] = Rows(first, np.maximum(first, read.get(tensor, first)))
    return lifetimes


def _written(network: Network, group: Group, tensor: int, firings: np.ndarray) -> np.ndarray:
    """Ticks at which the rows of a tensor are first written by a group."""
    height = network.extents[tensor].height
    if group.accumulate and tensor == network.layers[group.last - 1].output:
        return np.full(height, firings[-1])
    return np.asarray(firings[np.arange(height) // group.tile_rows])


def _last_read(begin: np.ndarray, end: np.ndarray, height: int, firings: np.ndarray) -> np.ndarray:
    """Tick of the last band that reads each row; -1 for rows that no band reads."""
    band = np.searchsorted(begin, np.arange(height), side="right") - 1
    # Rows that a stride skips lie behind the window of the last band that begins at or
    # before them; empty windows (pure padding) read nothing.
    hit = (band >= 0) & (end[band] > np.arange(height))
    return np.where(hit, firings[band], -1)
