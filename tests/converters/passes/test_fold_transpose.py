# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSEs cancel, merge, or move into weights."""

from __future__ import annotations

from tests.converters.passes.comparison import differing_bytes, kinds
from tests.networks import NetworkBuilder
from tflm_converters.graph import Kind, TransposeAttributes
from tflm_converters.passes import fold_reshape, fold_transpose

TO_NCHW = (0, 3, 1, 2)
TO_NHWC = (0, 2, 3, 1)


def test_inverse_pair_across_elementwise_operators_cancels() -> None:
    builder = NetworkBuilder()
    x = builder.transpose(builder.input(3, 4, 2), *TO_NCHW)
    x = builder.transpose(builder.hard_swish(builder.relu6(x)), *TO_NHWC)
    before = builder.build(builder.conv(x, 3))
    after = fold_reshape.run(fold_transpose.run(before))
    assert kinds(after) == [Kind.RELU6, Kind.HARD_SWISH, Kind.CONV]
    assert differing_bytes(before, after) == 0


def test_two_become_one() -> None:
    builder = NetworkBuilder()
    x = builder.transpose(builder.input(3, 4, 2), *TO_NCHW)
    before = builder.build(builder.transpose(builder.logistic(x), *TO_NCHW))
    after = fold_transpose.run(before)
    assert kinds(after) == [Kind.LOGISTIC, Kind.TRANSPOSE]
    assert after.ops[1].attributes == TransposeAttributes((0, 2, 3, 1))
    assert differing_bytes(before, after) == 0


def test_two_that_do_not_commute() -> None:
    builder = NetworkBuilder()
    x = builder.transpose(builder.input(3, 4, 2), *TO_NCHW)
    before = builder.build(builder.transpose(x, 0, 2, 1, 3))
    after = fold_transpose.run(before)
    assert kinds(after) == [Kind.TRANSPOSE]
    assert differing_bytes(before, after) == 0


def test_moving_short_axes_is_a_reshape() -> None:
    builder = NetworkBuilder()
    before = builder.build(builder.transpose(builder.input(4, 1, 2), 0, 2, 1, 3))
    after = fold_transpose.run(before)
    assert kinds(after) == [Kind.RESHAPE]
    assert differing_bytes(before, after) == 0


def test_moves_into_weights_of_fully_connected() -> None:
    """PyTorch flattens NCHW before a classifier."""
    builder = NetworkBuilder()
    x = builder.transpose(builder.conv(builder.input(3, 4, 2), 5), *TO_NCHW)
    builder.fully_connected(builder.reshape(x, 1, 60), 7)
    before = builder.build()
    after = fold_transpose.run(before)
    assert kinds(after) == [Kind.CONV, Kind.FULLY_CONNECTED]
    assert differing_bytes(before, after) == 0


def test_keeps_one_whose_row_others_read() -> None:
    builder = NetworkBuilder()
    x = builder.reshape(builder.transpose(builder.input(3, 4, 2), *TO_NCHW), 1, 24)
    before = builder.build(builder.fully_connected(x, 5), builder.fully_connected(x, 3))
    assert kinds(fold_transpose.run(before))[0] is Kind.TRANSPOSE


def test_keeps_one_before_a_convolution() -> None:
    """An NCHW image stays NCHW: the interface does not change."""
    builder = NetworkBuilder()
    builder.conv(builder.transpose(builder.input(3, 8, 8), *TO_NHWC), 4)
    before = builder.build()
    assert fold_transpose.run(before) is before


def test_keeps_a_pair_whose_middle_is_read() -> None:
    builder = NetworkBuilder()
    x = builder.transpose(builder.input(3, 4, 2), *TO_NCHW)
    y = builder.relu(x)
    for middle, last in ((x, x), (y, y)):
        before = builder.build(builder.transpose(last, *TO_NHWC), builder.softmax(middle))
        assert fold_transpose.run(before) is before
        del builder.ops[-2:]
