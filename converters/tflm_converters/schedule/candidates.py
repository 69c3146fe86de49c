# SPDX-License-Identifier: Apache-2.0
"""Every stage that a schedule may be made of, with its cost.

A candidate covers layers [first, last) in one of the ways of grouping.py. Its peak is
estimated from the live bytes of the stage: what else is alive, its line buffers, its
tiles, and input and output sharing memory row by row. The solver chooses by the estimate;
the memory planner then gives the exact figure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tflm_converters.emit.program_format import GROUP_STATE, MAX_GROUP_OPS
from tflm_converters.graph import Kind
from tflm_converters.memory.overlap import overlaps
from tflm_converters.schedule.boxes import row_needs
from tflm_converters.schedule.cost import layer_macs, stage_macs
from tflm_converters.schedule.grouping import (
    Halo,
    in_place_stage,
    joins,
    layer_stage,
    patch_stage,
    stream_stage,
)
from tflm_converters.schedule.layers import Layer, Reach
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.simulate import simulate
from tflm_converters.schedule.types import Group, Mode, Stage

HALO_TILES = (Halo(1, 8), Halo(2, 8), Halo(4, 16))
"""Tiles tried for halo groups: more rows recompute less and hold more."""

STRIPS = (2, 3, 4, 6, 8)
"""Numbers of column strips tried for a streamed stage."""

PATCHES = (2, 3, 4)
"""Grids p x p tried for patch-based stages (MCUNetV2, appendix B)."""

MOST_OVERHEAD = 1.0
"""Stages that compute more than twice their layers' MACs are not worth looking at."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A stage, the bytes alive while it runs (an estimate), and the MACs that it adds."""

    stage: Stage
    peak: int
    extra_macs: int

    @property
    def first(self) -> int:
        return self.stage.first

    @property
    def last(self) -> int:
        return self.stage.last


@dataclasses.dataclass(frozen=True)
class Options:
    """Which candidates are allowed."""

    modes: frozenset[Mode] = frozenset({Mode.LAYER, Mode.PATCH, Mode.STREAM})
    patches: tuple[int, int] | None = None
    row_fed: bool = False


def candidates(network: Network, options: Options) -> list[Candidate]:
    """All candidates of a network."""
    table = _Table(network, options)
    found: list[Candidate] = []
    for last in range(1, len(network.layers) + 1):
        found.extend(table.ending_at(last))
    return found


@dataclasses.dataclass(eq=False)
class _Segment:
    """What is known of layers [first, last) while `first` moves towards the input."""

    first: int
    last: int
    inputs: set[int]
    needs: dict[int, np.ndarray]  # rows of a tensor needed up to each row of the last layer
    rings: dict[int, int]  # line buffers, in bytes
    tiles: dict[int, int]  # group begin -> bytes of its tiles
    other_outputs: int = 0
    macs: int = 0


