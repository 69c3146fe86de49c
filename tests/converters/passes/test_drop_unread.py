# SPDX-License-Identifier: Apache-2.0
"""What no output depends on is removed; what has effects besides is not."""

from __future__ import annotations

import pytest

from tests.converters.passes.comparison import differing_bytes, kinds, with_tensor
from tests.networks import NetworkBuilder
from tflm_converters.graph import Graph, Kind, Op, PassThroughAttributes
from tflm_converters.passes import drop_unread


def test_removes_branches_and_their_tensors() -> None:
    builder = NetworkBuilder()
    x = builder.input(4, 4, 2)
    builder.relu(builder.conv(x, 3))
    y = builder.conv(x, 2)
    builder.logistic(y)
    before = builder.build(y)
    after = drop_unread.run(before)
    assert kinds(after) == [Kind.CONV]
    assert len(after.tensors) == 4  # input, weights, bias, output
    assert differing_bytes(before, after) == 0


def test_keeps_unread_inputs() -> None:
    builder = NetworkBuilder()
    x = builder.input(2, 2, 1)
    builder.input(3, 3, 1)
    after = drop_unread.run(builder.build(builder.relu(x)))
    assert [after.tensors[t].shape for t in after.inputs] == [(1, 2, 2, 1), (1, 3, 3, 1)]


def unread_pass_through(name: str, *, is_custom: bool = False) -> Graph:
    builder = NetworkBuilder()
    x = builder.input(2, 2, 1)
    y = builder.relu(x)
    unread = builder.relu(x)
    builder.ops.pop()
    attributes = PassThroughAttributes(name, is_custom, None, None)
    builder.ops.append(Op(Kind.PASS_THROUGH, (x,), (unread,), attributes))
    return builder.build(y)


@pytest.mark.parametrize(("name", "is_custom"), [("WHILE", False), ("Counter", True)])
def test_keeps_what_may_have_side_effects(name: str, is_custom: bool) -> None:
    graph = unread_pass_through(name, is_custom=is_custom)
    assert kinds(drop_unread.run(graph)) == [Kind.RELU, Kind.PASS_THROUGH]


def test_removes_pure_pass_through_unless_it_has_state() -> None:
    graph = unread_pass_through("TANH")
    assert kinds(drop_unread.run(graph)) == [Kind.RELU]
    stateful = with_tensor(graph, graph.inputs[0], is_variable=True)
    assert Kind.PASS_THROUGH in kinds(drop_unread.run(stateful))
