# SPDX-License-Identifier: Apache-2.0
"""RESHAPEs go where no shape depends on them."""

from __future__ import annotations

from tests.converters.passes.comparison import differing_bytes, kinds, with_tensor
from tests.network_builder import per_tensor
from tests.networks import NetworkBuilder
from tflm_converters.graph import Kind
from tflm_converters.passes import fold_reshape


def test_before_fully_connected() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(3, 4, 2), 3)
    builder.fully_connected(builder.reshape(x, 1, 36), 5)
    before = builder.build()
    after = fold_reshape.run(before)
    assert kinds(after) == [Kind.CONV, Kind.FULLY_CONNECTED]
    assert after.ops[1].inputs[0] == x
    assert differing_bytes(before, after) == 0


def test_keeps_the_one_that_decides_an_output_shape() -> None:
    builder = NetworkBuilder()
    x = builder.reshape(builder.input(3, 4, 2), 1, 24)
    builder.fully_connected(x, 5, keep_num_dims=True)
    assert kinds(fold_reshape.run(builder.build())) == [Kind.RESHAPE, Kind.FULLY_CONNECTED]


def test_only_the_last_of_a_chain_stays() -> None:
    builder = NetworkBuilder()
    x = builder.input(3, 4, 2)
    x = builder.reshape(builder.reshape(builder.reshape(x, 1, 24), 1, 6, 4), 1, 4, 3, 2)
    before = builder.build(builder.softmax(x))
    after = fold_reshape.run(before)
    assert kinds(after) == [Kind.RESHAPE, Kind.SOFTMAX]
    assert differing_bytes(before, after) == 0


def test_chain_back_to_the_same_shape_disappears() -> None:
    builder = NetworkBuilder()
    x = builder.relu(builder.input(3, 4, 2))
    x = builder.reshape(builder.reshape(x, 1, 24), 1, 3, 4, 2)
    before = builder.build(builder.softmax(x))
    after = fold_reshape.run(before)
    assert kinds(after) == [Kind.RELU, Kind.SOFTMAX]
    assert differing_bytes(before, after) == 0


def test_chain_with_other_readers_keeps_what_they_read() -> None:
    builder = NetworkBuilder()
    x = builder.reshape(builder.input(3, 4, 2), 1, 24)
    before = builder.build(builder.softmax(x), builder.reshape(x, 1, 6, 4))
    after = fold_reshape.run(before)
    assert kinds(after) == [Kind.RESHAPE, Kind.SOFTMAX, Kind.RESHAPE]
    assert after.ops[2].inputs == before.inputs
    assert differing_bytes(before, after) == 0


def test_output_keeps_its_name() -> None:
    builder = NetworkBuilder()
    x = builder.relu(builder.input(3, 4, 2))
    before = builder.build(builder.reshape(x, 1, 3, 4, 2))
    after = fold_reshape.run(before)
    assert kinds(after) == [Kind.RELU]
    assert after.outputs == before.outputs
    assert differing_bytes(before, after) == 0


def test_keeps_a_copy_from_input_to_output() -> None:
    builder = NetworkBuilder()
    before = builder.build(builder.reshape(builder.input(3, 4, 2), 1, 3, 4, 2))
    assert kinds(fold_reshape.run(before)) == [Kind.RESHAPE]


def test_refuses_bytes_that_change_their_meaning() -> None:
    builder = NetworkBuilder()
    x = builder.reshape(builder.input(3, 4, 2), 1, 24)
    builder.fully_connected(x, 5)
    before = with_tensor(builder.build(), x, quantization=per_tensor(0.7, 3))
    assert kinds(fold_reshape.run(before)) == [Kind.RESHAPE, Kind.FULLY_CONNECTED]
