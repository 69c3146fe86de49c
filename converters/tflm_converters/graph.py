# SPDX-License-Identifier: Apache-2.0
"""The intermediate representation: one immutable graph of tensors and operators.

Passes take a `Graph` and return a new one. Activations are NHWC with batch 1, as in
TensorFlow Lite; padding is always explicit, so that a symmetric PAD before a strided
convolution can be absorbed although the builtin SAME could not express it.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

ABSENT = -1
"""Index of an optional input that is not there, e.g. the bias of a convolution."""


class Kind(enum.Enum):
    """What an operator computes. The set is closed: all else is PASS_THROUGH."""

    CONV = "CONV_2D"
    DEPTHWISE_CONV = "DEPTHWISE_CONV_2D"
    FULLY_CONNECTED = "FULLY_CONNECTED"
    ADD = "ADD"
    MUL = "MUL"
    AVERAGE_POOL = "AVERAGE_POOL_2D"
    MAX_POOL = "MAX_POOL_2D"
    MEAN = "MEAN"
    PAD = "PAD"
    RESHAPE = "RESHAPE"
    SOFTMAX = "SOFTMAX"
    CONCATENATION = "CONCATENATION"
    RESIZE_NEAREST = "RESIZE_NEAREST_NEIGHBOR"
    LOGISTIC = "LOGISTIC"
    HARD_SWISH = "HARD_SWISH"
    RELU = "RELU"
    RELU6 = "RELU6"
    TRANSPOSE = "TRANSPOSE"
    QUANTIZE = "QUANTIZE"
    DEQUANTIZE = "DEQUANTIZE"
    PROGRAM = "TFLM_MCUNET"  # our custom operator: a run of stages, see emit/program.py
    PASS_THROUGH = "PASS_THROUGH"


class Activation(enum.Enum):
    """Activation fused into an operator; values as in the TensorFlow Lite schema."""

    NONE = 0
    RELU = 1
    RELU_N1_TO_1 = 2
    RELU6 = 3


@dataclasses.dataclass(frozen=True)
class Padding:
    """Rows and columns of padding around the input, in pixels; may not be negative."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


@dataclasses.dataclass(frozen=True)
class Window:
    """How a two-dimensional operator walks over its input."""

    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    padding: Padding = Padding()


@dataclasses.dataclass(frozen=True)
class ConvAttributes:
    """CONV_2D (weights O,H,W,I) and DEPTHWISE_CONV_2D (weights 1,H,W,O)."""

    window: Window
    activation: Activation = Activation.NONE
    depth_multiplier: int = 1  # depthwise only


@dataclasses.dataclass(frozen=True)
class FullyConnectedAttributes:
    """FULLY_CONNECTED, weights (O, I)."""

    activation: Activation = Activation.NONE
    keep_num_dims: bool = False


@dataclasses.dataclass(frozen=True)
class ElementwiseAttributes:
    """ADD and MUL."""

    activation: Activation = Activation.NONE


@dataclasses.dataclass(frozen=True)
class PoolAttributes:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""

    window: Window
    filter_h: int
    filter_w: int
    activation: Activation = Activation.NONE


@dataclasses.dataclass(frozen=True)
class MeanAttributes:
    """MEAN; axes are non-negative and sorted."""

    axes: tuple[int, ...]
    keep_dims: bool


@dataclasses.dataclass(frozen=True)
class PadAttributes:
    """PAD and PADV2: (before, after) for each axis, and the quantized value written there."""

    pads: tuple[tuple[int, int], ...]
    value: int


@dataclasses.dataclass(frozen=True)
class SoftmaxAttributes:
    beta: float = 1.0


@dataclasses.dataclass(frozen=True)
class ConcatenationAttributes:
    """CONCATENATION; the axis is non-negative."""

    axis: int
    activation: Activation = Activation.NONE


@dataclasses.dataclass(frozen=True)
class ResizeAttributes:
    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclasses.dataclass(frozen=True)
class TransposeAttributes:
    permutation: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class ProgramAttributes:
    """Our custom operator: the packed program (see arduino/TFLM_MCUNet/src/tmc_program.h)."""

    options: bytes


