# SPDX-License-Identifier: Apache-2.0
"""Bytes alive while a run of layers executes as one stage, without simulating it.

For a fixed last layer, a `Segment` grows towards the input one layer at a time, so that
the costs of all runs of a network come out in quadratic time. The figures are estimates:
the memory planner gives the exact ones.
"""

from __future__ import annotations

import dataclasses
from itertools import accumulate

import numpy as np

from tflm_converters.emit.program_format import GROUP_STATE
from tflm_converters.memory.overlap import overlaps
from tflm_converters.schedule.cost import layer_macs
from tflm_converters.schedule.grouping import FINE, joins, stream_stage
from tflm_converters.schedule.layers import Access, Layer, Reach
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.simulate import simulate
from tflm_converters.schedule.types import Group

ALL_ROWS = np.iinfo(np.int32).max
"""More rows than any tensor has: the whole tensor is dead."""


class Tables:
    """What all segments of a network share. `fed` is the input that arrives row by row."""

    def __init__(self, network: Network, *, row_fed: bool) -> None:
        self.network = network
        self.fed = network.inputs[0] if row_fed else None
        self.macs = layer_macs(network)
        self.alive = [self._alive_before(i) for i in range(len(network.layers) + 1)]
        self.group_begin = _group_begins(network)
        self.slots = self._ring_slots(factors_given=False)
        self.slots_given = self._ring_slots(factors_given=True)
        self._peaks: dict[tuple[int, int], int] = {}
        starts = [int(begin == i) for i, begin in enumerate(self.group_begin)]
        self._starts = [0, *accumulate(starts)]
        pools = [4 * x.extent.row_bytes if x.global_pool else 0 for x in network.layers]
        self._accumulators = [0, *accumulate(pools)]

    def overhead(self, first: int, last: int) -> int:
        """Firing state and accumulators of layers [first, last), in bytes."""
        groups = self._starts[last] - self._starts[first + 1] + 1
        return GROUP_STATE.itemsize * groups + self._accumulators[last] - self._accumulators[first]

    def stream_peak(self, segment: Segment) -> int:
        """`segment.stream_peak()`, computed once."""
        key = (segment.first, segment.last)
        if key not in self._peaks:
            self._peaks[key] = segment.stream_peak()
        return self._peaks[key]

    def generous_limit(self) -> int:
        """Bytes that suffice to run layer by layer, every input and output whole."""
        fed = 0 if self.fed is None else self.network.bytes_of(self.fed)
        return fed + max(
            self.alive[i] + sum(self.network.bytes_of(t) for t in layer.outputs)
            for i, layer in enumerate(self.network.layers)
        )

    def is_one_group(self, first: int, last: int) -> bool:
        return self.group_begin[last - 1] <= first

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

    def _ring_slots(self, *, factors_given: bool) -> dict[int, int]:
        """Rows of each line buffer, were all layers streamed together.

        `factors_given`: the factors of squeeze-and-excite blocks are known beforehand.
        """
        slots: dict[int, int] = {}
        begin = 0
        stops = [i for i, layer in enumerate(self.network.layers) if layer.stock]
        for stop in [*stops, len(self.network.layers)]:
            if stop > begin:
                stage = stream_stage(self.network, begin, stop)
                fed = self.fed if begin == 0 else None
                timeline = simulate(self.network, stage, fed=fed, factors_given=factors_given)
                slots.update({t: rows.slots for t, rows in timeline.rows.items()})
            begin = stop + 1
        return slots


def _group_begins(network: Network) -> list[int]:
    """For each layer, where its group begins when everything is streamed."""
    begins: list[int] = []
    for layer in range(len(network.layers)):
        joined = layer > 0 and joins(network, begins[-1], layer)
        begins.append(begins[-1] if joined else layer)
    return begins


