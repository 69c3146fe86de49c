# SPDX-License-Identifier: Apache-2.0
"""From the schema's operators to the kinds of the intermediate representation.

Only int8 operators on at most four dimensions with batch 1 are interpreted; all others,
and those whose parameters are computed at run time, stay pass-through.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from ai_edge_litert import schema_py_generated as tflite

from tflm_converters import geometry
from tflm_converters.errors import ModelFileError
from tflm_converters.graph import (
    ABSENT,
    Activation,
    Attributes,
    ConcatenationAttributes,
    ConvAttributes,
    ElementwiseAttributes,
    FullyConnectedAttributes,
    Kind,
    MeanAttributes,
    NoAttributes,
    Op,
    PadAttributes,
    PassThroughAttributes,
    PoolAttributes,
    ProgramAttributes,
    ResizeAttributes,
    SoftmaxAttributes,
    Tensor,
    TransposeAttributes,
    Window,
)
from tflm_converters.schema import BUILTIN_NAMES, PROGRAM_OPERATOR, text


def builtin_code(opcode: Any) -> int:
    """The number of an operator; old files have it in the deprecated field only."""
    return max(opcode.builtinCode, opcode.deprecatedBuiltinCode)


def operator_name(opcode: Any) -> tuple[str, bool]:
    """The name of an operator, and whether it is a custom one."""
    code = builtin_code(opcode)
    if code == tflite.BuiltinOperator.CUSTOM:
        return text(opcode.customCode), True
    return BUILTIN_NAMES.get(code, str(code)), False


@dataclasses.dataclass(frozen=True, eq=False)
class SourceOperator:
    """One operator as the file gives it."""

    index: int
    source: Any  # OperatorT
    opcode: Any  # OperatorCodeT
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...]
    tensors: Sequence[Tensor]

    @property
    def place(self) -> str:
        """How errors name it, as `Graph.describe` does."""
        name = self.tensors[self.outputs[0]].name if self.outputs else "no output"
        return f"operator {self.index} {operator_name(self.opcode)[0]} (output tensor '{name}')"

    def input(self, position: int) -> Tensor | None:
        """The tensor at an input position; None if it is absent."""
        if position >= len(self.inputs) or self.inputs[position] == ABSENT:
            return None
        return self.tensors[self.inputs[position]]

    def constant(self, position: int) -> np.ndarray | None:
        """The value of a constant input; None if it is absent or computed."""
        tensor = self.input(position)
        return None if tensor is None else tensor.data

    def fail(self, problem: str) -> NoReturn:
        raise ModelFileError(f"{self.place}: {problem}")

    def options(self, options_class: type) -> Any:
        """The operator's options, all defaults if it has none."""
        options = self.source.builtinOptions
        if options is None:
            return options_class()
        if not isinstance(options, options_class):
            self.fail(f"its options are {type(options).__name__}, not {options_class.__name__}")
        return options

    def activation(self, options: Any) -> Activation | None:
        """The fused activation; None if it is one that only TensorFlow Lite has."""
        try:
            return Activation(options.fusedActivationFunction)
        except ValueError:
            return None


def interpret(operator: SourceOperator) -> Op:
    """The operator with its attributes resolved, or a pass-through with its source.

    Raises ModelFileError where its options contradict the schema or its tensors.
    """
    if operator_name(operator.opcode) == (PROGRAM_OPERATOR, True):
        options = operator.source.customOptions
        return Op(
            Kind.PROGRAM,
            operator.inputs,
            operator.outputs,
            ProgramAttributes(b"" if options is None else bytes(options)),
            operator.opcode.version,
        )
    reader = _READERS.get(builtin_code(operator.opcode))
    op = None
    if reader is not None and _has_one_image(operator):
        op = reader(operator)
    return op if op is not None else _pass_through(operator)


def _pass_through(operator: SourceOperator) -> Op:
    attributes = PassThroughAttributes(
        *operator_name(operator.opcode),
        operator.source,
        operator.opcode,
        tuple(
            None if tensor == ABSENT else operator.tensors[tensor]
            for tensor in operator.intermediates
        ),
    )
    return Op(
        Kind.PASS_THROUGH, operator.inputs, operator.outputs, attributes, operator.opcode.version
    )


