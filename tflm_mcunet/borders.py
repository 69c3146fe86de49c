# SPDX-License-Identifier: Apache-2.0
"""What crosses a model's border, and the quantized value behind it.

A model with float32 inputs quantizes them first and dequantizes its outputs last;
conversion may drop both, for a microcontroller feeds int8. The two models then differ in
what they are given and return, but not in the quantized tensors behind: the *core*.
Core values are exchanged without loss: the float32 (q - zero_point) * scale is quantized
to exactly q again, because its relative error of 2^-23 is far below half a step.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_converters.graph import Graph, Kind, Quantization, Tensor


@dataclasses.dataclass(frozen=True)
class Border:
    """An input or output of a model (`outer`), and the quantized tensor behind it (`core`)."""

    outer: Tensor
    core: Tensor

    def to_outer(self, values: np.ndarray) -> np.ndarray:
        """Core values as the model takes them."""
        if self.outer is self.core:
            return values
        steps = values.astype(np.int64) - _quantization(self.core).zero_point
        if self.outer.dtype == "float32":
            return steps.astype(np.float32) * np.float32(_quantization(self.core).scale)
        return (steps + _quantization(self.outer).zero_point).astype(self.outer.dtype)

    def to_core(self, values: np.ndarray) -> np.ndarray:
        """What the model returned, as core values."""
        if self.outer is self.core:
            return values
        if self.outer.dtype == "float32":
            steps = np.rint(values / np.float32(_quantization(self.core).scale)).astype(np.int64)
        else:
            steps = values.astype(np.int64) - _quantization(self.outer).zero_point
        return (steps + _quantization(self.core).zero_point).astype(self.core.dtype)


def input_borders(graph: Graph) -> tuple[Border, ...]:
    """The borders at the model's inputs."""
    consumers = graph.consumers_of()
    borders = []
    for index in graph.inputs:
        behind = [graph.ops[i] for i in consumers.get(index, [])]
        inner = behind[0].output if len(behind) == 1 and behind[0].kind is Kind.QUANTIZE else index
        borders.append(_border(graph.tensors[index], graph.tensors[inner]))
    return tuple(borders)


def output_borders(graph: Graph) -> tuple[Border, ...]:
    """The borders at the model's outputs."""
    producers = graph.producer_of()
    borders = []
    for index in graph.outputs:
        op = graph.ops[producers[index]] if index in producers else None
        converts = op is not None and op.kind in (Kind.QUANTIZE, Kind.DEQUANTIZE)
        inner = op.inputs[0] if op is not None and converts else index
        borders.append(_border(graph.tensors[index], graph.tensors[inner]))
    return tuple(borders)


def same_values(first: Tensor, second: Tensor) -> bool:
    """Whether equal elements of the two tensors mean equal real numbers."""
    if first.dtype != second.dtype:
        return False
    if first.quantization is None or second.quantization is None:
        return first.quantization is second.quantization
    one, other = first.quantization, second.quantization
    return np.array_equal(one.scales, other.scales) and np.array_equal(
        one.zero_points, other.zero_points
    )


def _border(outer: Tensor, inner: Tensor) -> Border:
    return Border(outer, inner if _is_lossless(outer, inner) else outer)


def _is_lossless(outer: Tensor, inner: Tensor) -> bool:
    if inner.quantization is None or inner.dtype not in ("int8", "uint8", "int16"):
        return False
    if outer.dtype == "float32":
        return True
    sizes_agree = np.dtype(outer.dtype).itemsize == np.dtype(inner.dtype).itemsize
    return sizes_agree and _shifted(outer, inner)


def _shifted(outer: Tensor, inner: Tensor) -> bool:
    """Whether the two hold the same numbers in types of different origin (uint8 and int8)."""
    if outer.quantization is None:
        return False
    one, other = outer.quantization, _quantization(inner)
    lowest = np.iinfo(outer.dtype).min - np.iinfo(inner.dtype).min
    return one.scale == other.scale and one.zero_point - other.zero_point == lowest


def _quantization(tensor: Tensor) -> Quantization:
    assert tensor.quantization is not None
    return tensor.quantization
