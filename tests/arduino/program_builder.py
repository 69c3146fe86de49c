# SPDX-License-Identifier: Apache-2.0
"""Packs a graph and a hand-written schedule into a program, for tests of the runtime.

Buffers lie one after the other with a gap of guard bytes after each, so that a row too many
shows. The converter's own lowering, which plans memory, is tflm_converters.emit.program.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tflm_converters import arithmetic
from tflm_converters.emit import program_format as fmt
from tflm_converters.emit.parameters import Parameters, add_constants, is_lookup
from tflm_converters.emit.program_format import NONE, OpFlag, OpKind, Storage
from tflm_converters.graph import (
    ABSENT,
    Activation,
    ConvAttributes,
    Graph,
    Kind,
    MeanAttributes,
    Op,
    PadAttributes,
    PoolAttributes,
    TransposeAttributes,
    Window,
)

GUARD = 8
"""Bytes between two buffers, which no one may write."""

KINDS = {
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
class Group:
    """Graph operators that run together, tile by tile; whole tensors without a tile."""

    ops: Sequence[int]
    tile: tuple[int, int] | None = None
    flags: OpFlag = OpFlag(0)  # of the last operator


@dataclasses.dataclass(frozen=True)
class Stage:
    groups: Sequence[Group]
    strips: int = 1


@dataclasses.dataclass(frozen=True)
class Buffer:
    """How a tensor is stored if not whole: `slots` rows of `columns` pixels."""

    storage: Storage
    slots: int
    columns: int


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """A packed program as arrays of records, which a test may change before it packs them."""

    header: np.ndarray
    tensors: np.ndarray
    ops: np.ndarray
    groups: np.ndarray
    stages: np.ndarray
    parameters: bytes
    graph: Graph
    index: Mapping[int, int]  # graph tensor to program tensor

    @property
    def options(self) -> bytes:
        arrays = (self.header, self.tensors, self.ops, self.groups, self.stages)
        return b"".join(array.tobytes() for array in arrays)

    def tensor(self, graph_tensor: int) -> Any:
        """The record of a graph's tensor; it may be changed."""
        return self.tensors[self.index[graph_tensor]]


def per_layer(graph: Graph) -> list[Stage]:
    """Every operator in a stage of its own."""
    return [Stage([Group([i])]) for i in range(len(graph.ops))]


def build_program(
    graph: Graph,
    stages: Sequence[Stage],
    buffers: Mapping[int, Buffer] | None = None,
    *,
    fed: int | None = None,
) -> Program:
    """Packs a schedule. Tensors that are not in `buffers` are whole; `fed` arrives by rows."""
    return _Builder(graph, stages, buffers or {}, fed).build()


def extent_of(graph: Graph, tensor: int) -> tuple[int, int, int]:
    """Height, width and channels."""
    shape = graph.tensors[tensor].shape
    return (1, 1, shape[-1]) if len(shape) == 2 else shape[1:4]  # type: ignore[return-value]


def operands_of(graph: Graph, op: Op) -> list[int]:
    """The inputs that are activations."""
    return [t for t in op.inputs if t != ABSENT and not graph.tensors[t].is_constant]