@dataclasses.dataclass(frozen=True)
class PassThroughAttributes:
    """An operator we do not interpret: kept byte for byte, never fused."""

    operator_name: str
    is_custom: bool
    source: Any  # the schema's OperatorT
    opcode: Any  # the schema's OperatorCodeT
    intermediates: tuple[Tensor | None, ...] = ()  # quantizations of values inside the operator


@dataclasses.dataclass(frozen=True)
class NoAttributes:
    """RESHAPE, LOGISTIC, HARD_SWISH, RELU, RELU6, QUANTIZE, DEQUANTIZE."""


Attributes = (
    ConvAttributes
    | FullyConnectedAttributes
    | ElementwiseAttributes
    | PoolAttributes
    | MeanAttributes
    | PadAttributes
    | SoftmaxAttributes
    | ConcatenationAttributes
    | ResizeAttributes
    | TransposeAttributes
    | ProgramAttributes
    | PassThroughAttributes
    | NoAttributes
)


@dataclasses.dataclass(frozen=True, eq=False)
class Quantization:
    """Affine quantization, real = scale * (q - zero_point); per tensor when it has one scale.

    `scales` is float32 and `zero_points` int32, both of shape (1,) or (channels,);
    `axis` is the dimension that the channels run along.
    """

    scales: np.ndarray
    zero_points: np.ndarray
    axis: int = 0

    @property
    def scale(self) -> float:
        """The single scale of a per-tensor quantization."""
        return float(self.scales[0])

    @property
    def zero_point(self) -> int:
        """The single zero point of a per-tensor quantization."""
        return int(self.zero_points[0])


@dataclasses.dataclass(frozen=True, eq=False)
class Tensor:
    """A value: an activation (`data` is None), or a constant held in flash.

    `dtype` is NumPy's name for the element type, or "int4" or "resource", which NumPy lacks;
    constants of these two are kept as the bytes (uint8) that the file holds. Variable
    tensors keep their content from one inference to the next and are never moved or shared.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: np.ndarray | None = None
    is_variable: bool = False

    @property
    def is_constant(self) -> bool:
        return self.data is not None

    @property
    def byte_count(self) -> int:
        """Bytes in memory, as TFLM counts them (it unpacks "int4" activations)."""
        item_bytes = {"int4": 1, "resource": 4}.get(self.dtype) or np.dtype(self.dtype).itemsize
        return math.prod(self.shape) * item_bytes


@dataclasses.dataclass(frozen=True, eq=False)
class Op:
    """One operator; inputs and outputs are indices into `Graph.tensors`."""

    kind: Kind
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attributes: Attributes = NoAttributes()
    version: int = 1

    @property
    def output(self) -> int:
        return self.outputs[0]


@dataclasses.dataclass(frozen=True, eq=False)
class Graph:
    """A model: tensors, operators in execution order, and what crosses its border.

    `rest` carries what the reader met but does not interpret (further subgraphs,
    metadata, signatures, the description), so that the writer can put it back.
    """

    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    name: str = "main"
    rest: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def replace(self, **changes: Any) -> Graph:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def producer_of(self) -> dict[int, int]:
        """Tensor index to the index of the operator that writes it."""
        return {tensor: i for i, op in enumerate(self.ops) for tensor in op.outputs}

    def consumers_of(self) -> dict[int, list[int]]:
        """Tensor index to the operators that read it, in execution order."""
        consumers: dict[int, list[int]] = {}
        for i, op in enumerate(self.ops):
            for tensor in dict.fromkeys(op.inputs):
                if tensor != ABSENT:
                    consumers.setdefault(tensor, []).append(i)
        return consumers

    def activations(self) -> Iterator[int]:
        """Indices of the tensors that need SRAM: graph inputs, then what operators write."""
        yield from (t for t in self.inputs if not self.tensors[t].is_constant)
        for op in self.ops:
            yield from op.outputs

    def describe(self, op_index: int) -> str:
        """How error messages name an operator: its position, kind and output tensor."""
        op = self.ops[op_index]
        kind = op.kind.value
        if isinstance(op.attributes, PassThroughAttributes):
            kind = op.attributes.operator_name
        name = self.tensors[op.outputs[0]].name if op.outputs else "no output"
        return f"operator {op_index} {kind} (output tensor '{name}')"
