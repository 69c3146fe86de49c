# SPDX-License-Identifier: Apache-2.0
"""The constants of a program: weights, biases, requantization, lookup tables.

Everything that TFLite-Micro would compute per channel at start-up and keep in SRAM is
computed here and stays in flash.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tflm_converters import arithmetic, reference
from tflm_converters.emit.constant_channels import with_usual_scales
from tflm_converters.emit.program_format import (
    ADD_REQUANTIZATION,
    MEAN_REQUANTIZATION,
    MUL_REQUANTIZATION,
    NO_PARAMETER,
    SOFTMAX_REQUANTIZATION,
)
from tflm_converters.graph import ABSENT, Graph, Kind, Op, Tensor

ALIGNMENT = 4
_LARGEST_INPUT = 255  # of an int8 less its zero point


class Parameters:
    """A growing blob; equal entries are stored once."""

    def __init__(self) -> None:
        self._blob = bytearray()
        self._known: dict[bytes, int] = {}

    def add(self, data: bytes) -> int:
        """Appends an entry, 4-byte aligned, and returns its offset."""
        if data not in self._known:
            self._blob.extend(b"\0" * (-len(self._blob) % ALIGNMENT))
            self._known[data] = len(self._blob)
            self._blob.extend(data)
        return self._known[data]

    def add_array(self, values: np.ndarray | list[int], dtype: str) -> int:
        return self.add(np.ascontiguousarray(values, dtype=dtype).tobytes())

    def add_record(self, record: Any, dtype: np.dtype) -> int:
        """Appends a dataclass as the C struct of the same field names."""
        fields = dataclasses.asdict(record)
        return self.add(np.array([tuple(fields[n] for n in dtype.names or ())], dtype).tobytes())

    def add_requantization(self, multipliers: np.ndarray, shifts: np.ndarray) -> int:
        """Per-channel multipliers followed by their shifts."""
        packed = multipliers.astype("<i4").tobytes() + shifts.astype("i1").tobytes()
        return self.add(packed)

    def to_bytes(self) -> bytes:
        """The whole blob, padded to a multiple of its alignment; never empty."""
        return bytes(self._blob) + b"\0" * (-len(self._blob) % ALIGNMENT or 0) or b"\0" * ALIGNMENT


@dataclasses.dataclass(frozen=True)
class OpConstants:
    """Offsets into the parameters, as in tmc_op."""

    weights: int = NO_PARAMETER
    bias: int = NO_PARAMETER
    requantization: int = NO_PARAMETER
    per_tensor: bool = False


def add_constants(parameters: Parameters, graph: Graph, op: Op) -> OpConstants:
    """Adds what one operator needs to the parameters."""
    if op.kind in (Kind.CONV, Kind.DEPTHWISE_CONV, Kind.FULLY_CONNECTED):
        return _convolution(parameters, graph, op)
    if op.kind is Kind.MEAN:
        record: Any = arithmetic.mean_requantization(graph, op)
        return OpConstants(requantization=parameters.add_record(record, MEAN_REQUANTIZATION))
    if op.kind is Kind.SOFTMAX:
        record = arithmetic.softmax_requantization(graph, op)
        return OpConstants(requantization=parameters.add_record(record, SOFTMAX_REQUANTIZATION))
    if is_lookup(graph, op):
        return OpConstants(weights=parameters.add_array(lookup_table(graph, op), "i1"))
    if op.kind is Kind.ADD:
        record = arithmetic.add_requantization(graph, op)
        return OpConstants(requantization=parameters.add_record(record, ADD_REQUANTIZATION))
    if op.kind is Kind.MUL:
        record = arithmetic.mul_requantization(graph, op)
        return OpConstants(requantization=parameters.add_record(record, MUL_REQUANTIZATION))
    return OpConstants()


def _convolution(parameters: Parameters, graph: Graph, op: Op) -> OpConstants:
    if op.kind is Kind.FULLY_CONNECTED:
        multipliers, shifts = arithmetic.fully_connected_requantization(graph, op)
    else:
        multipliers, shifts = arithmetic.conv_requantization(graph, op)
    weights = constant(graph, op.inputs[1])
    biases = None
    if len(op.inputs) > 2 and op.inputs[2] != ABSENT:
        multipliers, shifts, biases = with_usual_scales(
            multipliers,
            shifts,
            constant(graph, op.inputs[2]).astype(np.int64),
            _spread(graph, op),
        )
    per_tensor = bool((multipliers == multipliers[0]).all() and (shifts == shifts[0]).all())
    if per_tensor:
        multipliers, shifts = multipliers[:1], shifts[:1]
    return OpConstants(
        weights=parameters.add_array(
            weights if op.kind is Kind.DEPTHWISE_CONV else padded_filters(weights), "i1"
        ),
        bias=NO_PARAMETER if biases is None else parameters.add_array(biases, "<i4"),
        requantization=parameters.add_requantization(multipliers, shifts),
        per_tensor=per_tensor,
    )


def _spread(graph: Graph, op: Op) -> np.ndarray:
    """How far the sum of each output channel is from its bias at most, int64 (channels,)."""
    weights = np.abs(constant(graph, op.inputs[1]).astype(np.int64))
    axis = 3 if op.kind is Kind.DEPTHWISE_CONV else 0
    sums = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1).sum(axis=1)
    return np.asarray(_LARGEST_INPUT * sums)


def padded_filters(weights: np.ndarray) -> np.ndarray:
    """Weights (O, ...) as (O, bytes), zeros behind each filter, so that each begins at a word."""
    filters = weights.reshape(len(weights), -1)
    return np.pad(filters, ((0, 0), (0, -filters.shape[1] % ALIGNMENT)))


def constant(graph: Graph, tensor: int) -> np.ndarray:
    data = graph.tensors[tensor].data
    assert data is not None
    return data


def is_lookup(graph: Graph, op: Op) -> bool:
    """Whether an elementwise operator has one varying input, hence is a table of 256 values."""
    if op.kind in (Kind.LOGISTIC, Kind.HARD_SWISH, Kind.RELU, Kind.RELU6, Kind.QUANTIZE):
        return True
    constants = [graph.tensors[t].is_constant for t in op.inputs if t != ABSENT]
    return op.kind in (Kind.ADD, Kind.MUL) and any(constants)


def lookup_table(graph: Graph, op: Op) -> np.ndarray:
    """Output of an elementwise operator for every input from -128 to 127, int8 (256,)."""
    if op.kind not in (Kind.ADD, Kind.MUL):
        return arithmetic.lookup_table(graph, op)
    every = np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 1, 256)
    tensors = {t: graph.tensors[t] for t in (*op.inputs, op.output)}
    varying = next(t for t in op.inputs if not graph.tensors[t].is_constant)
    for tensor in (varying, op.output):
        tensors[tensor] = dataclasses.replace(tensors[tensor], shape=every.shape)
    single = _single_op(tensors, op, varying)
    return reference.execute(single, [every])[single.outputs[0]].reshape(256)


def _single_op(tensors: dict[int, Tensor], op: Op, varying: int) -> Graph:
    position = {t: i for i, t in enumerate(tensors)}
    moved = dataclasses.replace(
        op,
        inputs=tuple(position[t] for t in op.inputs),
        outputs=(position[op.output],),
    )
    inputs = (position[varying],)
    return Graph(tuple(tensors.values()), (moved,), inputs, moved.outputs)
