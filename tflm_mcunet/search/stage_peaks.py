# SPDX-License-Identifier: Apache-2.0
"""Bytes alive while a run of layers executes as one stage: all runs of many networks at once.

The figures of `tflm_converters.schedule.segment`, to the byte, for the layers that networks of a
search are made of. There, a stage takes milliseconds to look at; here, some ten nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tflm_converters.emit.program_format import GROUP_STATE
from tflm_mcunet.search.layers import LayerKind, Layers
from tflm_mcunet.search.leads import (
    Output,
    Reading,
    lead_across_groups,
    lead_before_writer,
    lead_in_writer,
)

ABSENT = -1
"""No such layer."""

HUGE = 2**30
"""Bytes of a stage that cannot be."""


class StagePeaks:
    """Costs of the stages of a batch of networks.

    `streams(last)` and `in_place` are the candidates of the converter that compute nothing
    twice. `row_fed`: the input arrives row by row.
    """

    def __init__(self, layers: Layers, *, row_fed: bool) -> None:
        self.layers = layers
        self.row_fed = row_fed
        self.count = layers.kind.shape[1]
        self._rows = np.arange(len(layers.kind), dtype=np.int32)
        self._groups()
        self._residuals()
        self._tensors()
        self._affine_maps()
        self._readers()

    # ---- What all stages share --------------------------------------------------------------

    def _groups(self) -> None:
        """Which layers join the group of the layer before: all but windows."""
        layers = self.layers
        joined = layers.is_any(LayerKind.POINTWISE, LayerKind.ADD, LayerKind.MEAN)
        position = np.arange(self.count, dtype=np.int32)
        self.begins = ~joined
        self.group_begin = np.maximum.accumulate(np.where(self.begins, position, 0), axis=1)
        self._begun = _prefix_sums(self.begins)
        pooled = np.where(layers.is_any(LayerKind.MEAN), 4 * layers.row_bytes, 0)
        self._accumulators = _prefix_sums(pooled)

    def _residuals(self) -> None:
        """The ADD that reads a layer's output again, and what is held across each cut for one."""
        networks, adds = np.nonzero(self.layers.is_any(LayerKind.ADD))
        makers = adds - self.layers.skipped[networks, adds]
        self.added_at = np.full(self.layers.kind.shape, ABSENT, dtype=np.int32)
        self.added_at[networks, makers] = adds
        self.held = np.full((len(self._rows), self.count + 1), ABSENT, dtype=np.int32)
        for back in range(int(self.layers.skipped.max(initial=1)) - 1):
            cut = adds - back
            inside = cut - makers > 1
            self.held[networks[inside], cut[inside]] = makers[inside]

    def _tensors(self) -> None:
        """Bytes of line buffers and of tiles, and of what is alive before each layer."""
        layers = self.layers
        slots = np.minimum(self._slots(), layers.height)
        is_ring = slots > 0
        self._rings = np.where(is_ring, slots * layers.row_bytes, 0)
        self._ring_sums = _prefix_sums(self._rings)
        self._tiles = np.where(is_ring, 0, layers.channels)
        sizes = np.column_stack([layers.input_shapes.prod(axis=1, dtype=np.int32), layers.bytes])
        self._made_before = sizes.copy()
        if self.row_fed:
            self._made_before[:, 0] = 0
        self._held_bytes = self._at_held(layers.bytes)
        self.alive = self._made_before + self._held_bytes
        # What is held across the end of a stage is whole there, and no line buffer.
        self._unbuffered = self._held_bytes - self._at_held(self._rings)

    def _slots(self) -> np.ndarray:
        """Rows of each output that a line buffer must hold; 0 if the output is a tile."""
        layers = self.layers
        reader = _shifted(self.begins, fill=False)
        slots = np.where(reader, _shifted(_window_slots(layers), fill=0), 0)
        # An ADD waits for the windowed layer of its block, one or two layers behind.
        networks, makers = np.nonzero(self.added_at >= 0)
        windowed = self.added_at[networks, makers] - 2
        wait = (layers.kernel_rows - layers.pad_top)[networks, windowed]
        slots[networks, makers] = np.maximum(slots[networks, makers], wait)
        return np.asarray(slots)

    def _fed_bytes(self) -> np.ndarray:
        """Bytes of the line buffer that the fed rows go through."""
        row_bytes = self.layers.input_shapes[:, 1] * self.layers.input_shapes[:, 2]
        return np.asarray(_window_slots(self.layers)[:, 0] * row_bytes)

    def _affine_maps(self) -> None:
        """Rows of layer c that y rows of layer l need: scale[l] / scale[c] * y + offset."""
        layers = self.layers
        scale = np.cumprod(np.maximum(layers.stride_rows, 1), axis=1, dtype=np.int32)
        before = np.column_stack([np.ones_like(self._rows), scale[:, :-1]])
        reach = layers.kernel_rows - layers.pad_top - layers.stride_rows
        self._scale = scale
        self._offset = np.cumsum(reach * before, axis=1, dtype=np.int32)
        self._reading_fields = {
            "height": layers.in_height,
            "row_bytes": layers.in_width * layers.in_channels,
            "channels": layers.in_channels,
            "stride_rows": np.maximum(layers.stride_rows, 1),
            "stride_cols": np.maximum(layers.stride_cols, 1),
            "pad_top": layers.pad_top,
            "pad_left": layers.pad_left,
            "reader_height": layers.height,
            "scale": self._scale,
            "offset": self._offset,
        }

    def _at_held(self, values: np.ndarray) -> np.ndarray:
        """A value of the layer whose output is held across each cut; 0 where none is."""
        found = np.take_along_axis(values, np.maximum(self.held, 0), axis=1)
        return np.where(self.held >= 0, found, 0)

    # ---- Stages -------------------------------------------------------------------------------

    def in_place(self) -> np.ndarray:
        """Peak of each layer by itself, its output over its input; huge if it cannot be."""
        layers = self.layers
        strided = (layers.stride_rows > 1) | (layers.stride_cols > 1)
        is_possible = layers.is_any(LayerKind.DEPTHWISE) & ~strided
        peak = self.alive[:, :-1] + layers.height * layers.width + GROUP_STATE.itemsize
        return np.where(is_possible & (self._chain_end < 0), peak, HUGE)

    def streams(self, *, alone: bool = False) -> Iterator[tuple[int, np.ndarray]]:
        """For each last layer + 1, the peaks (networks, last) of stages by their first layer.

        `alone`: only the stages of a single layer, peaks (networks, 1), which takes less time.
        """
        sums = np.zeros((len(self._rows), self.count), dtype=np.int32)
        largest = sums.copy()
        fed = self._fed_bytes() if self.row_fed else None
        for last in range(1, self.count + 1):
            if last > 1:
                self._add_tile(last - 2, sums, largest)
            low = last - 1 if alone else 0
            yield last, self._peaks(low, last, largest[:, low:last], fed)

    def _add_tile(self, layer: int, sums: np.ndarray, largest: np.ndarray) -> None:
        """Takes the output of a layer into the tiles of all stages that contain it."""
        sums[self.begins[:, layer], : layer + 1] = 0
        sums[:, : layer + 1] += self._tiles[:, layer, None]
        np.maximum(largest, sums, out=largest)

    def _peaks(self, low: int, last: int, tiles: np.ndarray, fed: np.ndarray | None) -> np.ndarray:
        """Peaks of the stages that begin with the layers [low, last)."""
        first = np.arange(low, last, dtype=np.int32)
        rings = self._ring_sums[:, last - 1, None] - self._ring_sums[:, low:last]
        groups = self._begun[:, last, None] - self._begun[:, low + 1 : last + 1] + 1
        pools = self._accumulators[:, last, None] - self._accumulators[:, low:last]
        peaks = self.alive[:, low:last] + self.layers.bytes[:, last - 1, None] + rings + tiles
        peaks += GROUP_STATE.itemsize * groups + pools
        held = self.held[:, last, None]
        peaks += np.where((held >= first) & (held < last - 1), self._unbuffered[:, last, None], 0)
        if fed is not None and low == 0:
            peaks[:, 0] += fed
        return peaks - self._shared(low, last)

    # ---- What an output saves by overwriting an input -------------------------------------------

    def _readers(self) -> None:
        """Who reads the two inputs that a stage may have, seen from its first layer.

        The chain is the output of the layer before the stage; the reader that is done last counts,
        an ADD if there is one. What is held is an earlier output, which only an ADD still reads.
        """
        layers = self.layers
        position = np.broadcast_to(np.arange(self.count, dtype=np.int32), layers.kind.shape)
        self._chain_end = np.column_stack([np.full_like(self._rows, ABSENT), self.added_at[:, :-1]])
        self._first_reader = self._reading(position)
        ends = np.maximum(self._chain_end, position)
        self._chain_adder = self._reading(ends)
        # A windowed layer that reads the same as an ADD lags behind it.
        windowed = layers.is_any(LayerKind.DEPTHWISE)
        self._chain_reader = self._reading(np.where(windowed, position, ends))
        maker = np.maximum(self.held[:, :-1], 0)
        adder = np.where(
            self.held[:, :-1] >= 0, np.take_along_axis(self.added_at, maker, axis=1), self.count - 1
        )
        self._held_end = np.where(self.held[:, :-1] >= 0, adder, self.count)
        self._adder = self._reading(adder)
        windowed = np.take_along_axis(layers.kind, maker + 1, axis=1) == LayerKind.DEPTHWISE
        reader = np.where(windowed, maker + 1, adder)
        # Further on, what is held cannot be overwritten: its rows are read in two stages.
        networks, firsts = np.nonzero((self.held[:, :-1] >= 0) & (maker + 2 == position))
        order = np.argsort(firsts, kind="stable")
        self._behind = networks[order], firsts[order]
        self._held_reader = self._reading(reader).at(self._behind)

    def _reading(self, reader: np.ndarray) -> Reading:
        return Reading(
            position=reader,
            **{
                name: np.take_along_axis(values, reader, axis=1)
                for name, values in self._reading_fields.items()
            },
        )

    def _shared(self, low: int, last: int) -> np.ndarray:
        """Bytes saved by writing the output over the input rows already consumed."""
        output = self._output(last)
        lead = self._chain_lead(low, last, output)
        saved = _saved(self._made_before[:, low:last], output.bytes, lead)
        saved *= self._chain_end[:, low:last] < last
        self._share_held_across_groups(saved, low, last, output)
        self._share_held_inside_group(saved, low, last, output)
        return saved

    def _share_held_across_groups(
        self, saved: np.ndarray, low: int, last: int, output: Output
    ) -> None:
        networks, firsts = self._behind
        some = slice(*np.searchsorted(firsts, [low, last]))
        networks, firsts = networks[some], firsts[some]
        output = output.of(networks)
        lead = lead_across_groups(self._held_reader.at(some), output)
        more = _saved(self._held_bytes[networks, firsts], output.bytes, lead)
        more *= self._held_end[networks, firsts] < last
        more *= ~self._is_one_group(low, last)[networks, firsts - low]
        saved[networks, firsts - low] = np.maximum(saved[networks, firsts - low], more)

    def _share_held_inside_group(
        self, saved: np.ndarray, low: int, last: int, output: Output
    ) -> None:
        near = self._near(low, last)
        dies = self._is_one_group(near, last) & (self._held_end[:, near:last] < last)
        if dies.any():
            lead = self._lead_of_adds(self._adder, near, last, output)
            more = dies * _saved(self._held_bytes[:, near:last], output.bytes, lead)
            saved[:, near - low :] = np.maximum(saved[:, near - low :], more)

    def _output(self, last: int) -> Output:
        layers, column = self.layers, slice(last - 1, last)
        return Output(
            layers.height[:, column],
            layers.width[:, column],
            layers.channels[:, column],
            self._scale[:, column],
            self._offset[:, column],
            position=last - 1,
        )

    def _chain_lead(self, low: int, last: int, output: Output) -> np.ndarray:
        lead = lead_across_groups(self._chain_reader.at(np.s_[:, low:last]), output)
        near = self._near(low, last)
        one_group = self._is_one_group(near, last)
        inside = lead_before_writer(self._first_reader.at(np.s_[:, near:last]), output)
        inside[:, -1:] = lead_in_writer(self._first_reader.at(np.s_[:, last - 1 : last]), output)
        # Within a group, an ADD reads the same input again if a block has no expansion.
        ends = self._chain_end[:, near:last]
        if (one_group & (ends >= 0) & (ends < last)).any():
            inside = np.maximum(inside, self._lead_of_adds(self._chain_adder, near, last, output))
        lead[:, near - low :] = np.where(one_group, inside, lead[:, near - low :])
        return lead

    def _lead_of_adds(self, readers: Reading, near: int, last: int, output: Output) -> np.ndarray:
        """The lead in stages that are one group, begin with [near, last) and contain an ADD."""
        reading = readers.at(np.s_[:, near:last])
        # An ADD that is the last layer writes each pixel over the one that it has just read.
        is_last = reading.position == output.position
        return np.where(is_last, 0, lead_before_writer(reading, output))

    def _near(self, low: int, last: int) -> int:
        """The first layer, from `low` on, of any stage that is one group."""
        return max(int(self.group_begin[:, last - 1].min()), low)

    def _is_one_group(self, low: int, last: int) -> np.ndarray:
        """Which stages that begin with [low, last) are one group that is no pooling."""
        is_pool = self.layers.kind[:, last - 1, None] == LayerKind.MEAN
        first = np.arange(low, last, dtype=np.int32)
        return (self.group_begin[:, last - 1, None] <= first) & ~is_pool


def _saved(size: np.ndarray, output: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """Bytes saved by an output that lies `lead` bytes below an input of `size` bytes."""
    return np.maximum(size + output - np.maximum(size + np.maximum(lead, 0), output), 0)


def _window_slots(layers: Layers) -> np.ndarray:
    """Rows of its input that a windowed layer needs at once."""
    kernel, stride, pad = layers.kernel_rows, np.maximum(layers.stride_rows, 1), layers.pad_top
    padded = -(-pad // stride)  # windows that begin in the padding
    top = padded * stride - pad
    among_padding = np.where(padded > 0, top - stride + kernel, 0)
    inside = np.minimum(kernel, layers.in_height - top)
    return np.maximum(inside, np.minimum(among_padding, layers.in_height))


def _prefix_sums(values: np.ndarray) -> np.ndarray:
    """Sums of the values before each position; one column more than `values`."""
    return np.pad(np.cumsum(values, axis=1, dtype=np.int32), ((0, 0), (1, 0)))


def _shifted(values: np.ndarray, *, fill: int | bool) -> np.ndarray:
    """The values of the next layer."""
    return np.pad(values[:, 1:], ((0, 0), (0, 1)), constant_values=fill)
