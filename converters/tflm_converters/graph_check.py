# SPDX-License-Identifier: Apache-2.0
"""Check that a graph does not contradict itself: data flow, quantization and shapes."""

from __future__ import annotations

import math

import numpy as np

from tflm_converters import geometry
from tflm_converters.errors import ModelFileError
from tflm_converters.graph import ABSENT, Activation, Graph, Kind, Op, Quantization, Tensor

_OPAQUE_KINDS = frozenset({Kind.PASS_THROUGH, Kind.PROGRAM})
_LARGEST_ACTIVATION = 2**31 - 1
_BOUNDS = {Activation.RELU6: 6.0, Activation.RELU_N1_TO_1: 1.0}
_CHANNEL_AXIS = {Kind.CONV: 0, Kind.DEPTHWISE_CONV: 3, Kind.FULLY_CONNECTED: 0}


def check(graph: Graph) -> None:
    """Raise ModelFileError, naming the operator or tensor, if the graph is inconsistent."""
    if not graph.producer_of().keys() & set(graph.outputs):
        raise ModelFileError(
            f"none of its {len(graph.ops)} operators computes one of its {len(graph.outputs)} "
            "outputs: there is nothing to convert"
        )
    _check_data_flow(graph)
    for tensor in graph.tensors:
        _check_tensor(tensor)
    for index, op in enumerate(graph.ops):
        if op.kind not in _OPAQUE_KINDS:
            _check_operator(graph, index, op)


def _check_data_flow(graph: Graph) -> None:
    """Every tensor is written once, before it is read."""
    tensors = graph.tensors
    available = {i for i, tensor in enumerate(tensors) if tensor.is_constant or tensor.is_variable}
    available.update(graph.inputs)
    for index, op in enumerate(graph.ops):
        for tensor in op.inputs:
            if tensor != ABSENT and tensor not in available:
                raise ModelFileError(
                    f"{graph.describe(index)} reads tensor '{tensors[tensor].name}' "
                    "before any operator writes it"
                )
        for tensor in op.outputs:
            if tensor in available:
                raise ModelFileError(
                    f"{graph.describe(index)} writes tensor '{tensors[tensor].name}', "
                    "which is a constant or an input, or is written by an earlier operator"
                )
            available.add(tensor)
    for tensor in graph.outputs:
        if tensor not in available:
            raise ModelFileError(
                f"no operator writes '{tensors[tensor].name}', an output of the model"
            )


def _check_tensor(tensor: Tensor) -> None:
    if not tensor.is_constant and tensor.byte_count > _LARGEST_ACTIVATION:
        raise ModelFileError(
            f"tensor '{tensor.name}' of shape {list(tensor.shape)} has {tensor.byte_count} bytes, "
            f"more than the {_LARGEST_ACTIVATION} that TFLite-Micro can count"
        )
    if tensor.quantization is not None:
        _check_quantization(tensor, tensor.quantization)


def _check_quantization(tensor: Tensor, quantization: Quantization) -> None:
    scales = quantization.scales
    if not np.isfinite(scales).all() or (scales < 0).any():
        raise ModelFileError(f"tensor '{tensor.name}' has a scale that is negative or not finite")
    if len(scales) == 1:
        return
    axis = quantization.axis
    channels = tensor.shape[axis] if 0 <= axis < len(tensor.shape) else "no"
    if channels != len(scales):
        raise ModelFileError(
            f"tensor '{tensor.name}' of shape {list(tensor.shape)} has {len(scales)} scales, "
            f"but {channels} channels along axis {axis}"
        )


def _check_operator(graph: Graph, index: int, op: Op) -> None:
    present = [graph.tensors[t] for t in (*op.inputs, *op.outputs) if t != ABSENT]
    problem = next(filter(None, map(_activation_problem, present)), None)
    problem = problem or _channel_problem(graph, op) or _shape_problem(graph, op)
    problem = problem or _bound_problem(graph, op)
    if problem:
        raise ModelFileError(f"{graph.describe(index)}: {problem}")


def _activation_problem(tensor: Tensor) -> str | None:
    if tensor.is_constant or tensor.dtype != "int8" or tensor.quantization is None:
        return None
    scales, zero_points = tensor.quantization.scales, tensor.quantization.zero_points
    if len(scales) != 1 or not scales[0] > 0 or not -128 <= zero_points[0] <= 127:
        return (
            f"activation '{tensor.name}' has scales {scales.tolist()} and zero points "
            f"{zero_points.tolist()}; expected one positive scale and one int8 zero point"
        )
    return None


def _bound_problem(graph: Graph, op: Op) -> str | None:
    """Whether TFLM, too, can count the fused activation's bound in steps of the output's scale."""
    activation = getattr(op.attributes, "activation", Activation.NONE)
    quantization = graph.tensors[op.output].quantization
    bound = _BOUNDS.get(activation, 0.0)
    if quantization is None or bound / quantization.scale <= np.iinfo(np.int32).max:
        return None
    return f"output scale {quantization.scale:g} is too small for its activation {activation.name}"


def _channel_problem(graph: Graph, op: Op) -> str | None:
    """What is wrong with the weights' quantization or the bias of a layer."""
    if op.kind not in _CHANNEL_AXIS:
        return None
    weights = graph.tensors[op.inputs[1]]
    axis = _CHANNEL_AXIS[op.kind]
    channels = weights.shape[axis]
    quantization = weights.quantization
    if quantization is not None and len(quantization.scales) > 1 and quantization.axis != axis:
        return f"weights are quantized along axis {quantization.axis}, expected {axis}"
    if len(op.inputs) > 2 and op.inputs[2] != ABSENT:
        bias = graph.tensors[op.inputs[2]]
        if bias.shape != (channels,):
            return f"bias has shape {list(bias.shape)}, expected [{channels}]"
    return None


def _shape_problem(graph: Graph, op: Op) -> str | None:
    actual = graph.tensors[op.output].shape
    try:
        expected = geometry.output_shape(op, graph.tensors)
    except ValueError as error:
        return str(error)
    if expected is not None and expected != actual:
        return f"output has shape {list(actual)}, expected {list(expected)} from its input"
    if op.kind is Kind.RESHAPE:
        source = graph.tensors[op.inputs[0]].shape
        if math.prod(source) != math.prod(actual):
            return f"shape {list(source)} cannot become {list(actual)}"
    if op.kind is Kind.FULLY_CONNECTED:
        outputs = graph.tensors[op.inputs[1]].shape[0]
        if math.prod(actual) != outputs:
            return f"output has shape {list(actual)}, expected {outputs} elements"
    return None
