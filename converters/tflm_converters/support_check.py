# SPDX-License-Identifier: Apache-2.0
"""Check that a sound graph is one that can be run: known operators, quantized layers."""

from __future__ import annotations

from tflm_converters import tflm_operators
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import ABSENT, Graph, Kind, Op, PassThroughAttributes
from tflm_converters.operator_reader import operator_name
from tflm_converters.schema import PROGRAM_OPERATOR

_QUANTIZED = frozenset({"int8", "uint8", "int16"})
_CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE"})


def check(graph: Graph) -> None:
    """Raise UnsupportedModelError, naming the operator, for a model that cannot be run."""
    _check_operators(graph)
    _check_is_quantized(graph)


def _check_operators(graph: Graph) -> None:
    for index, op in enumerate(graph.ops):
        attributes = op.attributes
        if isinstance(attributes, PassThroughAttributes):
            _check_known(attributes.operator_name, attributes.is_custom, graph.describe(index))
    for number, subgraph in enumerate(graph.rest.get("subgraphs", ()), start=1):
        for opcode in subgraph.opcodes:
            name, is_custom = operator_name(opcode)
            _check_known(name, is_custom, f"operator {name} of subgraph {number}")


def _check_known(name: str, is_custom: bool, place: str) -> None:
    known = tflm_operators.CUSTOMS | {PROGRAM_OPERATOR} if is_custom else tflm_operators.BUILTINS
    if name not in known:
        origin = "custom operator" if is_custom else "builtin operator"
        raise UnsupportedModelError(
            f"{place}: TFLite-Micro has no {origin} '{name}'; replace it in the model, "
            "then convert it again"
        )


def _check_is_quantized(graph: Graph) -> None:
    """A model whose layers all compute in float32 is refused; single float layers are not."""
    dtypes = [_activation_dtypes(graph, op) for op in graph.ops]
    if any(found & _QUANTIZED for found in dtypes):
        return
    for index, found in enumerate(dtypes):
        if "float32" in found:
            raise UnsupportedModelError(
                f"this is a float32 model: {graph.describe(index)} is its first float layer; "
                "quantize it to int8 first (full-integer post-training quantization or "
                "quantization-aware training)"
            )


def _activation_dtypes(graph: Graph, op: Op) -> set[str]:
    """Types of what an operator computes with; none for conversions between types."""
    if op.kind in (Kind.QUANTIZE, Kind.DEQUANTIZE):
        return set()
    attributes = op.attributes
    if isinstance(attributes, PassThroughAttributes) and attributes.operator_name in _CONVERSIONS:
        return set()
    tensors = [graph.tensors[t] for t in (*op.inputs, *op.outputs) if t != ABSENT]
    return {tensor.dtype for tensor in tensors if not tensor.is_constant}