def _has_one_image(operator: SourceOperator) -> bool:
    """Whether the first input and the only output have shapes that are interpreted."""
    if operator.input(0) is None or not operator.outputs:
        operator.fail(f"it has inputs {operator.inputs} and outputs {operator.outputs}")
    ends = operator.tensors[operator.inputs[0]], operator.tensors[operator.outputs[0]]
    return len(operator.outputs) == 1 and all(end.shape and _fits(end) for end in ends)


def _fits(tensor: Tensor | None) -> bool:
    """Whether a tensor has at most four dimensions, and batch 1 if it is an image."""
    if tensor is None:
        return False
    return len(tensor.shape) < 4 or (len(tensor.shape) == 4 and tensor.shape[0] == 1)


def _is_int8(*tensors: Tensor | None) -> bool:
    return all(
        tensor is not None and tensor.dtype == "int8" and tensor.quantization is not None
        for tensor in tensors
    )


def _int8_input(operator: SourceOperator, *, rank: int | None = None) -> Tensor | None:
    """The first input, if it and the output are quantized to int8 and it has that many axes."""
    x = operator.input(0)
    if not _is_int8(x, _output(operator)) or x is None:
        return None
    return x if rank in (None, len(x.shape)) else None


def _op(
    operator: SourceOperator, kind: Kind, attributes: Attributes, operands: int | None = None
) -> Op:
    """An interpreted operator that keeps the first `operands` inputs; the rest are attributes."""
    inputs = operator.inputs if operands is None else operator.inputs[:operands]
    return Op(kind, inputs, operator.outputs, attributes, operator.opcode.version)


def _output(operator: SourceOperator) -> Tensor:
    return operator.tensors[operator.outputs[0]]


def _extents(tensor: Tensor) -> tuple[int, int]:
    """Height and width of an image or of weights."""
    _, height, width, _ = tensor.shape
    return height, width


def _window(
    operator: SourceOperator, options: Any, image: tuple[int, int], kernel: tuple[int, int]
) -> Window:
    dilations = getattr(options, "dilationHFactor", 1), getattr(options, "dilationWFactor", 1)
    window = Window(options.strideH, options.strideW, *dilations)
    if min(window.stride_h, window.stride_w, *dilations, *kernel) < 1:
        operator.fail(
            f"strides ({window.stride_h}, {window.stride_w}), dilations {dilations} and "
            f"kernel {kernel} must be positive"
        )
    if options.padding == tflite.Padding.VALID:
        return window
    if options.padding != tflite.Padding.SAME:
        operator.fail(f"padding {options.padding} is neither SAME (0) nor VALID (1)")
    return geometry.with_same_padding(window, image, kernel)


def _weights(operator: SourceOperator, *, rank: int) -> Tensor | None:
    """The second input, if it is what TFLM calls weights and the third can be their bias."""
    weights, bias = operator.input(1), operator.input(2)
    if not _is_int8(weights) or weights is None or not weights.is_constant:
        return None
    if bias is not None and not (bias.is_constant and bias.dtype == "int32"):
        return None
    return weights if len(weights.shape) == rank else None


def _convolution_reader(kind: Kind, options_class: type) -> Callable[[SourceOperator], Op | None]:
    def read(operator: SourceOperator) -> Op | None:
        x, weights = _int8_input(operator, rank=4), _weights(operator, rank=4)
        options = operator.options(options_class)
        activation = operator.activation(options)
        if x is None or weights is None or activation is None:
            return None
        multiplier = getattr(options, "depthMultiplier", 1)
        if kind is Kind.CONV and weights.shape[3] != x.shape[3]:
            return None  # a grouped convolution
        if kind is Kind.DEPTHWISE_CONV:
            _check_depth(operator, x, weights, multiplier)
        window = _window(operator, options, _extents(x), _extents(weights))
        return _op(operator, kind, ConvAttributes(window, activation, multiplier))

    return read


