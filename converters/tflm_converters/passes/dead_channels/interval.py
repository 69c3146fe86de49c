# SPDX-License-Identifier: Apache-2.0
"""Intervals of integers, one for each channel of a tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from tflm_converters import arithmetic, fixed_point
from tflm_converters.arithmetic import INT8_MAX, INT8_MIN
from tflm_converters.graph import ABSENT, Activation, Graph

_INT32_LIMIT = np.int64(2**31)


@dataclasses.dataclass(frozen=True, eq=False)
class Interval:
    """Least and greatest value at each index of a tensor's last axis: int64[channels] each."""

    least: np.ndarray
    greatest: np.ndarray

    @classmethod
    def full(cls, channels: int, least: int = INT8_MIN, greatest: int = INT8_MAX) -> Interval:
        """The same bounds for all channels, those of int8 unless told."""
        return cls(np.full(channels, least, np.int64), np.full(channels, greatest, np.int64))

    @property
    def is_constant(self) -> np.ndarray:
        """bool[channels]: where only one value is possible."""
        return self.least == self.greatest

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> Interval:
        """The image under a function that never turns the order of two values around."""
        return Interval(function(self.least), function(self.greatest))

    def clip(self, least: int, greatest: int) -> Interval:
        """The image under clamping."""
        return self.map(lambda bound: np.clip(bound, least, greatest))

    def hull(self, other: Interval) -> Interval:
        """The smallest interval around both."""
        return Interval(
            np.minimum(self.least, other.least), np.maximum(self.greatest, other.greatest)
        )


def has_channels(graph: Graph, tensor: int) -> bool:
    """Whether a tensor is an int8 activation with a last axis to look at."""
    return (
        tensor != ABSENT
        and graph.tensors[tensor].dtype == "int8"
        and not graph.tensors[tensor].is_constant
        and len(graph.tensors[tensor].shape) > 0
    )


def less_zero_point(graph: Graph, tensor: int, x: Interval) -> Interval:
    """Bounds relative to the tensor's zero point."""
    zero_point = arithmetic.quantization_of(graph, tensor).zero_point
    return x.map(lambda bound: bound - zero_point)


def requantized(
    graph: Graph,
    output: int,
    sums: Interval,
    multiplier: np.ndarray | int,
    shift: np.ndarray | int,
    activation: Activation = Activation.NONE,
) -> Interval:
    """Bounds of an int8 output that is computed from int32 sums.

    Where a sum might leave int32 or be shifted out of it, the order is lost and the output
    may be anything that the activation lets through.
    """
    quantization = arithmetic.quantization_of(graph, output)
    least, greatest = arithmetic.activation_range(activation, quantization)
    rescaled = sums.map(
        lambda bound: fixed_point.multiply_by_quantized_multiplier(bound, multiplier, shift)
    )
    result = rescaled.map(lambda bound: bound + quantization.zero_point).clip(least, greatest)
    magnitude = np.maximum(np.abs(sums.least), np.abs(sums.greatest))
    safe = magnitude < _INT32_LIMIT >> np.maximum(np.asarray(shift, np.int64), 0)
    return Interval(np.where(safe, result.least, least), np.where(safe, result.greatest, greatest))
