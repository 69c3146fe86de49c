# SPDX-License-Identifier: Apache-2.0
"""How each operator reads its inputs, row by row and column by column.

A `Layer` is an operator as the scheduler sees it: which box of each input a box of its
output needs. Everything the scheduler and the simulator know about convolutions, pooling
or concatenation is in here.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple, cast

import numpy as np

from tflm_converters.graph import (
    ABSENT,
    ConcatenationAttributes,
    ConvAttributes,
    Graph,
    Kind,
    MeanAttributes,
    Op,
    PadAttributes,
    PoolAttributes,
    ResizeAttributes,
    TransposeAttributes,
)


class Extent(NamedTuple):
    """Height, width and channels of a tensor; batch is 1."""

    height: int
    width: int
    channels: int

    @property
    def row_bytes(self) -> int:
        return self.width * self.channels

    @property
    def bytes(self) -> int:
        return self.height * self.width * self.channels


class Reach(enum.Enum):
    """Which part of an input an output box needs."""

    WINDOW = "window"
    BROADCAST = "broadcast"  # the input is one pixel
    WHOLE = "whole"  # all of it, e.g. TRANSPOSE


@dataclasses.dataclass(frozen=True)
class Axis:
    """How one axis of the output maps to the input: stride, reach of the window, padding.

    Output positions [a, b) need inputs [a * stride - pad, (b - 1) * stride - pad + span),
    or [a // repeat, (b - 1) // repeat + 1) when the layer repeats its input.
    """

    span: int = 1
    stride: int = 1
    pad: int = 0
    repeat: int = 1

    @cached_property
    def is_identity(self) -> bool:
        return self == Axis()

    def needs(
        self, begin: np.ndarray, end: np.ndarray, extent: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Input positions [low, high) for output positions [begin, end), clipped to the input."""
        if self.repeat > 1:
            return begin // self.repeat, (end - 1) // self.repeat + 1
        low = begin * self.stride - self.pad
        high = (end - 1) * self.stride - self.pad + self.span
        # np.clip costs three times as much on arrays of this size.
        return np.minimum(np.maximum(low, 0), extent), np.minimum(np.maximum(high, 0), extent)


@dataclasses.dataclass(frozen=True)
class Access:
    """How a layer reads one of its inputs."""

    tensor: int
    extent: Extent
    rows: Axis = Axis()
    cols: Axis = Axis()
    reach: Reach = Reach.WINDOW

    @cached_property
    def is_pointwise(self) -> bool:
        """Whether an output pixel needs just the input pixel at its place."""
        aligned = self.rows.is_identity and self.cols.is_identity
        return self.reach is Reach.BROADCAST or (self.reach is Reach.WINDOW and aligned)

    def rows_for(self, begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Input rows [low, high) that output rows [begin, end) need."""
        return self._along(self.rows, self.extent.height, begin, end)

    def cols_for(self, begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Input columns [low, high) that output columns [begin, end) need."""
        return self._along(self.cols, self.extent.width, begin, end)

    def _along(
        self, axis: Axis, extent: int, begin: np.ndarray, end: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        if self.reach is Reach.WINDOW:
            return axis.needs(begin, end, extent)
        return np.zeros_like(begin), np.full_like(end, extent)


@dataclasses.dataclass(frozen=True)
class Layer:
    """An operator that the runtime executes, or (`stock`) one that TFLite-Micro executes.

    `elementwise`: an output pixel may be written over the input pixel it came from.
    `global_pool`: sums over all rows, so that it can accumulate its input as it comes.
    """

    op: int
    accesses: tuple[Access, ...]
    outputs: tuple[int, ...]
    extent: Extent
    stock: bool = False
    elementwise: bool = False
    global_pool: bool = False

    @property
    def output(self) -> int:
        return self.outputs[0]

    @cached_property
    def is_pointwise(self) -> bool:
        return all(access.is_pointwise for access in self.accesses)


Extents = dict[int, Extent]
Builder = Callable[[Graph, Op, Extents], tuple[Access, ...] | None]


def extent_of_shape(shape: tuple[int, ...]) -> Extent | None:
    """A shape as height, width, channels; None when it has a batch or too many axes."""
    if len(shape) == 1:
        return Extent(1, 1, shape[0])
    if not 2 <= len(shape) <= 4 or shape[0] != 1:
        return None
    height = shape[1] if len(shape) > 2 else 1
    width = shape[2] if len(shape) > 3 else 1
    return Extent(height, width, shape[-1])


def build_layer(graph: Graph, op_index: int, extents: Extents) -> Layer:
    """The layer of an operator; extends `extents` by the operator's outputs.

    Operators that the runtime cannot execute become stock layers.
    """
    op = graph.ops[op_index]
    accesses = _BUILDERS[op.kind](graph, op, extents) if op.kind in _BUILDERS else None
    extent = _output_extent(graph, op, extents)
    if accesses is None or extent is None or not _is_int8(graph, op):
        return _stock_layer(graph, op_index, extents)
    extents[op.output] = extent
    return Layer(
        op=op_index,
        accesses=accesses,
        outputs=op.outputs,
        extent=extent,
        elementwise=op.kind in _ELEMENTWISE,
        global_pool=_is_global_pool(op, accesses, extent),
    )


def _stock_layer(graph: Graph, op_index: int, extents: Extents) -> Layer:
    op = graph.ops[op_index]
    for tensor in op.outputs:
        extents[tensor] = flat_extent(graph, tensor)
    accesses = tuple(
        Access(t, extents.get(t, flat_extent(graph, t)), reach=Reach.WHOLE)
        for t in dict.fromkeys(op.inputs)
        if t != ABSENT and not graph.tensors[t].is_constant and not graph.tensors[t].is_variable
    )
    extent = extents[op.output] if op.outputs else Extent(1, 1, 1)
    return Layer(op_index, accesses, op.outputs, extent, stock=True)


def flat_extent(graph: Graph, tensor: int) -> Extent:
    """The extent of an int8 tensor; of all others, their bytes in one row."""
    info = graph.tensors[tensor]
    extent = extent_of_shape(info.shape) if info.dtype == "int8" else None
    return extent or Extent(1, 1, info.byte_count)


def _is_int8(graph: Graph, op: Op) -> bool:
    """Whether all activations are int8 and quantized per tensor."""
    tensors = [graph.tensors[t] for t in (*_activations(graph, op), *op.outputs)]
    return all(
        t.dtype == "int8" and t.quantization is not None and len(t.quantization.scales) == 1
        for t in tensors
    )


def _activations(graph: Graph, op: Op) -> list[int]:
    return [t for t in op.inputs if t != ABSENT and not graph.tensors[t].is_constant]


def _output_extent(graph: Graph, op: Op, extents: Extents) -> Extent | None:
    shape = graph.tensors[op.output].shape if len(op.outputs) == 1 else ()
    if op.kind is Kind.MEAN and op.inputs[0] in extents:
        return _reduced(op, extents[op.inputs[0]], len(graph.tensors[op.inputs[0]].shape))
    return extent_of_shape(shape)


def _reduced(op: Op, extent: Extent, rank: int) -> Extent:
    over_rows, over_cols = _mean_axes(op, extent, rank)
    return Extent(
        1 if over_rows else extent.height, 1 if over_cols else extent.width, extent.channels
    )


def _mean_axes(op: Op, extent: Extent, rank: int) -> tuple[bool, bool]:
    """Whether a MEAN runs over rows and over columns of the input as we see it."""
    axes = cast(MeanAttributes, op.attributes).axes
    if rank == 4:
        return 1 in axes, 2 in axes
    # Rank 3 comes from a MEAN without keep_dims: the axis it left is the one above 1.
    return 1 in axes and extent.width == 1, 1 in axes and extent.width > 1


def _is_global_pool(op: Op, accesses: tuple[Access, ...], output: Extent) -> bool:
    if op.kind not in (Kind.MEAN, Kind.AVERAGE_POOL):
        return False
    rows, cols, extent = accesses[0].rows, accesses[0].cols, accesses[0].extent
    # Padding behind the input may leave room for a second window, which covers less.
    whole_rows = rows.span == extent.height and rows.pad == 0 and output.height == 1
    whole_cols = cols.span == extent.width and cols.pad == 0 and output.width == 1
    per_column = op.kind is Kind.MEAN and cols.is_identity
    return whole_rows and (whole_cols or per_column)


# ---- One builder per kind: the accesses, or None when the runtime cannot execute it ----


def _conv(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    extent, weights = extents.get(op.inputs[0]), graph.tensors[op.inputs[1]]
    constants = all(t == ABSENT or graph.tensors[t].is_constant for t in op.inputs[1:])
    if extent is None or not constants or weights.dtype != "int8" or len(weights.shape) != 4:
        return None
    if op.kind is Kind.CONV and weights.shape[3] != extent.channels:
        return None  # grouped convolution: left to TFLite-Micro
    attributes = cast(ConvAttributes, op.attributes)
    window, padding = attributes.window, attributes.window.padding
    span_h = (weights.shape[1] - 1) * window.dilation_h + 1
    span_w = (weights.shape[2] - 1) * window.dilation_w + 1
    rows = Axis(span_h, window.stride_h, padding.top)
    return (Access(op.inputs[0], extent, rows, Axis(span_w, window.stride_w, padding.left)),)


def _fully_connected(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    extent, weights = extents.get(op.inputs[0]), graph.tensors[op.inputs[1]]
    constants = all(t == ABSENT or graph.tensors[t].is_constant for t in op.inputs[1:])
    output = extent_of_shape(graph.tensors[op.output].shape)
    if extent is None or output is None or not constants or weights.dtype != "int8":
        return None
    if weights.shape[-1] != extent.bytes or output != Extent(1, 1, weights.shape[0]):
        return None
    return (Access(op.inputs[0], extent, Axis(extent.height), Axis(extent.width)),)


def _pool(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    extent = extents.get(op.inputs[0])
    if extent is None:
        return None
    attributes = cast(PoolAttributes, op.attributes)
    window, padding = attributes.window, attributes.window.padding
    rows = Axis(attributes.filter_h, window.stride_h, padding.top)
    return (
        Access(
            op.inputs[0], extent, rows, Axis(attributes.filter_w, window.stride_w, padding.left)
        ),
    )


def _mean(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    extent, rank = extents.get(op.inputs[0]), len(graph.tensors[op.inputs[0]].shape)
    axes = cast(MeanAttributes, op.attributes).axes
    allowed = {4: {1, 2}, 3: {1}}.get(rank, set())
    if extent is None or not axes or not set(axes) <= allowed:
        return None
    over_rows, over_cols = _mean_axes(op, extent, rank)
    rows = Axis(extent.height) if over_rows else Axis()
    return (Access(op.inputs[0], extent, rows, Axis(extent.width) if over_cols else Axis()),)


def _elementwise(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    output = extent_of_shape(graph.tensors[op.output].shape)
    constants = [t for t in op.inputs if graph.tensors[t].is_constant]
    if output is None or any(np.prod(graph.tensors[t].shape) != 1 for t in constants):
        return None  # a constant operand becomes a lookup table only when it is one number
    accesses = []
    for tensor in op.inputs:
        if tensor in constants:
            continue
        extent = extents.get(tensor)
        if extent is None:
            return None
        if extent == output:
            accesses.append(Access(tensor, extent))
        elif extent[:2] == (1, 1) and extent.channels in (1, output.channels):
            accesses.append(Access(tensor, extent, reach=Reach.BROADCAST))
        else:
            return None
    return tuple(accesses) if accesses else None


def _lookup(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    extent = extents.get(op.inputs[0])
    return None if extent is None else (Access(op.inputs[0], extent),)


def _pad(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    extent, pads = extents.get(op.inputs[0]), cast(PadAttributes, op.attributes).pads
    if extent is None or len(pads) != 4 or pads[0] != (0, 0):
        return None
    return (Access(op.inputs[0], extent, Axis(pad=pads[1][0]), Axis(pad=pads[2][0])),)


def _concatenation(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    rank = len(graph.tensors[op.output].shape)
    along_channels = cast(ConcatenationAttributes, op.attributes).axis == rank - 1
    parts = [extents.get(t) for t in op.inputs]
    if not along_channels or any(part is None for part in parts):
        return None
    return tuple(Access(t, cast(Extent, part)) for t, part in zip(op.inputs, parts, strict=True))


def _resize(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    extent, output = extents.get(op.inputs[0]), extent_of_shape(graph.tensors[op.output].shape)
    if extent is None or output is None or op.attributes != ResizeAttributes():
        return None
    if output.height % extent.height or output.width % extent.width:
        return None
    rows = Axis(repeat=output.height // extent.height)
    return (Access(op.inputs[0], extent, rows, Axis(repeat=output.width // extent.width)),)


def _transpose(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    extent = extents.get(op.inputs[0])
    permutation = cast(TransposeAttributes, op.attributes).permutation
    if extent is None or len(permutation) != 4 or permutation[0] != 0:
        return None
    return (Access(op.inputs[0], extent, reach=Reach.WHOLE),)


def _reshape(graph: Graph, op: Op, extents: Extents) -> tuple[Access, ...] | None:
    extent = extents.get(op.inputs[0])
    return None if extent is None else (Access(op.inputs[0], extent, reach=Reach.WHOLE),)


_BUILDERS: dict[Kind, Builder] = {
    Kind.CONV: _conv,
    Kind.DEPTHWISE_CONV: _conv,
    Kind.FULLY_CONNECTED: _fully_connected,
    Kind.ADD: _elementwise,
    Kind.MUL: _elementwise,
    Kind.AVERAGE_POOL: _pool,
    Kind.MAX_POOL: _pool,
    Kind.MEAN: _mean,
    Kind.PAD: _pad,
    Kind.RESHAPE: _reshape,
    Kind.SOFTMAX: _lookup,
    Kind.CONCATENATION: _concatenation,
    Kind.RESIZE_NEAREST: _resize,
    Kind.LOGISTIC: _lookup,
    Kind.HARD_SWISH: _lookup,
    Kind.RELU: _lookup,
    Kind.RELU6: _lookup,
    Kind.QUANTIZE: _lookup,
    Kind.TRANSPOSE: _transpose,
}

_ELEMENTWISE = {
    Kind.ADD,
    Kind.MUL,
    Kind.LOGISTIC,
    Kind.HARD_SWISH,
    Kind.RELU,
    Kind.RELU6,
    Kind.QUANTIZE,
}
