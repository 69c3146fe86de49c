# SPDX-License-Identifier: Apache-2.0
"""From a schedule to buffers: what needs memory, how much, and when.

Every tensor, line buffer, tile and accumulator becomes a `Buffer` whose bands are live
from the tick that writes them to the tick that reads them last.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_converters.emit.program_format import GROUP_STATE, Storage
from tflm_converters.memory.bands import one_band, row_bands, slot_bands
from tflm_converters.memory.overlap import Overlap, overlaps
from tflm_converters.memory.tiles import pack_tiles
from tflm_converters.memory.types import WORD, Buffer, Role
from tflm_converters.schedule.boxes import escaping
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.simulate import Timeline, simulate
from tflm_converters.schedule.strips import column_ranges, group_cols
from tflm_converters.schedule.types import Group, Mode, Schedule, Stage


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a stage finds a tensor: `offset` bytes into a buffer, one row every `pitch`."""

    buffer: int
    offset: int
    pitch: int
    slots: int
    bytes: int
    storage: Storage


@dataclasses.dataclass(eq=False)
class Layout:
    """All buffers of a schedule, and where each stage finds its tensors in them.

    `placements` is keyed by (stage, tensor), `auxiliary` by (stage, layer); `state` gives
    the buffer of each stage's firing state. `whole` maps a tensor that is held whole to
    its buffer. `overlaps` are the pairs that may share memory within one firing.
    """

    buffers: list[Buffer] = dataclasses.field(default_factory=list)
    placements: dict[tuple[int, int], Placement] = dataclasses.field(default_factory=dict)
    auxiliary: dict[tuple[int, int], Placement] = dataclasses.field(default_factory=dict)
    state: dict[int, int] = dataclasses.field(default_factory=dict)
    whole: dict[int, int] = dataclasses.field(default_factory=dict)
    overlaps: dict[tuple[int, int], Overlap] = dataclasses.field(default_factory=dict)
    timelines: list[Timeline] = dataclasses.field(default_factory=list)
    starts: list[int] = dataclasses.field(default_factory=list)
    fed_state: int | None = None

    def scratch_of(self, stage: int) -> set[int]:
        """Buffers that only this stage uses: line buffers, tiles, accumulators, state."""
        used = {p.buffer for (s, _), p in self.placements.items() if s == stage}
        used |= {p.buffer for (s, _), p in self.auxiliary.items() if s == stage}
        return {
            *used - set(self.whole.values()),
            *([self.state[stage]] if stage in self.state else []),
        }

    def add(self, buffer: Buffer) -> int:
        self.buffers.append(buffer)
        return len(self.buffers) - 1


def lay_out(network: Network, schedule: Schedule) -> Layout:
    """Collects the buffers of a schedule."""
    layout = Layout()
    fed = network.inputs[0] if schedule.row_fed else None
    _simulate_all(network, schedule, layout, fed)
    for tensor in _whole_tensors(network, schedule, fed):
        _add_whole(network, schedule, layout, tensor)
    for index, stage in enumerate(schedule.stages):
        if stage.mode is not Mode.STOCK:
            _add_stage(network, layout, index, stage, fed if index == 0 else None)
    for index, stage in enumerate(schedule.stages):
        layout.overlaps.update(_stage_overlaps(network, layout, index, stage))
    return layout


def _simulate_all(network: Network, schedule: Schedule, layout: Layout, fed: int | None) -> None:
    tick = 1  # tick 0: the inputs are there
    for index, stage in enumerate(schedule.stages):
        timeline = simulate(network, stage, fed=fed if index == 0 else None)
        layout.timelines.append(timeline)
        layout.starts.append(tick)
        tick += timeline.ticks * stage.strips
    layout.starts.append(tick)


# ---- Tensors that are held whole ---------------------------------------------------------


def _whole_tensors(network: Network, schedule: Schedule, fed: int | None) -> list[int]:
    """Inputs, outputs and everything that crosses from one stage to another."""
    tensors = [t for t in network.inputs if t != fed]
    for stage in schedule.stages:
        for layer in network.layers[stage.first : stage.last]:
            tensors += [t for t in layer.outputs if stage_escapes(network, stage, t)]
    return tensors