def _check_depth(operator: SourceOperator, x: Tensor, weights: Tensor, multiplier: int) -> None:
    if weights.shape[0] != 1 or weights.shape[3] != x.shape[3] * multiplier:
        operator.fail(
            f"weights of shape {weights.shape} do not fit {x.shape[3]} channels and "
            f"depth multiplier {multiplier}"
        )


def _read_fully_connected(operator: SourceOperator) -> Op | None:
    x, weights = _int8_input(operator), _weights(operator, rank=2)
    options = operator.options(tflite.FullyConnectedOptionsT)
    activation = operator.activation(options)
    if x is None or weights is None or activation is None:
        return None
    has_plain_layout = options.weightsFormat == tflite.FullyConnectedOptionsWeightsFormat.DEFAULT
    if not has_plain_layout or x.byte_count != weights.shape[1]:
        return None  # shuffled weights, or a product with several rows
    attributes = FullyConnectedAttributes(activation, bool(options.keepNumDims))
    return _op(operator, Kind.FULLY_CONNECTED, attributes)


def _elementwise_reader(kind: Kind, options_class: type) -> Callable[[SourceOperator], Op | None]:
    def read(operator: SourceOperator) -> Op | None:
        activation = operator.activation(operator.options(options_class))
        if len(operator.inputs) != 2 or not _fits(operator.input(1)) or activation is None:
            return None
        if _int8_input(operator) is None or not _is_int8(operator.input(1)):
            return None
        return _op(operator, kind, ElementwiseAttributes(activation))

    return read


def _pool_reader(kind: Kind) -> Callable[[SourceOperator], Op | None]:
    def read(operator: SourceOperator) -> Op | None:
        x = _int8_input(operator, rank=4)
        options = operator.options(tflite.Pool2DOptionsT)
        activation = operator.activation(options)
        if x is None or activation is None:
            return None
        kernel = (options.filterHeight, options.filterWidth)
        window = _window(operator, options, _extents(x), kernel)
        return _op(operator, kind, PoolAttributes(window, *kernel, activation))

    return read


def _read_mean(operator: SourceOperator) -> Op | None:
    x, axes = _int8_input(operator), operator.constant(1)
    if x is None or axes is None:
        return None
    options = operator.options(tflite.ReducerOptionsT)
    positive = sorted({_axis(operator, int(axis), len(x.shape)) for axis in axes.ravel()})
    attributes = MeanAttributes(tuple(positive), bool(options.keepDims))
    return _op(operator, Kind.MEAN, attributes, operands=1)


