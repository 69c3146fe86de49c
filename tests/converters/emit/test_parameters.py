# SPDX-License-Identifier: Apache-2.0
"""Constants of programs: what is stored, where, and only once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from tests.network_builder import NetworkBuilder
from tflm_converters import arithmetic, reference
from tflm_converters.emit.parameters import (
    OpConstants,
    Parameters,
    add_constants,
    is_lookup,
    lookup_table,
)
from tflm_converters.emit.program_format import ADD_REQUANTIZATION, NO_PARAMETER
from tflm_converters.graph import Activation, Graph

Build = Callable[[NetworkBuilder, int], int]

EVERY_VALUE = np.arange(-128, 128, dtype=np.int8)


def graph(build: Build, *, per_channel: bool = True) -> Graph:
    """The layer that `build` appends to an input of 4 x 64 x 1: room for all int8 values."""
    builder = NetworkBuilder(3, per_channel=per_channel)
    build(builder, builder.input(4, 64, 1))
    return builder.build()


# ---- The blob ----


def test_entries_are_aligned() -> None:
    parameters = Parameters()
    assert [parameters.add(data) for data in (b"abc", b"defgh", b"i")] == [0, 4, 12]
    assert parameters.to_bytes() == b"abc\0defgh\0\0\0i\0\0\0"


def test_equal_entries_are_stored_once() -> None:
    parameters = Parameters()
    assert [parameters.add(data) for data in (b"abcd", b"efgh", b"abcd")] == [0, 4, 0]
    assert len(parameters.to_bytes()) == 8


def test_a_blob_is_never_empty() -> None:
    assert Parameters().to_bytes() == bytes(4)


def test_multipliers_are_followed_by_their_shifts() -> None:
    parameters = Parameters()
    offset = parameters.add_requantization(np.array([1 << 30, 5]), np.array([-3, 2]))
    assert parameters.to_bytes()[offset:] == bytes([0, 0, 0, 0x40, 5, 0, 0, 0, 0xFD, 2, 0, 0])


def test_records_are_structs_of_the_same_field_names() -> None:
    built = graph(lambda b, x: b.add(x, x))
    record = arithmetic.add_requantization(built, built.ops[0])
    parameters = Parameters()
    offset = parameters.add_record(record, ADD_REQUANTIZATION)
    (stored,) = np.frombuffer(parameters.to_bytes(), ADD_REQUANTIZATION, 1, offset)
    assert {name: int(stored[name]) for name in ADD_REQUANTIZATION.names} == dataclasses.asdict(
        record
    )


# ---- One operator ----


@pytest.mark.parametrize("per_channel", [True, False])
def test_convolutions(per_channel: bool) -> None:
    built = graph(lambda b, x: b.conv(x, 5, kernel=3), per_channel=per_channel)
    op, parameters = built.ops[0], Parameters()
    constants = add_constants(parameters, built, op)
    assert constants.per_tensor is not per_channel
    blob = parameters.to_bytes()
    weights, bias = (built.tensors[t].data for t in op.inputs[1:])
    filters = np.frombuffer(blob, "i1", 5 * 12, constants.weights).reshape(5, 12)
    np.testing.assert_array_equal(filters[:, :9], weights.reshape(5, 9))
    assert not filters[:, 9:].any()  # each begins at a word
    np.testing.assert_array_equal(np.frombuffer(blob, "<i4", 5, constants.bias), bias)
    multipliers, shifts = arithmetic.conv_requantization(built, op)
    count = 5 if per_channel else 1
    stored = np.frombuffer(blob, "<i4", count, constants.requantization)
    np.testing.assert_array_equal(stored, multipliers[:count])
    stored = np.frombuffer(blob, "i1", count, constants.requantization + 4 * count)
    np.testing.assert_array_equal(stored, shifts[:count])


def test_a_missing_bias_is_no_parameter() -> None:
    built = graph(lambda b, x: b.conv(x, 5, bias=False))
    assert add_constants(Parameters(), built, built.ops[0]).bias == NO_PARAMETER


@pytest.mark.parametrize(
    "build",
    [
        lambda b, x: b.max_pool(x, kernel=2),
        lambda b, x: b.average_pool(x, kernel=2),
        lambda b, x: b.pad(x, (1, 1), (1, 1)),
        lambda b, x: b.concatenate(x, x),
        lambda b, x: b.resize_nearest(x, 2),
        lambda b, x: b.reshape(x, 1, 64, 4, 1),
    ],
)
def test_operators_without_constants(build: Build) -> None:
    built = graph(build)
    parameters = Parameters()
    assert add_constants(parameters, built, built.ops[0]) == OpConstants()
    assert parameters.to_bytes() == bytes(4)


# ---- Tables ----

TABLES: dict[str, Build] = {
    "logistic": lambda b, x: b.logistic(x),
    "hard swish": lambda b, x: b.hard_swish(x),
    "relu": lambda b, x: b.relu(x),
    "relu6": lambda b, x: b.relu6(x),
    "quantize": lambda b, x: b.quantize(x),
    "add a number": lambda b, x: b.add(x, b.constant(0.7), activation=Activation.RELU6),
    "add to a number": lambda b, x: b.add(b.constant(0.7), x),
    "multiply by a number": lambda b, x: b.mul(x, b.constant([-1.3])),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_hold_the_output_for_every_input(name: str) -> None:
    built = graph(TABLES[name])
    (op,) = built.ops
    assert is_lookup(built, op)
    image = EVERY_VALUE.reshape(1, 4, 64, 1)
    expected = reference.execute(built, [image])[op.output].ravel()
    np.testing.assert_array_equal(lookup_table(built, op), expected)
    parameters = Parameters()
    constants = add_constants(parameters, built, op)
    assert constants == OpConstants(weights=0)
    assert parameters.to_bytes() == expected.tobytes()


@pytest.mark.parametrize("build", [lambda b, x: b.add(x, x), lambda b, x: b.softmax(x)])
def test_what_is_no_table(build: Build) -> None:
    built = graph(build)
    assert not is_lookup(built, built.ops[0])
