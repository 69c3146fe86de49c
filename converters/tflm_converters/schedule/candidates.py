# SPDX-License-Identifier: Apache-2.0
"""Every stage that a schedule may be made of, with its cost.

A candidate covers layers [first, last) in one of the ways of grouping.py. The solver
chooses by an estimate of its peak; the memory planner then gives the exact figure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tflm_converters.emit.program_format import GROUP_STATE
from tflm_converters.graph import ConvAttributes, Kind
from tflm_converters.schedule.grouping import (
    Halo,
    in_place_stage,
    layer_stage,
    patch_stage,
    stream_stage,
)
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.segment import Segment, Tables
from tflm_converters.schedule.types import Mode, Stage


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A stage, the bytes alive while it runs (an estimate), and the MACs that it adds.

    The stage itself is built only when it is chosen: most candidates never are.
    """

    mode: Mode
    first: int
    last: int
    peak: int
    extra_macs: int = 0
    in_place: bool = False
    strips: int = 1
    patches: tuple[int, int] = (1, 1)
    halos: tuple[tuple[int, Halo], ...] = ()

    def build(self, network: Network) -> Stage:
        """The stage that this candidate stands for."""
        if self.mode is Mode.PATCH:
            return patch_stage(network, self.first, self.last, self.patches)
        if self.mode is Mode.STREAM:
            halos = dict(self.halos)
            return stream_stage(network, self.first, self.last, halos=halos, strips=self.strips)
        make = in_place_stage if self.in_place else layer_stage
        return make(network, self.first)


@dataclasses.dataclass(frozen=True)
class Options:
    """Which candidates are allowed."""

    modes: frozenset[Mode] = frozenset({Mode.LAYER, Mode.PATCH, Mode.STREAM})
    patches: tuple[int, int] | None = None
    row_fed: bool = False


def segments(tables: Tables, *, most_rings: int) -> Iterator[Segment]:
    """Every run of layers that our runtime executes; the same object, growing.

    Runs whose line buffers alone take more than `most_rings` bytes are left out: taking in
    more layers only adds to them.
    """
    for last in range(1, len(tables.network.layers) + 1):
        if tables.network.layers[last - 1].stock:
            continue
        segment = Segment(tables, last)
        while segment.first > 0 and not tables.network.layers[segment.first - 1].stock:
            segment.extend()
            if segment.ring_bytes() > most_rings:
                break
            if _may_be_fed(segment):
                yield segment


def _may_be_fed(segment: Segment) -> bool:
    """Row-fed: only the first stage may read the input, and must read all of it."""
    fed = segment.tables.fed
    if fed is None:
        return True
    if segment.first > 0:
        return fed not in segment.inputs
    return segment.network.last_use[fed] < segment.last


def plain_candidates(tables: Tables, options: Options, limit: int) -> Iterator[Candidate]:
    """Stages that compute nothing twice: per layer, in place, streamed; stock operators.

    Streams that need more than `limit` bytes of line buffers are left out.
    """
    yield from _stock_candidates(tables)
    for segment in segments(tables, most_rings=limit):
        single = segment.last - segment.first == 1
        mode = Mode.LAYER if single else Mode.STREAM
        if mode in options.modes or segment.is_fed:
            yield Candidate(mode, segment.first, segment.last, tables.stream_peak(segment))
        if single and Mode.LAYER in options.modes and _can_run_in_place(segment):
            yield _in_place(segment)


def _stock_candidates(tables: Tables) -> Iterator[Candidate]:
    for position, layer in enumerate(tables.network.layers):
        if layer.stock:
            made = sum(tables.network.bytes_of(t) for t in layer.outputs)
            peak = tables.alive[position] + made
            yield Candidate(Mode.STOCK, position, position + 1, peak)


def _can_run_in_place(segment: Segment) -> bool:
    layer = segment.final
    op, access = segment.network.graph.ops[layer.op], layer.accesses[0]
    if op.kind is not Kind.DEPTHWISE_CONV or not isinstance(op.attributes, ConvAttributes):
        return False
    strided = (access.rows.stride, access.cols.stride) != (1, 1)
    dies = segment.network.last_use[access.tensor] == segment.first
    return layer.extent == access.extent and not strided and dies and not segment.is_fed


def _in_place(segment: Segment) -> Candidate:
    plane = segment.final.extent.height * segment.final.extent.width
    peak = segment.tables.alive[segment.first] + plane + GROUP_STATE.itemsize
    return Candidate(Mode.LAYER, segment.first, segment.last, peak, in_place=True)