def _axis(operator: SourceOperator, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        operator.fail(f"axis {axis} does not exist in a tensor of {rank} dimensions")
    return axis % rank


def _read_pad(operator: SourceOperator) -> Op | None:
    x, pads = _int8_input(operator), operator.constant(1)
    if x is None or x.quantization is None or pads is None:
        return None
    if pads.shape != (len(x.shape), 2) or pads.min(initial=0) < 0:
        operator.fail(f"pads {pads.tolist()} do not fit an input of shape {x.shape}")
    value = x.quantization.zero_point
    if operator.input(2) is not None:
        fill = operator.constant(2)
        if fill is None or fill.dtype != np.int8 or fill.size != 1:
            return None
        value = int(fill.ravel()[0])
    attributes = PadAttributes(tuple((int(a), int(b)) for a, b in pads), value)
    return _op(operator, Kind.PAD, attributes, operands=1)


def _read_reshape(operator: SourceOperator) -> Op | None:
    is_static = operator.input(1) is None or operator.constant(1) is not None
    if not is_static or _int8_input(operator) is None:
        return None
    return _op(operator, Kind.RESHAPE, NoAttributes(), operands=1)


def _read_softmax(operator: SourceOperator) -> Op | None:
    if _int8_input(operator) is None:
        return None
    options = operator.options(tflite.SoftmaxOptionsT)
    if not 0 < options.beta < math.inf:
        operator.fail(f"beta is {options.beta}, expected a positive number")
    return _op(operator, Kind.SOFTMAX, SoftmaxAttributes(float(options.beta)))


def _read_concatenation(operator: SourceOperator) -> Op | None:
    parts = [operator.input(i) for i in range(len(operator.inputs))]
    options = operator.options(tflite.ConcatenationOptionsT)
    activation = operator.activation(options)
    rank = len(_output(operator).shape)
    if not _is_int8(*parts, _output(operator)) or not all(map(_fits, parts)):
        return None
    if activation is None:
        return None
    if any(part is None or len(part.shape) != rank for part in parts):
        operator.fail(f"its inputs do not all have the {rank} dimensions of its output")
    axis = _axis(operator, options.axis, rank)
    return _op(operator, Kind.CONCATENATION, ConcatenationAttributes(axis, activation))


def _read_resize(operator: SourceOperator) -> Op | None:
    x, size = _int8_input(operator, rank=4), operator.constant(1)
    if x is None or size is None:
        return None
    if tuple(size.ravel().tolist()) != _output(operator).shape[1:3]:
        operator.fail(f"size {size.tolist()} is not that of its output {_output(operator).shape}")
    options = operator.options(tflite.ResizeNearestNeighborOptionsT)
    attributes = ResizeAttributes(bool(options.alignCorners), bool(options.halfPixelCenters))
    return _op(operator, Kind.RESIZE_NEAREST, attributes, operands=1)


def _read_transpose(operator: SourceOperator) -> Op | None:
    x, permutation = _int8_input(operator), operator.constant(1)
    if x is None or permutation is None:
        return None
    axes = tuple(_axis(operator, int(axis), len(x.shape)) for axis in permutation.ravel())
    if sorted(axes) != list(range(len(x.shape))):
        operator.fail(f"{axes} is not a permutation of {len(x.shape)} axes")
    return _op(operator, Kind.TRANSPOSE, TransposeAttributes(axes), operands=1)


def _unary_reader(kind: Kind, *dtypes: tuple[str, str]) -> Callable[[SourceOperator], Op | None]:
    """Reader of an operator without attributes that exists for these (input, output) types."""

    def read(operator: SourceOperator) -> Op | None:
        x, y = operator.input(0), _output(operator)
        if x is None or (x.dtype, y.dtype) not in dtypes or len(operator.inputs) != 1:
            return None
        if any(t.dtype == "int8" and t.quantization is None for t in (x, y)):
            return None
        return _op(operator, kind, NoAttributes())

    return read


_INT8 = ("int8", "int8")
_CODE = tflite.BuiltinOperator
_READERS: dict[int, Callable[[SourceOperator], Op | None]] = {
    _CODE.CONV_2D: _convolution_reader(Kind.CONV, tflite.Conv2DOptionsT),
    _CODE.DEPTHWISE_CONV_2D: _convolution_reader(
        Kind.DEPTHWISE_CONV, tflite.DepthwiseConv2DOptionsT
    ),
    _CODE.FULLY_CONNECTED: _read_fully_connected,
    _CODE.ADD: _elementwise_reader(Kind.ADD, tflite.AddOptionsT),
    _CODE.MUL: _elementwise_reader(Kind.MUL, tflite.MulOptionsT),
    _CODE.AVERAGE_POOL_2D: _pool_reader(Kind.AVERAGE_POOL),
    _CODE.MAX_POOL_2D: _pool_reader(Kind.MAX_POOL),
    _CODE.MEAN: _read_mean,
    _CODE.PAD: _read_pad,
    _CODE.PADV2: _read_pad,
    _CODE.RESHAPE: _read_reshape,
    _CODE.SOFTMAX: _read_softmax,
    _CODE.CONCATENATION: _read_concatenation,
    _CODE.RESIZE_NEAREST_NEIGHBOR: _read_resize,
    _CODE.TRANSPOSE: _read_transpose,
    _CODE.LOGISTIC: _unary_reader(Kind.LOGISTIC, _INT8),
    _CODE.HARD_SWISH: _unary_reader(Kind.HARD_SWISH, _INT8),
    _CODE.RELU: _unary_reader(Kind.RELU, _INT8),
    _CODE.RELU6: _unary_reader(Kind.RELU6, _INT8),
    _CODE.QUANTIZE: _unary_reader(Kind.QUANTIZE, _INT8, ("float32", "int8")),
    _CODE.DEQUANTIZE: _unary_reader(Kind.DEQUANTIZE, ("int8", "float32")),
}
