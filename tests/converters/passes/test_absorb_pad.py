# SPDX-License-Identifier: Apache-2.0
"""PAD becomes explicit padding, but only where no output can show the difference."""

from __future__ import annotations

import pytest

from tests.converters.passes.comparison import differing_bytes, kinds
from tests.networks import NetworkBuilder
from tflm_converters.graph import Activation, ConvAttributes, Graph, Kind, Padding, Window
from tflm_converters.passes import absorb_pad


def zero_point(builder: NetworkBuilder, tensor: int) -> int:
    quantization = builder.tensors[tensor].quantization
    assert quantization is not None
    return quantization.zero_point


def padded_pool(kind: Kind, value: int | None, activation: Activation = Activation.NONE) -> Graph:
    builder = NetworkBuilder()
    x = builder.pad(builder.input(6, 6, 2), (1, 1), (1, 1), value=value)
    pool = builder.max_pool if kind is Kind.MAX_POOL else builder.average_pool
    return builder.build(pool(x, kernel=2, stride=2, activation=activation))


def test_symmetric_pad_before_stride_2() -> None:
    builder = NetworkBuilder()
    x = builder.pad(builder.input(8, 8, 3), (1, 1), (1, 1))
    builder.conv(x, 4, kernel=3, stride=2, padding="VALID")
    before = builder.build()
    after = absorb_pad.run(before)
    assert kinds(after) == [Kind.CONV]
    assert isinstance(after.ops[0].attributes, ConvAttributes)
    assert after.ops[0].attributes.window == Window(2, 2, padding=Padding(1, 1, 1, 1))
    assert differing_bytes(before, after) == 0


def test_adds_to_own_padding_and_chains() -> None:
    builder = NetworkBuilder()
    x = builder.pad(builder.input(8, 8, 3), (1, 0), (0, 2))
    x = builder.pad(x, (0, 1), (1, 0))
    builder.depthwise(x, kernel=5, padding=Padding(1, 2, 1, 1))
    before = builder.build()
    after = absorb_pad.run(before)
    assert kinds(after) == [Kind.DEPTHWISE_CONV]
    assert isinstance(after.ops[0].attributes, ConvAttributes)
    assert after.ops[0].attributes.window.padding == Padding(2, 3, 2, 3)
    assert differing_bytes(before, after) == 0


def test_all_readers_absorb() -> None:
    builder = NetworkBuilder()
    x = builder.pad(builder.input(7, 7, 3), (1, 1), (1, 1))
    before = builder.build(
        builder.conv(x, 4, kernel=3, stride=2, padding="VALID"), builder.depthwise(x, kernel=3)
    )
    after = absorb_pad.run(before)
    assert kinds(after) == [Kind.CONV, Kind.DEPTHWISE_CONV]
    assert differing_bytes(before, after) == 0


@pytest.mark.parametrize(
    ("value", "activation"), [(-128, Activation.NONE), (None, Activation.RELU)]
)
def test_max_pool_absorbs_what_cannot_win(value: int | None, activation: Activation) -> None:
    """No input is less than -128, and RELU lets nothing less than the zero point through."""
    before = padded_pool(Kind.MAX_POOL, value, activation)
    after = absorb_pad.run(before)
    assert kinds(after) == [Kind.MAX_POOL]
    assert differing_bytes(before, after) == 0


@pytest.mark.parametrize(
    ("kind", "value"), [(Kind.MAX_POOL, -127), (Kind.AVERAGE_POOL, -128), (Kind.AVERAGE_POOL, None)]
)
def test_refuses_pools_that_would_show_it(kind: Kind, value: int | None) -> None:
    assert kinds(absorb_pad.run(padded_pool(kind, value))) == [Kind.PAD, kind]


def test_refuses_other_values_than_the_zero_point() -> None:
    builder = NetworkBuilder()
    x = builder.input(6, 6, 2)
    x = builder.pad(x, (1, 1), (1, 1), value=zero_point(builder, x) + 1)
    builder.conv(x, 2, kernel=3, padding="VALID")
    assert kinds(absorb_pad.run(builder.build())) == [Kind.PAD, Kind.CONV]


def test_refuses_to_pad_channels() -> None:
    builder = NetworkBuilder()
    x = builder.pad(builder.input(6, 6, 2), (1, 1), (1, 1), channels=(0, 1))
    builder.conv(x, 2, kernel=3, padding="VALID")
    assert kinds(absorb_pad.run(builder.build())) == [Kind.PAD, Kind.CONV]


def test_refuses_windows_that_miss_the_input() -> None:
    builder = NetworkBuilder()
    x = builder.pad(builder.input(6, 6, 2), (3, 0), (0, 0))
    builder.conv(x, 2, kernel=3, padding="VALID")
    assert kinds(absorb_pad.run(builder.build())) == [Kind.PAD, Kind.CONV]


@pytest.mark.parametrize("is_output", [False, True])
def test_refuses_if_something_else_sees_the_padded_tensor(is_output: bool) -> None:
    builder = NetworkBuilder()
    x = builder.pad(builder.input(6, 6, 2), (1, 1), (1, 1))
    y = builder.conv(x, 2, kernel=3, padding="VALID")
    before = builder.build(y, x if is_output else builder.logistic(x))
    assert Kind.PAD in kinds(absorb_pad.run(before))
