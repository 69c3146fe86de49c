# SPDX-License-Identifier: Apache-2.0
"""From the kinds of the intermediate representation to the schema's operators.

The inverse of `operator_reader`: what is an attribute here and a constant operand in the
file (the axes of MEAN, the pads of PAD, ...) becomes an operand again.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as tflite

from tflm_converters import geometry
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import (
    ConcatenationAttributes,
    ConvAttributes,
    ElementwiseAttributes,
    FullyConnectedAttributes,
    Graph,
    Kind,
    MeanAttributes,
    PadAttributes,
    PassThroughAttributes,
    PoolAttributes,
    ProgramAttributes,
    Quantization,
    ResizeAttributes,
    SoftmaxAttributes,
    Tensor,
    TransposeAttributes,
    Window,
)
from tflm_converters.schema import PROGRAM_OPERATOR

_LAST_DEPRECATED_CODE = 127


@dataclasses.dataclass(frozen=True, eq=False)
class Encoded:
    """An operator in the schema's terms, but for its tensors' and its code's numbers.

    `operands` are constants that follow its inputs; `intermediates` hold quantizations.
    """

    source: Any  # OperatorT
    opcode: Any  # OperatorCodeT
    operands: tuple[Tensor, ...] = ()
    intermediates: tuple[Tensor | None, ...] = ()


def encode(graph: Graph, index: int) -> Encoded:
    """Operator `index` of the graph in the schema's terms.

    Raises UnsupportedModelError for explicit padding that no builtin operator can express.
    """
    op = graph.ops[index]
    match op.attributes:
        case PassThroughAttributes() as kept:
            return Encoded(copy.copy(kept.source), kept.opcode, (), kept.intermediates)
        case ProgramAttributes(options=options):
            source = tflite.OperatorT(customOptions=np.frombuffer(options, np.uint8))
            code = tflite.BuiltinOperator.CUSTOM
            return Encoded(source, _opcode(code, op.version, PROGRAM_OPERATOR))
    code, options_class, fields, operands = _builtin(graph, index)
    source = tflite.OperatorT()
    if options_class is not None:
        source.builtinOptions = options_class(**fields)
        options_name = options_class.__name__.removesuffix("T")
        source.builtinOptionsType = getattr(tflite.BuiltinOptions, options_name)
    return Encoded(source, _opcode(code, op.version), operands)


def _opcode(code: int, version: int, custom_name: str | None = None) -> Any:
    return tflite.OperatorCodeT(
        deprecatedBuiltinCode=min(code, _LAST_DEPRECATED_CODE),
        builtinCode=code,
        customCode=custom_name,
        version=version,
    )


_Fields = dict[str, Any]
_Builtin = tuple[int, type | None, _Fields, tuple[Tensor, ...]]
_CODE = tflite.BuiltinOperator


def _builtin(graph: Graph, index: int) -> _Builtin:
    """Operator number, class and fields of its options, and constant operands."""
    op = graph.ops[index]
    if op.kind in _WITHOUT_ATTRIBUTES:
        return (*_WITHOUT_ATTRIBUTES[op.kind], {}, ())
    return _ENCODERS[op.kind](graph, index, op.attributes)


def _window(graph: Graph, index: int, window: Window) -> _Fields:
    """Strides and the padding scheme, SAME or VALID, that gives exactly this padding."""
    op = graph.ops[index]
    fields = {"strideH": window.stride_h, "strideW": window.stride_w}
    image = graph.tensors[op.inputs[0]].shape[1:3]
    kernel = geometry.kernel_of(op, graph.tensors)
    pad = window.padding
    if not any(dataclasses.astuple(pad)):
        return {**fields, "padding": tflite.Padding.VALID}
    if geometry.with_same_padding(window, (image[0], image[1]), kernel) == window:
        return {**fields, "padding": tflite.Padding.SAME}
    raise UnsupportedModelError(
        f"{graph.describe(index)}: padding (top {pad.top}, bottom {pad.bottom}, left {pad.left}, "
        f"right {pad.right}) is neither SAME nor VALID; only the {PROGRAM_OPERATOR} operator "
        "can hold it, so keep this layer inside a stage"
    )


def _convolution(graph: Graph, index: int, attributes: ConvAttributes) -> _Fields:
    return {
        **_window(graph, index, attributes.window),
        "dilationHFactor": attributes.window.dilation_h,
        "dilationWFactor": attributes.window.dilation_w,
        "fusedActivationFunction": attributes.activation.value,
    }


def _encode_conv(graph: Graph, index: int, attributes: ConvAttributes) -> _Builtin:
    fields = _convolution(graph, index, attributes)
    return _CODE.CONV_2D, tflite.Conv2DOptionsT, fields, ()


def _encode_depthwise(graph: Graph, index: int, attributes: ConvAttributes) -> _Builtin:
    fields = _convolution(graph, index, attributes)
    fields["depthMultiplier"] = attributes.depth_multiplier
    return _CODE.DEPTHWISE_CONV_2D, tflite.DepthwiseConv2DOptionsT, fields, ()


def _encode_fully_connected(
    graph: Graph, index: int, attributes: FullyConnectedAttributes
) -> _Builtin:
    fields = {
        "fusedActivationFunction": attributes.activation.value,
        "keepNumDims": attributes.keep_num_dims,
    }
    return _CODE.FULLY_CONNECTED, tflite.FullyConnectedOptionsT, fields, ()


def _elementwise_encoder(code: int, options_class: type) -> Callable[..., _Builtin]:
    def encode_elementwise(graph: Graph, index: int, attributes: ElementwiseAttributes) -> _Builtin:
        return code, options_class, {"fusedActivationFunction": attributes.activation.value}, ()

    return encode_elementwise


def _pool_encoder(code: int) -> Callable[..., _Builtin]:
    def encode_pool(graph: Graph, index: int, attributes: PoolAttributes) -> _Builtin:
        fields = {
            **_window(graph, index, attributes.window),
            "filterHeight": attributes.filter_h,
            "filterWidth": attributes.filter_w,
            "fusedActivationFunction": attributes.activation.value,
        }
        return code, tflite.Pool2DOptionsT, fields, ()

    return encode_pool


def _encode_mean(graph: Graph, index: int, attributes: MeanAttributes) -> _Builtin:
    axes = _operand(graph, index, "axes", attributes.axes)
    return _CODE.MEAN, tflite.ReducerOptionsT, {"keepDims": attributes.keep_dims}, (axes,)


def _encode_pad(graph: Graph, index: int, attributes: PadAttributes) -> _Builtin:
    pads = _operand(graph, index, "pads", attributes.pads)
    quantization = graph.tensors[graph.ops[index].inputs[0]].quantization
    if quantization is not None and attributes.value == quantization.zero_point:
        return _CODE.PAD, tflite.PadOptionsT, {}, (pads,)
    value = _operand(graph, index, "value", attributes.value, "int8", quantization)
    return _CODE.PADV2, tflite.PadV2OptionsT, {}, (pads, value)


def _encode_reshape(graph: Graph, index: int, attributes: Any) -> _Builtin:
    shape = np.array(graph.tensors[graph.ops[index].output].shape, np.int32)
    return _CODE.RESHAPE, tflite.ReshapeOptionsT, {"newShape": shape}, ()


def _encode_softmax(graph: Graph, index: int, attributes: SoftmaxAttributes) -> _Builtin:
    return _CODE.SOFTMAX, tflite.SoftmaxOptionsT, {"beta": attributes.beta}, ()


def _encode_concatenation(
    graph: Graph, index: int, attributes: ConcatenationAttributes
) -> _Builtin:
    fields = {
        "axis": attributes.axis,
        "fusedActivationFunction": attributes.activation.value,
    }
    return _CODE.CONCATENATION, tflite.ConcatenationOptionsT, fields, ()


def _encode_resize(graph: Graph, index: int, attributes: ResizeAttributes) -> _Builtin:
    size = _operand(graph, index, "size", graph.tensors[graph.ops[index].output].shape[1:3])
    fields = {
        "alignCorners": attributes.align_corners,
        "halfPixelCenters": attributes.half_pixel_centers,
    }
    code = _CODE.RESIZE_NEAREST_NEIGHBOR
    return code, tflite.ResizeNearestNeighborOptionsT, fields, (size,)


def _encode_transpose(graph: Graph, index: int, attributes: TransposeAttributes) -> _Builtin:
    permutation = _operand(graph, index, "permutation", attributes.permutation)
    return _CODE.TRANSPOSE, tflite.TransposeOptionsT, {}, (permutation,)


def _operand(
    graph: Graph,
    index: int,
    role: str,
    values: int | Sequence[Any],
    dtype: str = "int32",
    quantization: Quantization | None = None,
) -> Tensor:
    data = np.array(values, dtype)
    name = f"{graph.tensors[graph.ops[index].output].name}/{role}"
    return Tensor(name, data.shape, dtype, quantization, data)


_WITHOUT_ATTRIBUTES: dict[Kind, tuple[int, type | None]] = {
    Kind.LOGISTIC: (_CODE.LOGISTIC, None),
    Kind.HARD_SWISH: (_CODE.HARD_SWISH, tflite.HardSwishOptionsT),
    Kind.RELU: (_CODE.RELU, None),
    Kind.RELU6: (_CODE.RELU6, None),
    Kind.QUANTIZE: (_CODE.QUANTIZE, tflite.QuantizeOptionsT),
    Kind.DEQUANTIZE: (_CODE.DEQUANTIZE, tflite.DequantizeOptionsT),
}

_ENCODERS: dict[Kind, Callable[[Graph, int, Any], _Builtin]] = {
    Kind.CONV: _encode_conv,
    Kind.DEPTHWISE_CONV: _encode_depthwise,
    Kind.FULLY_CONNECTED: _encode_fully_connected,
    Kind.ADD: _elementwise_encoder(_CODE.ADD, tflite.AddOptionsT),
    Kind.MUL: _elementwise_encoder(_CODE.MUL, tflite.MulOptionsT),
    Kind.AVERAGE_POOL: _pool_encoder(_CODE.AVERAGE_POOL_2D),
    Kind.MAX_POOL: _pool_encoder(_CODE.MAX_POOL_2D),
    Kind.MEAN: _encode_mean,
    Kind.PAD: _encode_pad,
    Kind.RESHAPE: _encode_reshape,
    Kind.SOFTMAX: _encode_softmax,
    Kind.CONCATENATION: _encode_concatenation,
    Kind.RESIZE_NEAREST: _encode_resize,
    Kind.TRANSPOSE: _encode_transpose,
}