class _Builder:
    def __init__(
        self,
        graph: Graph,
        stages: Sequence[Stage],
        buffers: Mapping[int, Buffer],
        fed: int | None,
    ) -> None:
        self.graph, self.stages, self.buffers, self.fed = graph, stages, buffers, fed
        self.parameters = Parameters()
        self.arena_bytes = 0
        made = [op.output for op in graph.ops]
        inner = [t for t in made if t not in graph.outputs]
        self.index = {t: i for i, t in enumerate((*graph.inputs, *graph.outputs, *inner))}
        self.tensors = [self._tensor(t) for t in self.index]
        self.ops: list[np.ndarray] = []
        self.groups: list[tuple[Any, ...]] = []
        self.packed_stages: list[tuple[Any, ...]] = []

    def build(self) -> Program:
        for stage in self.stages:
            self._stage(stage)
        arrays = (
            np.array(self.tensors, fmt.TENSOR),
            np.concatenate(self.ops),
            np.array(self.groups, fmt.GROUP),
            np.array(self.packed_stages, fmt.STAGE),
        )
        self._wake(*arrays[:3])
        parameters = self.parameters.to_bytes()
        return Program(
            self._header(arrays, len(parameters)), *arrays, parameters, self.graph, self.index
        )

    def _header(self, arrays: Sequence[np.ndarray], parameter_bytes: int) -> np.ndarray:
        header = np.zeros(1, fmt.HEADER)
        header["magic"], header["version"] = fmt.MAGIC, fmt.VERSION
        header["header_bytes"] = fmt.HEADER.itemsize
        header["program_bytes"] = fmt.HEADER.itemsize + sum(a.nbytes for a in arrays)
        header["parameter_bytes"] = parameter_bytes
        header["row_fed_tensor"] = NONE if self.fed is None else self.index[self.fed]
        header["fed_state_offset"] = 0 if self.fed is None else self._allocate(2)
        header["arena_bytes"] = self.arena_bytes
        header["input_count"] = len(self.graph.inputs)
        header["output_count"] = len(self.graph.outputs)
        names = ("tensor_count", "op_count", "group_count", "stage_count")
        for name, array in zip(names, arrays, strict=True):
            header[name] = len(array)
        return header

    def _allocate(self, count: int) -> int:
        offset = self.arena_bytes
        self.arena_bytes = (offset + count + GUARD + 3) // 4 * 4
        return offset

    def _tensor(self, tensor: int) -> tuple[Any, ...]:
        height, width, channels = extent_of(self.graph, tensor)
        buffer = self.buffers.get(tensor, Buffer(Storage.WHOLE, height, width))
        pitch = buffer.columns * channels
        size = buffer.slots * pitch
        extent = (height, width, channels)
        return self._allocate(size), pitch, size, *extent, buffer.slots, NONE, buffer.storage, 1

    def _stage(self, stage: Stage) -> None:
        first = len(self.groups)
        for group in stage.groups:
            self._group(group)
        state = self._allocate(len(stage.groups) * fmt.GROUP_STATE.itemsize)
        self.packed_stages.append((first, len(stage.groups), stage.strips, 0, state))

    def _group(self, group: Group) -> None:
        first_op = len(self.ops)
        for i in group.ops:
            op = self.graph.ops[i]
            flags = group.flags if i == group.ops[-1] else OpFlag(0)
            self.ops += self._records(op, flags)
            output = list(self.tensors[self.index[op.output]])
            output[fmt.TENSOR.names.index("producer")] = len(self.groups)  # type: ignore[union-attr]
            self.tensors[self.index[op.output]] = tuple(output)
        last = self.graph.ops[group.ops[-1]]
        is_accumulated = OpFlag.ACCUMULATE in group.flags
        extent = extent_of(self.graph, last.inputs[0] if is_accumulated else last.output)
        tile = group.tile or extent[:2]
        count = len(self.ops) - first_op
        self.groups.append((first_op, count, *tile, *extent[:2], len(self.groups), 0))

    def _records(self, op: Op, flags: OpFlag) -> list[np.ndarray]:
        record = np.zeros(1, fmt.OP)
        fields = op_fields(self.graph, op, self.parameters)
        for name, value in (fields | {"flags": fields["flags"] | flags}).items():
            record[name] = value
        record["output"] = self.index[op.output]
        record["auxiliary"] = self._auxiliary(op, flags)
        operands = [self.index[t] for t in operands_of(self.graph, op)]
        if op.kind is Kind.CONCATENATION:
            return self._copies(record, op, operands)
        record["inputs"] = [*operands, NONE][: fmt.MAX_INPUTS]
        return [record]

    def _copies(self, record: np.ndarray, op: Op, operands: Sequence[int]) -> list[np.ndarray]:
        copies, offset = [], 0
        for operand, tensor in zip(operands, op.inputs, strict=True):
            copy = record.copy()
            copy["inputs"], copy["channel_offset"] = [operand, NONE], offset
            offset += extent_of(self.graph, tensor)[2]
            copies.append(copy)
        return copies

    def _auxiliary(self, op: Op, flags: OpFlag) -> int:
        height, width, channels = extent_of(self.graph, op.output)
        if OpFlag.ACCUMULATE in flags:
            size, extent, element = 4 * width * channels, (1, width, channels), 4
        elif OpFlag.IN_PLACE in flags:
            size, extent, element = height * width, (height, width, 1), 1
        else:
            return NONE
        pitch = size // extent[0]
        record = (self._allocate(size), pitch, size, *extent, extent[0], NONE, 0, element)
        self.tensors.append(record)
        return len(self.tensors) - 1

    def _wake(self, tensors: np.ndarray, ops: np.ndarray, groups: np.ndarray) -> None:
        """Each group wakes the deepest one that reads what it writes."""
        for reader, group in enumerate(groups):
            for op in ops[group["first_op"] :][: group["op_count"]]:
                for tensor in op["inputs"]:
                    producer = tensors[tensor]["producer"] if tensor != NONE else NONE
                    if producer != NONE:
                        groups[producer]["wake"] = max(groups[producer]["wake"], reader)
        self._keep_wakes_in_stages(groups)

    def _keep_wakes_in_stages(self, groups: np.ndarray) -> None:
        for first, count, *_ in self.packed_stages:
            last = first + count - 1
            groups["wake"][first : last + 1] = np.minimum(groups["wake"][first : last + 1], last)


