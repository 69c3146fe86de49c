# SPDX-License-Identifier: Apache-2.0
"""How many bytes are alive at once, and what no placement can go below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tflm_converters.memory.overlap import Overlap
from tflm_converters.memory.types import Buffer

Pairs = Mapping[tuple[int, int], Overlap]
"""(input buffer, output buffer) to how the output may overwrite the input."""


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


def lower_bound(
    buffers: Sequence[Buffer], overlaps: Pairs, ticks: np.ndarray, live: np.ndarray
) -> int:
    """Bytes that no plan can go below; `ticks` and `live` as from `live_bytes`."""
    return max([int(live.max(initial=0)), *lead_bounds(buffers, overlaps, ticks, live)])


def lead_bounds(
    buffers: Sequence[Buffer], overlaps: Pairs, ticks: np.ndarray, live: np.ndarray
) -> Iterator[int]:
    """Bounds from outputs that overwrite their input, which must run `lead` bytes ahead.

    From the first write of the output until it has filled its lead, nothing else that is
    alive all the while fits into the lead or into what is left of the input. (The output
    may instead lie wholly behind the input: then both count in full.) Of other inputs and
    outputs, what is read last or written first within that time may share memory.
    """
    sources, targets = [s for s, _ in overlaps], {t for _, t in overlaps}
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
        behind = read.size + written.size
        if sources.count(source) == 1:
            behind = max(behind, _most_live_behind(read, written, ticks, live))
        yield min(below, behind)


def _most_live_behind(read: Buffer, written: Buffer, ticks: np.ndarray, live: np.ndarray) -> int:
    """Most bytes alive while an output is written that lies behind its input.

    Nothing else may overwrite the input; so what is read last in the tick of a write, which
    `live` leaves out, counts as well.
    """
    write_ticks = np.unique(written.bands[:, 2])
    begin, end, _, last = read.bands.T
    dying = ((end - begin) * (last == write_ticks[:, None])).sum(axis=1)
    return int((live[np.searchsorted(ticks, write_ticks)] + dying).max())


def _alive_through(buffer: Buffer, begin: int, end: int) -> int:
    """Bytes of a buffer that live from tick `begin` to tick `end` without a break."""
    bands = buffer.bands
    alive = (bands[:, 2] <= begin) & (bands[:, 3] >= end)
    return int((bands[alive, 1] - bands[alive, 0]).sum())


def pressures(buffers: Sequence[Buffer], ticks: np.ndarray, live: np.ndarray) -> list[int]:
    """For each buffer, the most bytes alive at once during its life."""
    first = np.searchsorted(ticks, [b.first_tick for b in buffers], side="right") - 1
    last = np.searchsorted(ticks, [b.last_tick for b in buffers], side="right")
    return [int(live[max(i, 0) : j].max()) for i, j in zip(first, last, strict=True)]
