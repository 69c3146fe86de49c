# SPDX-License-Identifier: Apache-2.0
"""The few facts about a model that running it needs.

They are read from the flatbuffer in place, without building objects: milliseconds for
any model. `model` is the content of a `.tflite` file that `tflm_converters.flatbuffer_check`
has found to be well formed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as tflite

from tflm_converters.errors import ModelFileError
from tflm_converters.schema import DTYPES

_LARGEST_ELEMENT = 16
_FIXED_COST = 1 << 18
_ALIGNMENT = 16  # so that nothing is lost at the arena's end


def ample_arena(model: bytes) -> int:
    """An arena size in bytes that is certainly enough, even if no two tensors share memory."""
    root = _root(model)
    activations = sum(
        _tensor_bytes(tensor) for tensor in _tensors(root) if not _is_constant(root, tensor)
    )
    # Persistent structures are bounded by the number of operators, tensors and channels,
    # all of which take more room in the file. Scratch: im2col-like copies of activations.
    size = 10 * len(model) + 3 * activations + _FIXED_COST
    return size - size % _ALIGNMENT


def resource_variable_count(model: bytes) -> int:
    """The number of distinct resource variables, which the interpreter reserves at start."""
    names = set()
    for operator in _operators_of(_root(model), tflite.BuiltinOperator.VAR_HANDLE):
        options = tflite.VarHandleOptions()
        table = operator.BuiltinOptions()
        if table is not None:
            options.Init(table.Bytes, table.Pos)
            names.add(options.SharedName())
    return len(names)


def input_count(model: bytes) -> int:
    """The number of inputs."""
    count: int = _main(model).InputsLength()
    return count


def output_count(model: bytes) -> int:
    """The number of outputs."""
    count: int = _main(model).OutputsLength()
    return count


def _root(model: bytes) -> Any:
    return tflite.Model.GetRootAs(model)


def _main(model: bytes) -> Any:
    root = _root(model)
    if root.SubgraphsLength() == 0:
        raise ModelFileError("the file holds no graph")
    return root.Subgraphs(0)


def _subgraphs(root: Any) -> Iterator[Any]:
    return (root.Subgraphs(i) for i in range(root.SubgraphsLength()))


def _tensors(root: Any) -> Iterator[Any]:
    for graph in _subgraphs(root):
        yield from (graph.Tensors(i) for i in range(graph.TensorsLength()))


def _tensor_bytes(tensor: Any) -> int:
    shape = tensor.ShapeAsNumpy() if tensor.ShapeLength() else ()
    dtype = DTYPES.get(tensor.Type(), "")
    known = dtype in np.sctypeDict
    return math.prod(int(n) for n in shape) * (
        np.dtype(dtype).itemsize if known else _LARGEST_ELEMENT
    )


def _is_constant(root: Any, tensor: Any) -> bool:
    index = tensor.Buffer()
    return index < root.BuffersLength() and root.Buffers(index).DataLength() > 0


def _operators_of(root: Any, builtin: int) -> Iterator[Any]:
    codes = {
        i
        for i in range(root.OperatorCodesLength())
        if root.OperatorCodes(i).BuiltinCode() == builtin
    }
    for graph in _subgraphs(root) if codes else ():
        operators = (graph.Operators(i) for i in range(graph.OperatorsLength()))
        yield from (operator for operator in operators if operator.OpcodeIndex() in codes)
