# SPDX-License-Identifier: Apache-2.0
"""RESHAPEs whose operand is computed from shapes become static."""

from __future__ import annotations

import numpy as np
import pytest

from tests.converters.passes.comparison import kinds
from tests.networks import NetworkBuilder
from tflm_converters.graph import Graph, Kind, Op, PassThroughAttributes, Tensor
from tflm_converters.passes import freeze_shapes


def pass_through(name: str, *, inputs: tuple[int, ...], output: int) -> Op:
    attributes = PassThroughAttributes(name, False, None, None)
    return Op(Kind.PASS_THROUGH, inputs, (output,), attributes)


def flattened(*, first_operator: str, of_constant: bool = False) -> Graph:
    """RELU, then a RESHAPE whose operand is PACK(STRIDED_SLICE(first operator), -1).

    The first operator reads the tensor to reshape, or a constant.
    """
    builder = NetworkBuilder()
    x = builder.relu(builder.input(3, 4, 2))
    quantization = builder.tensors[x].quantization
    first = len(builder.tensors)
    tensors = (
        *builder.tensors,
        Tensor("shape", (4,), "int32"),
        Tensor("begin", (1,), "int32", data=np.zeros(1, np.int32)),
        Tensor("batch", (), "int32"),
        Tensor("minus_one", (), "int32", data=np.array(-1, np.int32)),
        Tensor("packed", (2,), "int32"),
        Tensor("flat", (1, 24), "int8", quantization),
    )
    shape, begin, batch, minus_one, packed, flat = range(first, first + 6)
    ops = (
        *builder.ops,
        pass_through(first_operator, inputs=(begin if of_constant else x,), output=shape),
        pass_through("STRIDED_SLICE", inputs=(shape, begin, begin, begin), output=batch),
        pass_through("PACK", inputs=(batch, minus_one), output=packed),
        pass_through("RESHAPE", inputs=(x, packed), output=flat),
    )
    return Graph(tensors, ops, tuple(builder.inputs), (flat,))


def test_shape_arithmetic_disappears() -> None:
    before = flattened(first_operator="SHAPE")
    after = freeze_shapes.run(before)
    assert kinds(after) == [Kind.RELU, Kind.RESHAPE]
    assert after.ops[1].inputs == (before.ops[0].output,)
    assert after.outputs == before.outputs


def test_arithmetic_on_constants_disappears() -> None:
    after = freeze_shapes.run(flattened(first_operator="CAST", of_constant=True))
    assert kinds(after) == [Kind.RELU, Kind.RESHAPE]


@pytest.mark.parametrize(("operator", "of_constant"), [("CAST", False), ("READ_VARIABLE", True)])
def test_refuses_shapes_that_depend_on_values(operator: str, of_constant: bool) -> None:
    before = flattened(first_operator=operator, of_constant=of_constant)
    assert freeze_shapes.run(before) is before