@dataclasses.dataclass(eq=False)
class Segment:
    """Layers [first, last), while `first` moves towards the input.

    `needs` gives, for each tensor, the rows needed up to each row of the last layer's
    output; `tiles` the bytes of each group's tiles.
    """

    tables: Tables
    last: int
    first: int = dataclasses.field(init=False)
    inputs: set[int] = dataclasses.field(default_factory=set)
    needs: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    tiles: dict[int, int] = dataclasses.field(default_factory=dict)
    other_outputs: int = 0
    macs: int = 0

    def __post_init__(self) -> None:
        self.first = self.last
        self._rings: dict[int, int] = {}
        self._rings_given: dict[int, int] = {}
        self._awaits_factor = False
        self._has_pool = False
        self.needs[self.final.output] = np.arange(1, self.final.extent.height + 1)

    @property
    def network(self) -> Network:
        return self.tables.network

    @property
    def final(self) -> Layer:
        return self.network.layers[self.last - 1]

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.network.layers[self.first : self.last]

    @property
    def is_fed(self) -> bool:
        """Whether this is the stage that the rows of the input arrive in."""
        return self.first == 0 and self.tables.fed is not None

    @property
    def rings(self) -> dict[int, int]:
        """Bytes of each line buffer.

        A product waits for its factor only if the pooling that the factor depends on is in
        the same segment; then its other operand piles up.
        """
        return self._rings if self._awaits_factor and self._has_pool else self._rings_given

    def extend(self) -> None:
        """Takes in the layer before the first one."""
        self.first -= 1
        layer = self.network.layers[self.first]
        self._has_pool |= layer.global_pool and self._awaits_factor
        self._awaits_factor |= any(a.reach is Reach.BROADCAST for a in layer.accesses)
        self.macs += self.tables.macs[self.first]
        if self.first < self.last - 1:
            self._account_output(layer)
        self.inputs.discard(layer.output)
        for access in layer.accesses:
            self.inputs.add(access.tensor)
            self._propagate(layer, access)

    def _propagate(self, layer: Layer, access: Access) -> None:
        box = self.needs.get(layer.output)
        if box is None:
            return
        high = access.rows_for(box - 1, box)[1]
        if layer.global_pool:
            high = np.full_like(high, access.extent.height)
        known = self.needs.get(access.tensor)
        self.needs[access.tensor] = high if known is None else np.maximum(known, high)

    def _account_output(self, layer: Layer) -> None:
        tensor, network = layer.output, self.network
        begin = self.tables.group_begin[self.first]
        if network.last_use[tensor] >= self.last or tensor in network.outputs:
            self.other_outputs += network.bytes_of(tensor)
        elif all(self.tables.group_begin[c] == begin for c in network.consumers[tensor]):
            self.tiles[begin] = self.tiles.get(begin, 0) + layer.extent.channels
        else:
            height, row_bytes = layer.extent.height, layer.extent.row_bytes
            self._rings[tensor] = self.tables.slots.get(tensor, height) * row_bytes
            self._rings_given[tensor] = self.tables.slots_given.get(tensor, height) * row_bytes

    # ---- Bytes ----

    def whole_bytes(self) -> int:
        """Tensors that are whole while the segment runs, its outputs included."""
        sink = self.network.bytes_of(self.final.output)
        return self.tables.alive[self.first] + sink + self.other_outputs

    def ring_bytes(self) -> int:
        fed = self.tables.fed
        ring = 0
        if self.is_fed and fed is not None:
            ring = self.tables.slots[fed] * self.network.extents[fed].row_bytes
        return sum(self.rings.values()) + ring

    def tile_bytes(self) -> int:
        return max(self.tiles.values(), default=0)

    def stream_peak(self) -> int:
        """Peak when the segment streams, rows of the output written over consumed input."""
        return (
            self.whole_bytes()
            + self.ring_bytes()
            + self.tile_bytes()
            + self.tables.overhead(self.first, self.last)
            - self._shared_bytes()
        )

    def _shared_bytes(self) -> int:
        """Bytes saved by writing the output over the input rows already consumed."""
        output = self.network.bytes_of(self.final.output)
        best = 0
        for tensor in self.inputs:
            if self.network.last_use[tensor] >= self.last or tensor == self.tables.fed:
                continue
            size = self.network.bytes_of(tensor)
            if size > best:
                lead = max(self._lead(tensor), 0)
                best = max(best, size + output - max(size + lead, output))
        return best

    def _lead(self, tensor: int) -> int:
        """How far the output must run ahead of an input that it overwrites."""
        if self.tables.is_one_group(self.first, self.last) and not self.final.global_pool:
            group = Group(self.first, self.last, 1, FINE)
            return overlaps(self.network, group)[tensor, self.final.output].lead
        dead: np.ndarray | None = None
        for position in self.network.consumers[tensor]:
            layer = self.network.layers[position]
            rows = self.needs.get(layer.output)
            if rows is None:
                return self.network.bytes_of(self.final.output)
            for access in layer.accesses:
                if access.tensor == tensor:
                    gone = _dead_rows(layer, access, rows)
                    dead = gone if dead is None else np.minimum(dead, gone)
        assert dead is not None
        extent = self.network.extents[tensor]
        freed = np.minimum(np.maximum(dead, 0), extent.height) * extent.row_bytes
        return int((np.arange(1, len(freed) + 1) * self.final.extent.row_bytes - freed).max())


def _dead_rows(layer: Layer, access: Access, rows: np.ndarray) -> np.ndarray:
    """Input rows that a layer needs no more once `rows` of its output rows are there."""
    done = rows >= layer.extent.height
    if access.reach is not Reach.WINDOW or layer.global_pool:
        return np.where(done, ALL_ROWS, 0)
    return np.where(done, ALL_ROWS, rows * access.rows.stride - access.rows.pad)
