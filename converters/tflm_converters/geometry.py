# SPDX-License-Identifier: Apache-2.0
"""Shapes: how padding is resolved, and which output shape an operator must have."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tflm_converters.graph import (
    ConcatenationAttributes,
    Kind,
    MeanAttributes,
    Op,
    PadAttributes,
    Padding,
    PoolAttributes,
    Tensor,
    TransposeAttributes,
    Window,
)


def dilated(kernel: int, dilation: int) -> int:
    """How many input rows (or columns) a dilated kernel covers."""
    return (kernel - 1) * dilation + 1


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Padding before and after that makes the output ceil(size / stride) long.

    TensorFlow Lite puts the odd pixel after the input.
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + dilated(kernel, dilation) - size, 0)
    return total // 2, total - total // 2


def output_extent(
    size: int, kernel: int, stride: int, dilation: int = 1, padding: tuple[int, int] = (0, 0)
) -> int:
    """Rows (or columns) that a window operator computes from `size` padded ones; may be <= 0."""
    return (size + sum(padding) - dilated(kernel, dilation)) // stride + 1


def with_same_padding(window: Window, image: tuple[int, int], kernel: tuple[int, int]) -> Window:
    """The window with the padding that the builtin SAME means for this image and kernel (h, w)."""
    top, bottom = same_padding(image[0], kernel[0], window.stride_h, window.dilation_h)
    left, right = same_padding(image[1], kernel[1], window.stride_w, window.dilation_w)
    return dataclasses.replace(window, padding=Padding(top, bottom, left, right))


def window_output(
    window: Window, image: tuple[int, int], kernel: tuple[int, int]
) -> tuple[int, int]:
    """Height and width of what a window operator writes for an image and kernel of (h, w)."""
    pad = window.padding
    return (
        output_extent(
            image[0], kernel[0], window.stride_h, window.dilation_h, (pad.top, pad.bottom)
        ),
        output_extent(
            image[1], kernel[1], window.stride_w, window.dilation_w, (pad.left, pad.right)
        ),
    )


def kernel_of(op: Op, tensors: Sequence[Tensor]) -> tuple[int, int]:
    """Height and width of the kernel of a convolution or pooling operator."""
    if isinstance(op.attributes, PoolAttributes):
        return op.attributes.filter_h, op.attributes.filter_w
    _, height, width, _ = tensors[op.inputs[1]].shape
    return height, width


def output_shape(op: Op, tensors: Sequence[Tensor]) -> tuple[int, ...] | None:
    """The shape `op` must give its first output; None where any shape may be right.

    Raises ValueError if the input shapes contradict each other.
    """
    first = tensors[op.inputs[0]].shape if op.inputs else ()
    if op.kind in _WINDOWED:
        return _windowed_shape(op, tensors)
    if op.kind in _SHAPE_PRESERVING:
        return first
    match op.kind, op.attributes:
        case ((Kind.ADD | Kind.MUL), _):
            return np.broadcast_shapes(*(tensors[t].shape for t in op.inputs))
        case Kind.MEAN, MeanAttributes(axes=axes, keep_dims=keep):
            return _reduced_shape(first, axes, keep)
        case Kind.PAD, PadAttributes(pads=pads):
            return tuple(size + sum(around) for size, around in zip(first, pads, strict=True))
        case Kind.CONCATENATION, ConcatenationAttributes(axis=axis):
            return _concatenated_shape([tensors[t].shape for t in op.inputs], axis)
        case Kind.RESIZE_NEAREST, _:  # its output's extents are its only parameter
            return first[0], *tensors[op.output].shape[1:3], first[3]
        case Kind.TRANSPOSE, TransposeAttributes(permutation=permutation):
            return tuple(first[axis] for axis in permutation)
    return None


_WINDOWED = {Kind.CONV, Kind.DEPTHWISE_CONV, Kind.AVERAGE_POOL, Kind.MAX_POOL}
_SHAPE_PRESERVING = {
    Kind.SOFTMAX,
    Kind.LOGISTIC,
    Kind.HARD_SWISH,
    Kind.RELU,
    Kind.RELU6,
    Kind.QUANTIZE,
    Kind.DEQUANTIZE,
}


def _windowed_shape(op: Op, tensors: Sequence[Tensor]) -> tuple[int, ...]:
    batch, height, width, channels = tensors[op.inputs[0]].shape
    if op.kind is Kind.CONV:
        channels = tensors[op.inputs[1]].shape[0]
    if op.kind is Kind.DEPTHWISE_CONV:
        channels = tensors[op.inputs[1]].shape[3]
    window = op.attributes.window  # type: ignore[union-attr]
    return batch, *window_output(window, (height, width), kernel_of(op, tensors)), channels


def _reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], keep: bool) -> tuple[int, ...]:
    if keep:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _concatenated_shape(shapes: list[tuple[int, ...]], axis: int) -> tuple[int, ...]:
    others = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    if len(others) != 1:
        raise ValueError(f"inputs of shapes {shapes} cannot be joined along axis {axis}")
    total = sum(shape[axis] for shape in shapes)
    return (*shapes[0][:axis], total, *shapes[0][axis + 1 :])
