# SPDX-License-Identifier: Apache-2.0
"""Edits of a graph, collected and applied at once."""

from __future__ import annotations

import pytest

from tests.networks import NetworkBuilder
from tflm_converters.graph import Graph, Kind
from tflm_converters.passes.rewriter import Readers, Rewriter, same_quantization, until_stable


@pytest.fixture
def graph() -> Graph:
    """RELU, LOGISTIC and SOFTMAX in a row; LOGISTIC is an output as well."""
    builder = NetworkBuilder()
    x = builder.logistic(builder.relu(builder.input(2, 2, 3)))
    return builder.build(builder.softmax(x), x)


def test_redirections_may_follow_one_another(graph: Graph) -> None:
    relu, logistic, _ = graph.ops
    rewriter = Rewriter(graph)
    rewriter.redirect(logistic.output, relu.output)
    rewriter.redirect(relu.output, relu.inputs[0])
    changed = rewriter.build()
    assert [op.inputs for op in changed.ops] == [relu.inputs] * 3
    assert changed.outputs == graph.outputs


def test_one_operator_reads_and_writes_other_tensors(graph: Graph) -> None:
    relu, logistic, softmax = graph.ops
    rewriter = Rewriter(graph)
    rewriter.read_instead(2, logistic.output, relu.output)
    rewriter.write_instead(2, softmax.output, rewriter.add_tensor(graph.tensors[softmax.output]))
    last = rewriter.build().ops[2]
    assert (last.inputs, last.outputs) == (relu.outputs, (len(graph.tensors),))


def test_operators_are_replaced_in_place(graph: Graph) -> None:
    rewriter = Rewriter(graph)
    rewriter.replace_op(0)
    rewriter.replace_op(1, graph.ops[2], graph.ops[1])
    kinds = [op.kind for op in rewriter.build().ops]
    assert kinds == [Kind.SOFTMAX, Kind.LOGISTIC, Kind.SOFTMAX]


def test_graph_outputs_count_as_readers(graph: Graph) -> None:
    readers = Readers(graph)
    assert readers.only_op(graph.ops[0].output) == 1
    assert readers.only_op(graph.ops[1].output) is None
    assert readers.only_op(graph.ops[2].output) is None


def test_steps_repeat_until_nothing_changes(graph: Graph) -> None:
    def drop_last(current: Graph) -> Graph:
        return current.replace(ops=current.ops[:-1]) if len(current.ops) > 1 else current

    assert len(until_stable(drop_last, graph).ops) == 1


def test_same_bytes_need_the_same_scale(graph: Graph) -> None:
    source, _, logistic, softmax = (graph.tensors[t] for t in range(4))
    assert same_quantization(logistic, softmax)
    assert not same_quantization(source, logistic)