def stage_escapes(network: Network, stage: Stage, tensor: int) -> bool:
    """Whether a tensor that a stage writes must be held whole for somebody outside of it."""
    stock = stage.mode is Mode.STOCK
    return stock or network.last_use[tensor] >= stage.last or tensor in network.outputs


def _add_whole(network: Network, schedule: Schedule, layout: Layout, tensor: int) -> None:
    written, read = _row_lives(network, schedule, layout, tensor)
    row_bytes = network.bytes_of(tensor) // len(read)
    shared = _shared_in_place(network, schedule, tensor)
    if shared is not None:
        _extend_life(layout, layout.whole[shared], read, row_bytes)
        layout.whole[tensor] = layout.whole[shared]
        return
    bands = row_bands(written, read, row_bytes)
    buffer = Buffer(network.name_of(tensor), Role.TENSOR, network.bytes_of(tensor), bands, WORD)
    layout.whole[tensor] = layout.add(buffer)


def _extend_life(layout: Layout, index: int, read: np.ndarray, row_bytes: int) -> None:
    """Lets the rows of a buffer, in which another tensor takes the place of one, live longer."""
    known = layout.buffers[index]
    rows = np.arange(len(read)) * row_bytes
    written = known.bands[np.searchsorted(known.bands[:, 1], rows, side="right"), 2]
    bands = row_bands(written, read, row_bytes)
    layout.buffers[index] = dataclasses.replace(known, bands=bands)


def _shared_in_place(network: Network, schedule: Schedule, tensor: int) -> int | None:
    """The input whose buffer an in-place layer reuses for this output."""
    maker = network.producer.get(tensor)
    for stage in schedule.stages:
        if stage.in_place and stage.first == maker:
            return network.layers[maker].accesses[0].tensor
    return None