def op_fields(graph: Graph, op: Op, parameters: Parameters) -> dict[str, Any]:
    """The attributes of an operator as fields of `tmc_op`, tensors excepted."""
    constants = add_constants(parameters, graph, op)
    fields: dict[str, Any] = {
        "kind": OpKind.LOOKUP if is_lookup(graph, op) else KINDS[op.kind],
        "flags": OpFlag.PER_TENSOR if constants.per_tensor else OpFlag(0),
        "weights": constants.weights,
        "bias": constants.bias,
        "requantization": constants.requantization,
    }
    return fields | _quantization_fields(graph, op) | _geometry_fields(graph, op, parameters)


def _quantization_fields(graph: Graph, op: Op) -> dict[str, Any]:
    operands = operands_of(graph, op)
    zero_points = [arithmetic.quantization_of(graph, t).zero_point for t in operands]
    output = arithmetic.quantization_of(graph, op.output)
    activation = getattr(op.attributes, "activation", Activation.NONE)
    least, greatest = arithmetic.activation_range(activation, output)
    return {
        "input_offset": -zero_points[0],
        "input2_offset": -zero_points[1] if len(zero_points) > 1 else 0,
        "output_offset": output.zero_point,
        "act_min": least,
        "act_max": greatest,
    }


def _geometry_fields(graph: Graph, op: Op, parameters: Parameters) -> dict[str, Any]:
    height, width, _ = extent_of(graph, op.inputs[0])
    match op.attributes:
        case ConvAttributes(window=window, depth_multiplier=multiplier):
            kernel = graph.tensors[op.inputs[1]].shape[1:3]
            return _window_fields(window, *kernel) | {"depth_multiplier": multiplier}
        case PoolAttributes(window=window, filter_h=kernel_h, filter_w=kernel_w):
            return _window_fields(window, kernel_h, kernel_w)
        case MeanAttributes(axes=axes):
            kernel = (height if 1 in axes else 1, width if 2 in axes else 1)
            return _window_fields(Window(), *kernel)
        case PadAttributes(pads=pads, value=value):
            places = {"pad_top": pads[1][0], "pad_left": pads[2][0]}
            return places | {"channel_offset": pads[3][0], "output_offset": value}
        case TransposeAttributes(permutation=permutation):
            axes = [axis - 1 for axis in permutation[1:]]
            return {"weights": parameters.add_array(axes, "<i4")}
    if op.kind is Kind.FULLY_CONNECTED:
        return _window_fields(Window(), height, width)
    if op.kind is Kind.RESIZE_NEAREST:
        output = extent_of(graph, op.output)
        return {"stride_h": output[0] // height, "stride_w": output[1] // width}
    return {}


def _window_fields(window: Window, kernel_h: int, kernel_w: int) -> dict[str, Any]:
    return {
        "kernel_h": kernel_h,
        "kernel_w": kernel_w,
        "stride_h": window.stride_h,
        "stride_w": window.stride_w,
        "dilation_h": window.dilation_h,
        "dilation_w": window.dilation_w,
        "pad_top": window.padding.top,
        "pad_left": window.padding.left,
    }