class _Table:
    """Costs shared by all candidates of a network."""

    def __init__(self, network: Network, options: Options) -> None:
        self.network = network
        self.options = options
        self.macs = layer_macs(network)
        self.fed = network.inputs[0] if options.row_fed else None
        self.alive = [self._alive_before(i) for i in range(len(network.layers) + 1)]
        self.group_begin = self._group_begins()
        self.slots = self._ring_slots()

    def ending_at(self, last: int) -> Iterator[Candidate]:
        """Candidates whose last layer is `last - 1`, shortest first."""
        final = self.network.layers[last - 1]
        if final.stock:
            extra = sum(self.network.bytes_of(t) for t in final.outputs)
            peak = self.alive[last - 1] + extra
            yield Candidate(layer_stage(self.network, last - 1), peak, 0)
            return
        rows = np.arange(1, final.extent.height + 1)
        segment = _Segment(last, last, set(), {final.output: rows}, {}, {})
        for first in range(last - 1, -1, -1):
            layer = self.network.layers[first]
            if layer.stock:
                return
            self._extend(segment, layer)
            if self._is_legal(segment):
                yield from self._variants(segment)

    # ---- Tables ----

    def _alive_before(self, layer: int) -> int:
        """Bytes of whole tensors made before a layer and used by it or later."""
        network = self.network
        return sum(
            network.bytes_of(t)
            for t in network.extents
            if t != self.fed
            and network.producer.get(t, -1) < layer
            and (t in network.producer or t in network.inputs)
            and network.last_use[t] >= layer
        )

    def _group_begins(self) -> list[int]:
        begins: list[int] = []
        for layer in range(len(self.network.layers)):
            joined = layer > 0 and joins(self.network, begins[-1], layer)
            begins.append(begins[-1] if joined else layer)
        return begins

    def _ring_slots(self) -> dict[int, int]:
        """Rows of each line buffer, were all layers streamed together."""
        slots: dict[int, int] = {}
        begin = 0
        stops = [i for i, layer in enumerate(self.network.layers) if layer.stock]
        for stop in [*stops, len(self.network.layers)]:
            if stop > begin:
                stage = stream_stage(self.network, begin, stop)
                timeline = simulate(self.network, stage, fed=self.fed if begin == 0 else None)
                slots.update({t: rows.slots for t, rows in timeline.rows.items()})
            begin = stop + 1
        return slots

    # ---- One segment ----

    def _extend(self, segment: _Segment, layer: Layer) -> None:
        segment.first -= 1
        segment.macs += self.macs[segment.first]
        self._account_output(segment, layer)
        segment.inputs.discard(layer.output)
        box = segment.needs.get(layer.output)
        for access in layer.accesses:
            segment.inputs.add(access.tensor)
            if box is None:
                continue
            high = access.rows_for(box - 1, box)[1]
            if layer.global_pool:
                high = np.full_like(high, access.extent.height)
            known = segment.needs.get(access.tensor)
            segment.needs[access.tensor] = high if known is None else np.maximum(known, high)

    def _account_output(self, segment: _Segment, layer: Layer) -> None:
        if segment.first == segment.last - 1:
            return
        tensor, network = layer.output, self.network
        begin = self.group_begin[segment.first]
        if network.last_use[tensor] >= segment.last or tensor in network.outputs:
            segment.other_outputs += network.bytes_of(tensor)
        elif all(self.group_begin[c] == begin for c in network.consumers[tensor]):
            segment.tiles[begin] = segment.tiles.get(begin, 0) + layer.extent.channels
        else:
            slots = self.slots.get(tensor, layer.extent.height)
            segment.rings[tensor] = slots * layer.extent.row_bytes

    def _is_legal(self, segment: _Segment) -> bool:
        """Row-fed: only the first stage may read the input."""
        if self.fed is None:
            return True
        if segment.first > 0:
            return self.fed not in segment.inputs
        return self.network.last_use[self.fed] < segment.last

    def _variants(self, segment: _Segment) -> Iterator[Candidate]:
        first, last, network = segment.first, segment.last, self.network
        single = last - first == 1
        mode = Mode.LAYER if single else Mode.STREAM
        feeds = self.fed is not None and first == 0
        if mode in self.options.modes or feeds:
            stage = layer_stage(network, first) if single else stream_stage(network, first, last)
            peak = self._stream_peak(segment, stage)
            yield Candidate(stage, peak, 0)
            if not single:
                yield from self._halo_variants(segment, peak)
                yield from self._strip_variants(segment)
        if single and self._can_run_in_place(segment):
            yield self._in_place(segment)
        if Mode.PATCH in self.options.modes and not single and not feeds:
            yield from self._patch_variants(segment)

    def _whole_bytes(self, segment: _Segment) -> int:
        """Tensors that are whole while the segment runs, its outputs included."""
        sink = self.network.bytes_of(self.network.layers[segment.last - 1].output)
        return self.alive[segment.first] + sink + segment.other_outputs

    def _stream_peak(self, segment: _Segment, stage: Stage) -> int:
        rings = sum(segment.rings.values())
        if self.fed is not None and segment.first == 0:
            extent = self.network.extents[self.fed]
            rings += self.slots[self.fed] * extent.row_bytes
        tiles = max(segment.tiles.values(), default=0)
        return (
            self._whole_bytes(segment)
            + rings
            + tiles
            + _accumulators(self.network, stage)
            + GROUP_STATE.itemsize * len(stage.groups)
            - self._shared(segment, stage)
        )

    def _shared(self, segment: _Segment, stage: Stage) -> int:
        """Bytes saved by writing the output over the input rows already consumed."""
        output = self.network.bytes_of(self.network.layers[segment.last - 1].output)
        best = 0
        for tensor in segment.inputs:
            if self.network.last_use[tensor] >= segment.last or tensor == self.fed:
                continue
            size = self.network.bytes_of(tensor)
            if size <= best:
                continue
            lead = max(self._lead(segment, stage, tensor), 0)
            best = max(best, size + output - max(size + lead, output))
        return best

    def _lead(self, segment: _Segment, stage: Stage, tensor: int) -> int:
        """How far the output must run ahead of an input that it overwrites."""
        final = self.network.layers[segment.last - 1]
        if len(stage.groups) == 1 and not stage.groups[0].accumulate:
            exact = overlaps(self.network, stage.groups[0])
            return exact[tensor, final.output].lead
        dead: np.ndarray | None = None
        for position in self.network.consumers[tensor]:
            layer = self.network.layers[position]
            rows = segment.needs.get(layer.output)
            if rows is None:
                return self.network.bytes_of(final.output)
            for access in layer.accesses:
                if access.tensor == tensor:
                    gone = _dead_rows(layer, access.reach, access.rows.stride, access.rows.pad, rows)
                    dead = gone if dead is None else np.minimum(dead, gone)
        assert dead is not None
        extent = self.network.extents[tensor]
        freed = np.clip(dead, 0, extent.height) * extent.row_bytes
        return int((np.arange(1, len(freed) + 1) * final.extent.row_bytes - freed).max())

    # ---- Other ways of running a segment ----

    def _can_run_in_place(self, segment: _Segment) -> bool:
        layer = self.network.layers[segment.first]
        op, access = self.network.graph.ops[layer.op], layer.accesses[0]
        same = layer.extent == access.extent and access.rows.stride == access.cols.stride == 1
        dies = self.network.last_use[access.tensor] == segment.first
        is_depthwise = op.kind is Kind.DEPTHWISE_CONV and not op.attributes.window.dilation_h > 1  # type: ignore[union-attr]
        allowed = Mode.LAYER in self.options.modes and access.tensor != self.fed
        return is_depthwise and same and dies and allowed

    def _in_place(self, segment: _Segment) -> Candidate:
        extent = self.network.layers[segment.first].extent
        peak = self.alive[segment.first] + extent.height * extent.width + GROUP_STATE.itemsize
        return Candidate(in_place_stage(self.network, segment.first), peak, 0)

    def _halo_variants(self, segment: _Segment, base: int) -> Iterator[Candidate]:
        """Recomputes the expansions that save most bytes per extra MAC, one more each time."""
        for tile in HALO_TILES:
            trades = []
            for layer in range(segment.first + 1, segment.last):
                trade = self._halo_trade(segment, layer, tile)
                if trade is not None:
                    trades.append((*trade, layer))
            trades.sort(key=lambda t: t[1] / t[0])
            chosen: dict[int, Halo] = {}
            saved = extra = scratch = 0
            for saving, cost, tile_bytes, layer in trades:
                chosen[layer] = tile
                saved, extra = saved + saving, extra + cost
                scratch = max(scratch, tile_bytes)
                if extra > MOST_OVERHEAD * segment.macs:
                    break
                stage = stream_stage(
                    self.network, segment.first, segment.last, halos=dict(chosen)
                )
                yield Candidate(stage, base - saved + scratch, extra)

    def _halo_trade(
        self, segment: _Segment, layer: int, tile: Halo
    ) -> tuple[int, int, int] | None:
        """(bytes of line buffers saved, extra MACs, bytes of the tile) of one halo group."""
        network = self.network
        expansion, windowed = network.layers[layer - 1], network.layers[layer]
        ring = segment.rings.get(expansion.output)
        if ring is None or windowed.is_pointwise or not expansion.is_pointwise:
            return None
        if network.consumers[expansion.output] != (layer,) or len(expansion.accesses) != 1:
            return None
        rows, cols = windowed.accesses[0].rows, windowed.accesses[0].cols
        tile_rows = (min(tile.rows, windowed.extent.height) - 1) * rows.stride + rows.span
        tile_cols = (min(tile.cols, windowed.extent.width) - 1) * cols.stride + cols.span
        source = expansion.accesses[0]
        kept = 0 if source.tensor in segment.inputs else tile_rows * source.extent.row_bytes
        kept = max(kept - segment.rings.get(source.tensor, 0), 0)
        if ring <= kept:
            return None
        group = Group(layer - 1, layer + 1, tile.rows, tile.cols)
        stage = Stage(Mode.STREAM, (group,))
        done = stage_macs(network, stage, self.macs)
        extra = done - self.macs[layer - 1] - self.macs[layer]
        pixels = tile_rows * tile_cols
        return ring - kept, max(extra, 0), pixels * expansion.extent.channels

    def _strip_variants(self, segment: _Segment) -> Iterator[Candidate]:
        if self.fed is not None and segment.first == 0:
            return
        layers = self.network.layers[segment.first : segment.last]
        flat = any(layer.global_pool or layer.extent.width < 2 for layer in layers)
        whole = any(a.reach is Reach.WHOLE for layer in layers for a in layer.accesses)
        if flat or whole or segment.other_outputs or not segment.rings:
            return
        rings = sum(segment.rings.values())
        for strips in STRIPS:
            if layers[-1].extent.width < 2 * strips:
                return
            stage = stream_stage(self.network, segment.first, segment.last, strips=strips)
            extra = stage_macs(self.network, stage, self.macs) - segment.macs
            if extra > MOST_OVERHEAD * segment.macs:
                return
            tiles = max(segment.tiles.values(), default=0)
            halo = 1 + extra / max(segment.macs, 1)
            state = GROUP_STATE.itemsize * len(stage.groups)
            peak = self._whole_bytes(segment) + int(rings * halo / strips) + tiles + state
            yield Candidate(stage, peak, extra)

    def _patch_variants(self, segment: _Segment) -> Iterator[Candidate]:
        layers = self.network.layers[segment.first : segment.last]
        if any(layer.global_pool for layer in layers) or segment.other_outputs:
            return
        if any(a.reach is not Reach.WINDOW for layer in layers for a in layer.accesses):
            return
        if len(layers) > MAX_GROUP_OPS:
            return
        grids = [(p, p) for p in PATCHES]
        for grid in [self.options.patches] if self.options.patches else grids:
            if layers[-1].extent.height < grid[0] or layers[-1].extent.width < grid[1]:
                continue
            stage = patch_stage(self.network, segment.first, segment.last, grid)
            extra = stage_macs(self.network, stage, self.macs) - segment.macs
            if extra > MOST_OVERHEAD * segment.macs:
                continue
            yield Candidate(stage, self._patch_peak(segment, stage), extra)

    def _patch_peak(self, segment: _Segment, stage: Stage) -> int:
        group = stage.groups[0]
        rows = row_needs(self.network, group)
        sizes = {}
        for layer in self.network.layers[segment.first : segment.last - 1]:
            height = rows[layer.output].longest
            width = min(
                layer.extent.width, -(-height * layer.extent.width // layer.extent.height)
            )
            sizes[layer.output] = height * width * layer.extent.channels
        live = [
            sum(
                size
                for t, size in sizes.items()
                if self.network.producer[t] <= at <= self.network.last_use[t]
            )
            for at in range(segment.first, segment.last)
        ]
        return self._whole_bytes(segment) + max(live, default=0) + GROUP_STATE.itemsize


def _dead_rows(layer: Layer, reach: Reach, stride: int, pad: int, rows: np.ndarray) -> np.ndarray:
    """Input rows that a layer needs no more once `rows` of its output rows are there."""
    if reach is not Reach.WINDOW or layer.global_pool:
        return np.where(rows >= layer.extent.height, np.iinfo(np.int32).max, 0)
    done = rows >= layer.extent.height
    return np.where(done, np.iinfo(np.int32).max, rows * stride - pad)


def _accumulators(network: Network, stage: Stage) -> int:
    return sum(
        4 * network.layers[g.last - 1].extent.row_bytes for g in stage.groups if g.accumulate
    )