def _row_lives(
    network: Network, schedule: Schedule, layout: Layout, tensor: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ticks that write the rows of a whole tensor, and that read them last."""
    extent = network.extents[tensor]
    written = np.zeros(extent.height, dtype=np.int64)
    read = np.zeros(extent.height, dtype=np.int64)
    for index, stage in enumerate(schedule.stages):
        rows = layout.timelines[index].rows.get(tensor)
        if rows is None:
            continue
        start = layout.starts[index]
        last_strip = (stage.strips - 1) * layout.timelines[index].ticks
        if network.producer.get(tensor, -1) in range(stage.first, stage.last):
            written = rows.written + start
        read = np.maximum(read, rows.read + start + last_strip)
        if stage.mode is Mode.STOCK:
            read = np.maximum(read, np.full_like(read, start))
    read = np.maximum(read, written)
    if tensor in network.outputs:
        read = np.full_like(read, layout.starts[-1])
    return written, read


# ---- What a stage needs besides ------------------------------------------------------------


def _add_stage(network: Network, layout: Layout, index: int, stage: Stage, fed: int | None) -> None:
    ranges = column_ranges(network, stage)
    if fed is not None:
        _add_ring(network, layout, index, stage, fed, network.extents[fed].width)
    for g, group in enumerate(stage.groups):
        widths = _widest(network, group, [r[g] for r in ranges])
        for tensor in escaping(network, group):
            if not stage_escapes(network, stage, tensor):
                _add_ring(network, layout, index, stage, tensor, widths[tensor])
        _add_auxiliary(network, layout, index, stage, g)
    for tensor in _outside_tensors(network, stage):
        if tensor in layout.whole:
            layout.placements[index, tensor] = _whole_placement(network, layout, tensor)
    _add_tiles(network, layout, index, stage, ranges)
    _add_state(layout, index, stage, fed)


def _outside_tensors(network: Network, stage: Stage) -> list[int]:
    layers = network.layers[stage.first : stage.last]
    return [t for layer in layers for t in (*(a.tensor for a in layer.accesses), *layer.outputs)]


def _whole_placement(network: Network, layout: Layout, tensor: int) -> Placement:
    extent = network.extents[tensor]
    return Placement(
        layout.whole[tensor], 0, extent.row_bytes, extent.height, extent.bytes, Storage.WHOLE
    )


def _widest(network: Network, group: Group, ranges: list[tuple[int, int]]) -> dict[int, int]:
    """Columns stored of what a group writes, in its widest strip."""
    width = max(end - begin for begin, end in ranges)
    extents = {t: network.extents[t].width for t in escaping(network, group)}
    full = group_cols(network, group)
    return {t: w if width == full else min(w, width) for t, w in extents.items()}


def _add_ring(
    network: Network, layout: Layout, index: int, stage: Stage, tensor: int, width: int
) -> None:
    rows = layout.timelines[index].rows[tensor]
    pitch = width * network.extents[tensor].channels
    start, slots = layout.starts[index], rows.slots
    if stage.strips == 1:
        bands = slot_bands(rows.written + start, rows.read + start, slots, pitch)
    else:
        end = layout.starts[index + 1] - 1
        bands = one_band(slots * pitch, start, end)
    buffer = layout.add(
        Buffer(network.name_of(tensor), Role.LINE_BUFFER, slots * pitch, bands, WORD)
    )
    extent = network.extents[tensor]
    is_whole = slots == extent.height and width == extent.width
    storage = Storage.WHOLE if is_whole else Storage.RING
    layout.placements[index, tensor] = Placement(buffer, 0, pitch, slots, slots * pitch, storage)


def _add_auxiliary(network: Network, layout: Layout, index: int, stage: Stage, g: int) -> None:
    group = stage.groups[g]
    layer = network.layers[group.last - 1]
    if group.accumulate:
        size, element = layer.extent.width * layer.extent.channels * 4, 4
    elif stage.in_place:
        size, element = layer.extent.height * layer.extent.width, 1
    else:
        return
    start, firings = layout.starts[index], layout.timelines[index].firings[g]
    name = f"{network.name_of(layer.output)} accumulator"
    bands = one_band(size, start + int(firings[0]), start + int(firings[-1]))
    buffer = layout.add(Buffer(name, Role.ACCUMULATOR, size, bands, WORD))
    pitch = layer.extent.row_bytes * 4 if element == 4 else layer.extent.width
    slots = 1 if element == 4 else layer.extent.height
    layout.auxiliary[index, group.last - 1] = Placement(
        buffer, 0, pitch, slots, size, Storage.WHOLE
    )


def _add_state(layout: Layout, index: int, stage: Stage, fed: int | None) -> None:
    start, end = layout.starts[index], layout.starts[index + 1] - 1
    size = GROUP_STATE.itemsize * len(stage.groups)
    bands = one_band(size, start, end)
    layout.state[index] = layout.add(
        Buffer(f"state of stage {index}", Role.STATE, size, bands, WORD)
    )
    if fed is not None:
        # The counter outlives the stage: it says that the next row begins a new image.
        whole_run = one_band(WORD, 0, layout.starts[-1])
        layout.fed_state = layout.add(Buffer("rows fed", Role.STATE, WORD, whole_run, WORD))


# ---- Tiles: what lives only while a group fires ---------------------------------------------


def _add_tiles(
    network: Network,
    layout: Layout,
    index: int,
    stage: Stage,
    ranges: list[list[tuple[int, int]]],
) -> None:
    """One scratch buffer serves the tiles of all groups of a stage: they fire in turn."""
    packed = [
        pack_tiles(network, group, tuple(r[g] for r in ranges))
        for g, group in enumerate(stage.groups)
    ]
    size = max(tiles.size for tiles in packed)
    if size == 0:
        return
    start, end = layout.starts[index], layout.starts[index + 1] - 1
    bands = one_band(size, start, end)
    buffer = layout.add(Buffer(f"tiles of stage {index}", Role.TILE, size, bands, WORD))
    for tiles in packed:
        for tensor, (offset, shape) in tiles.tensors.items():
            layout.placements[index, tensor] = Placement(
                buffer, offset, shape.row_bytes, shape.height, shape.bytes, Storage.TILE
            )


# ---- Pairs that may overlap within one firing --------------------------------------------------


def _stage_overlaps(
    network: Network, layout: Layout, index: int, stage: Stage
) -> dict[tuple[int, int], Overlap]:
    if stage.strips > 1 or stage.mode is Mode.STOCK or stage.in_place:
        return {}
    found: dict[tuple[int, int], Overlap] = {}
    for group in stage.groups:
        for (source, target), overlap in overlaps(network, group).items():
            if source in layout.whole and target in layout.whole:
                found[layout.whole[source], layout.whole[target]] = overlap
    return found
