# SPDX-License-Identifier: Apache-2.0
"""MEANs reduce the untransposed tensor, each with its own requantization."""

from __future__ import annotations

import pytest

from tests.converters.passes.comparison import differing_bytes, kinds
from tests.networks import NetworkBuilder
from tflm_converters.graph import Graph, Kind
from tflm_converters.passes import collapse_transpose_mean

TO_NCHW = (0, 3, 1, 2)


def pooled(*axes: tuple[int, ...], keep_dims: bool) -> Graph:
    """CONV_2D, TRANSPOSE to NCHW, one MEAN for each tuple of axes, FULLY_CONNECTED."""
    builder = NetworkBuilder()
    x = builder.transpose(builder.conv(builder.input(3, 5, 2), 4), *TO_NCHW)
    for reduced in axes:
        x = builder.mean(x, reduced, keep_dims=keep_dims)
    return builder.build(builder.fully_connected(x, 3), x)


def test_pytorch_global_pooling() -> None:
    before = pooled((3,), (2,), keep_dims=False)
    after = collapse_transpose_mean.run(before)
    assert kinds(after) == [Kind.CONV, Kind.MEAN, Kind.MEAN, Kind.FULLY_CONNECTED]
    shapes = [after.tensors[op.output].shape for op in after.ops[:3]]
    assert shapes == [(1, 3, 5, 4), (1, 3, 1, 4), (1, 4)]
    assert differing_bytes(before, after) == 0


@pytest.mark.parametrize("axes", [((2, 3),), ((3,), (2,)), ((2,), (3,))])
def test_kept_dimensions_need_a_reshape(axes: tuple[tuple[int, ...], ...]) -> None:
    before = pooled(*axes, keep_dims=True)
    after = collapse_transpose_mean.run(before)
    means = [Kind.MEAN] * len(axes)
    assert kinds(after) == [Kind.CONV, *means, Kind.RESHAPE, Kind.FULLY_CONNECTED]
    assert differing_bytes(before, after) == 0


def test_one_mean_over_both_axes() -> None:
    before = pooled((2, 3), keep_dims=False)
    after = collapse_transpose_mean.run(before)
    assert kinds(after) == [Kind.CONV, Kind.MEAN, Kind.FULLY_CONNECTED]
    assert differing_bytes(before, after) == 0


def test_two_means_are_not_one() -> None:
    """The second requantization shows: merging the MEANs would not be exact."""
    twice = pooled((3,), (2,), keep_dims=False)
    once = pooled((2, 3), keep_dims=False)
    assert differing_bytes(twice, once) > 0


def test_mean_over_channels_too() -> None:
    before = pooled((3,), (1,), keep_dims=False)
    after = collapse_transpose_mean.run(before)
    assert kinds(after) == [Kind.CONV, Kind.MEAN, Kind.MEAN, Kind.FULLY_CONNECTED]
    assert differing_bytes(before, after) == 0


def test_refuses_a_result_in_another_order() -> None:
    """After one MEAN, channels still come before rows."""
    before = pooled((3,), keep_dims=False)
    assert kinds(collapse_transpose_mean.run(before))[1] is Kind.TRANSPOSE


def test_refuses_a_result_that_others_read() -> None:
    builder = NetworkBuilder()
    x = builder.transpose(builder.input(3, 5, 4), *TO_NCHW)
    y = builder.mean(x, (3,), keep_dims=False)
    before = builder.build(builder.mean(y, (2,), keep_dims=False), y)
    assert kinds(collapse_transpose_mean.run(before)) == [Kind.TRANSPOSE, Kind.MEAN, Kind.MEAN]
