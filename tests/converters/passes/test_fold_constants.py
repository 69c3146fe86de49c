# SPDX-License-Identifier: Apache-2.0
"""Operators on constants become constants."""

from __future__ import annotations

import numpy as np

from tests.converters.passes.comparison import differing_bytes, kinds
from tests.networks import NetworkBuilder
from tflm_converters.graph import Graph, Kind, NoAttributes, Op, PassThroughAttributes
from tflm_converters.passes import fold_constants


def constant_branch() -> tuple[NetworkBuilder, int]:
    builder = NetworkBuilder()
    x = builder.constant(np.linspace(-1, 1, 32).reshape(1, 4, 4, 2))
    return builder, builder.max_pool(builder.relu(x), kernel=2, stride=2)


def test_chain_of_constants() -> None:
    builder, constant = constant_branch()
    before = builder.build(builder.add(builder.input(2, 2, 2), constant))
    after = fold_constants.run(before)
    assert kinds(after) == [Kind.ADD]
    assert after.tensors[constant].is_constant
    assert differing_bytes(before, after) == 0


def test_keeps_what_is_an_output() -> None:
    builder, constant = constant_branch()
    after = fold_constants.run(builder.build(constant))
    assert kinds(after) == [Kind.MAX_POOL]


def test_keeps_operators_that_it_cannot_execute() -> None:
    attributes = PassThroughAttributes("TANH", False, None, None)
    builder, _ = constant_branch()
    op = Op(Kind.PASS_THROUGH, (0,), (1,), attributes)
    graph = Graph(tuple(builder.tensors), (op, Op(Kind.RELU, (1,), (2,), NoAttributes())), (), (2,))
    assert kinds(fold_constants.run(graph)) == [Kind.PASS_THROUGH, Kind.RELU]
