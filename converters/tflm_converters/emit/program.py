# SPDX-License-Identifier: Apache-2.0
"""Packs stages into a program: the bytes that the C runtime executes (tmc_program.h)."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np

from tflm_converters import arithmetic
from tflm_converters.emit import program_format as fmt
from tflm_converters.emit.parameters import (
    OpConstants,
    Parameters,
    add_constants,
    constant,
    is_lookup,
)
from tflm_converters.emit.program_format import NONE, OpFlag, OpKind, Storage
from tflm_converters.graph import (
    ConvAttributes,
    Kind,
    Op,
    PadAttributes,
    PoolAttributes,
    TransposeAttributes,
    Window,
)
from tflm_converters.memory.layout import Layout, Placement
from tflm_converters.memory.types import MemoryPlan
from tflm_converters.schedule.boxes import group_extent
from tflm_converters.schedule.layers import Extent, Layer
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.types import Group, Schedule, Stage

_KINDS = {
    Kind.CONV: OpKind.CONV,
    Kind.FULLY_CONNECTED: OpKind.CONV,
    Kind.DEPTHWISE_CONV: OpKind.DEPTHWISE,
    Kind.ADD: OpKind.ADD,
    Kind.MUL: OpKind.MUL,
    Kind.AVERAGE_POOL: OpKind.AVERAGE_POOL,
    Kind.MAX_POOL: OpKind.MAX_POOL,
    Kind.MEAN: OpKind.MEAN,
    Kind.SOFTMAX: OpKind.SOFTMAX,
    Kind.PAD: OpKind.PAD,
    Kind.CONCATENATION: OpKind.COPY,
    Kind.RESIZE_NEAREST: OpKind.RESIZE_NEAREST,
    Kind.TRANSPOSE: OpKind.TRANSPOSE,
    Kind.RESHAPE: OpKind.RESHAPE,
}


@dataclasses.dataclass(frozen=True)
class Program:
    """A packed program and where it lives.

    `base` and `arena_bytes` are the span of the arena that it uses; offsets inside the
    program count from `base`. `inputs` and `outputs` are graph tensors.
    """

    options: bytes
    parameters: bytes
    base: int
    arena_bytes: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def pack_program(
    network: Network,
    schedule: Schedule,
    layout: Layout,
    plan: MemoryPlan,
    stages: range,
) -> Program:
    """Packs consecutive stages (indices into `schedule.stages`) into one program."""
    return _Packer(network, schedule, layout, plan, stages).pack()


class _Packer:
    """Collects the arrays of one program."""

    def __init__(
        self,
        network: Network,
        schedule: Schedule,
        layout: Layout,
        plan: MemoryPlan,
        stages: range,
    ) -> None:
        self.network, self.schedule, self.layout, self.plan = network, schedule, layout, plan
        self.stages = stages
        self.parameters = Parameters()
        self.tensors: dict[tuple[int, int], tuple[Any, ...]] = {}
        self.ops: list[np.ndarray] = []
        self.groups: list[tuple[Any, ...]] = []
        self.packed_stages: list[tuple[Any, ...]] = []
        self.inputs, self.outputs = self._interface()
        self.base, self.arena_bytes = self._span()

    # ---- What crosses the border of the program, and the memory that it spans ----

    def _interface(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        first = self.schedule.stages[self.stages[0]].first
        last = self.schedule.stages[self.stages[-1]].last
        layers = self.network.layers[first:last]
        made = {t for layer in layers for t in layer.outputs}
        read = dict.fromkeys(a.tensor for layer in layers for a in layer.accesses)
        outside = [t for t in read if t not in made]
        leaving = [t for t in made if self._leaves(t, last)]
        return tuple(outside), tuple(sorted(leaving, key=self.network.producer.__getitem__))

    def _leaves(self, tensor: int, last: int) -> bool:
        return self.network.last_use[tensor] >= last or tensor in self.network.outputs

    def _span(self) -> tuple[int, int]:
        used = set()
        for (stage, _), placement in (*self._placements(), *self._auxiliaries()):
            if stage in self.stages:
                used.add(placement.buffer)
        used |= {self.layout.state[s] for s in self.stages}
        used |= {self.layout.whole[t] for t in self.outputs}
        if self.layout.fed_state is not None and self.stages[0] == 0:
            used.add(self.layout.fed_state)
        low = min(self.plan.offsets[b] for b in used)
        high = max(self.plan.offsets[b] + self.plan.buffers[b].size for b in used)
        return low, high - low

    def _placements(self) -> list[tuple[tuple[int, int], Placement]]:
        return list(self.layout.placements.items())

    def _auxiliaries(self) -> list[tuple[tuple[int, int], Placement]]:
        return list(self.layout.auxiliary.items())

    def _address(self, buffer: int) -> int:
        return self.plan.offsets[buffer] - self.base

    # ---- Arrays ----

    def pack(self) -> Program:
        fed = self.network.inputs[0] if self.schedule.row_fed and self.stages[0] == 0 else None
        for tensor in self.inputs:
            if tensor == fed:
                self._tensor(0, tensor, NONE)
            else:
                self._outside_tensor(tensor)
        for tensor in self.outputs:
            self._outside_tensor(tensor)
        for index in self.stages:
            self._stage(index, self.schedule.stages[index])
        return Program(
            self._bytes(fed),
            self.parameters.to_bytes(),
            self.base,
            self.arena_bytes,
            self.inputs,
            self.outputs,
        )

    def _bytes(self, fed: int | None) -> bytes:
        arrays = [
            np.array(list(self.tensors.values()), fmt.TENSOR),
            # Not np.concatenate, which leaves the bytes between fields as memory happened to be.
            np.frombuffer(b"".join(record.tobytes() for record in self.ops), fmt.OP),
            np.array(self.groups, fmt.GROUP),
            np.array(self.packed_stages, fmt.STAGE),
        ]
        header = np.zeros(1, fmt.HEADER)
        header["magic"], header["version"] = fmt.MAGIC, fmt.VERSION
        header["header_bytes"] = fmt.HEADER.itemsize
        header["program_bytes"] = fmt.HEADER.itemsize + sum(a.nbytes for a in arrays)
        header["parameter_bytes"] = len(self.parameters.to_bytes())
        header["arena_bytes"] = self.arena_bytes
        header["input_count"], header["output_count"] = len(self.inputs), len(self.outputs)
        header["row_fed_tensor"] = NONE if fed is None else 0
        if fed is not None:
            assert self.layout.fed_state is not None
            header["fed_state_offset"] = self._address(self.layout.fed_state)
        counts = ("tensor_count", "op_count", "group_count", "stage_count")
        for name, array in zip(counts, arrays, strict=True):
            header[name] = len(array)
        return b"".join(a.tobytes() for a in (header, *arrays))

    def _stage(self, index: int, stage: Stage) -> None:
        first_group = len(self.groups)
        timeline = self.layout.timelines[index]
        for g, group in enumerate(stage.groups):
            self._declare(index, group, first_group + g)
        for g, group in enumerate(stage.groups):
            first_op = len(self.ops)
            for position in range(group.first, group.last):
                self._layer(index, stage, group, position)
            extent = group_extent(self.network, group)
            self.groups.append(
                (
                    first_op,
                    len(self.ops) - first_op,
                    group.tile_rows,
                    group.tile_cols,
                    extent.height,
                    extent.width,
                    first_group + timeline.wake[g],
                    0,
                )
            )
        state = self._address(self.layout.state[index])
        self.packed_stages.append((first_group, len(stage.groups), stage.strips, 0, state))

    def _declare(self, index: int, group: Group, number: int) -> None:
        """Tensors that a group writes, before anyone refers to them."""
        for layer in self.network.layers[group.first : group.last]:
            self._tensor(index, layer.output, number)

    def _tensor(self, stage: int, tensor: int, producer: int) -> int:
        key = (stage, tensor)
        if key not in self.tensors:
            placement = self.layout.placements[key]
            self.tensors[key] = self._record(placement, self.network.extents[tensor], producer, 1)
        return list(self.tensors).index(key)

    def _outside_tensor(self, tensor: int) -> int:
        """A tensor that is whole before the stage begins."""
        key = (NONE, tensor)
        if key not in self.tensors:
            extent = self.network.extents[tensor]
            placement = Placement(
                self.layout.whole[tensor],
                0,
                extent.row_bytes,
                extent.height,
                extent.bytes,
                Storage.WHOLE,
            )
            self.tensors[key] = self._record(placement, extent, NONE, 1)
        return list(self.tensors).index(key)

    def _record(
        self, placement: Placement, extent: Extent, producer: int, element_size: int
    ) -> tuple[Any, ...]:
        return (
            self._address(placement.buffer) + placement.offset,
            placement.pitch,
            placement.bytes,
            *extent,
            placement.slots,
            producer,
            placement.storage,
            element_size,
        )

    def _operand(self, stage: int, tensor: int) -> int:
        known = (stage, tensor)
        if known in self.tensors:
            return list(self.tensors).index(known)
        return self._outside_tensor(tensor)

    # ---- Operators ----

    def _layer(self, index: int, stage: Stage, group: Group, position: int) -> None:
        layer = self.network.layers[position]
        op = self.network.graph.ops[layer.op]
        constants = add_constants(self.parameters, self.network.graph, op)
        record = self._op_record(op, layer, constants)
        record["output"] = self._operand(index, layer.output)
        if group.accumulate and position == group.last - 1:
            record["flags"] |= np.uint8(OpFlag.ACCUMULATE)
        if stage.in_place:
            record["flags"] |= np.uint8(OpFlag.IN_PLACE)
        if (index, position) in self.layout.auxiliary:
            record["auxiliary"] = self._auxiliary(index, position, layer, stage)
        operands = [self._operand(index, a.tensor) for a in layer.accesses]
        if op.kind is Kind.CONCATENATION:
            self._copies(record, layer, operands)
            return
        record["inputs"] = [*operands, NONE][: fmt.MAX_INPUTS]
        self.ops.append(record)

    def _copies(self, record: np.ndarray, layer: Layer, operands: list[int]) -> None:
        """A concatenation is one copy per input."""
        offset = 0
        for operand, access in zip(operands, layer.accesses, strict=True):
            copy = record.copy()
            copy["inputs"] = [operand, NONE]
            copy["channel_offset"] = offset
            offset += access.extent.channels
            self.ops.append(copy)

    def _auxiliary(self, index: int, position: int, layer: Layer, stage: Stage) -> int:
        placement = self.layout.auxiliary[index, position]
        channels = 1 if stage.in_place else layer.extent.channels
        extent = Extent(placement.slots, layer.extent.width, channels)
        key = (index, -2 - position)
        self.tensors[key] = self._record(placement, extent, NONE, 1 if stage.in_place else 4)
        return list(self.tensors).index(key)

    def _op_record(self, op: Op, layer: Layer, constants: OpConstants) -> np.ndarray:
        graph = self.network.graph
        record = np.zeros(1, fmt.OP)
        lookup = is_lookup(graph, op)
        record["kind"] = OpKind.LOOKUP if lookup else _KINDS[op.kind]
        record["flags"] = OpFlag.PER_TENSOR if constants.per_tensor else 0
        record["auxiliary"] = NONE
        record["inputs"] = NONE
        for name in ("weights", "bias", "requantization"):
            record[name] = getattr(constants, name)
        record["act_min"], record["act_max"] = -128, 127
        for name in ("kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w"):
            record[name] = 1
        record["depth_multiplier"] = 1
        if not lookup:
            self._quantization(record, op, layer)
            self._geometry(record, op, layer)
        return record

    def _quantization(self, record: np.ndarray, op: Op, layer: Layer) -> None:
        graph = self.network.graph
        zero_points = [
            arithmetic.quantization_of(graph, a.tensor).zero_point for a in layer.accesses
        ]
        output = arithmetic.quantization_of(graph, op.output)
        record["input_offset"] = -zero_points[0]
        record["input2_offset"] = -zero_points[1] if len(zero_points) > 1 else 0
        record["output_offset"] = output.zero_point
        activation = getattr(op.attributes, "activation", None)
        if activation is not None and op.kind is not Kind.CONCATENATION:
            low, high = arithmetic.activation_range(activation, output)
            record["act_min"], record["act_max"] = low, high

    def _geometry(self, record: np.ndarray, op: Op, layer: Layer) -> None:
        access = layer.accesses[0]
        if op.kind in (Kind.CONV, Kind.DEPTHWISE_CONV):
            attributes = cast(ConvAttributes, op.attributes)
            shape = constant(self.network.graph, op.inputs[1]).shape
            _window(record, attributes.window, shape[1], shape[2])
            record["depth_multiplier"] = attributes.depth_multiplier
        elif op.kind in (Kind.AVERAGE_POOL, Kind.MAX_POOL):
            pool = cast(PoolAttributes, op.attributes)
            _window(record, pool.window, pool.filter_h, pool.filter_w)
        elif op.kind in (Kind.FULLY_CONNECTED, Kind.MEAN):
            record["kernel_h"], record["kernel_w"] = access.rows.span, access.cols.span
        elif op.kind is Kind.RESIZE_NEAREST:
            record["stride_h"], record["stride_w"] = access.rows.repeat, access.cols.repeat
        elif op.kind is Kind.PAD:
            pad = cast(PadAttributes, op.attributes)
            record["pad_top"], record["pad_left"] = pad.pads[1][0], pad.pads[2][0]
            record["channel_offset"] = pad.pads[3][0]
            record["output_offset"] = pad.value
        elif op.kind is Kind.TRANSPOSE:
            permutation = cast(TransposeAttributes, op.attributes).permutation
            axes = [axis - 1 for axis in permutation[1:]]
            record["weights"] = self.parameters.add_array(axes, "<i4")


def _window(record: np.ndarray, window: Window, kernel_h: int, kernel_w: int) -> None:
    record["kernel_h"], record["kernel_w"] = kernel_h, kernel_w
    record["stride_h"], record["stride_w"] = window.stride_h, window.stride_w
    record["dilation_h"], record["dilation_w"] = window.dilation_h, window.dilation_w
    record["pad_top"], record["pad_left"] = window.padding.top, window.padding.left
