# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from tests.tflm_mcunet.search.random_networks import random_architecture
from tflm_converters import reader, reference, writer
from tflm_converters.geometry import output_shape
from tflm_converters.graph import Kind
from tflm_converters.schedule.network import build_network
from tflm_mcunet.search.architecture import Architecture, Block, Convolution
from tflm_mcunet.search.graph import build_graph


@pytest.mark.parametrize("seed", range(6))
def test_graphs_are_what_the_converter_reads_and_can_run(seed: int) -> None:
    network = random_architecture(seed)
    graph = reader.read_bytes(writer.write(build_graph(network)), name="network")
    assert [op.kind for op in graph.ops] == [op.kind for op in build_graph(network).ops]
    assert not any(layer.stock for layer in build_network(graph).layers)
    for op in graph.ops:
        expected = output_shape(op, graph.tensors)
        assert expected is None or graph.tensors[op.output].shape == expected
    image = np.zeros((1, *network.input_shape), np.int8)
    logits = reference.execute(graph, [image])[graph.outputs[0]]
    assert logits.shape == (1, network.classes)


def test_operators_of_a_network() -> None:
    network = Architecture(
        (9, 9, 3), Convolution(8), ((Block(8, expansion=1), Block(8, (5, 5), (2, 2), 2)),), 16, 3
    )
    graph = build_graph(network)
    conv, depthwise = Kind.CONV, Kind.DEPTHWISE_CONV
    kinds = [conv, depthwise, conv, Kind.ADD, conv, depthwise, conv, conv]
    assert [op.kind for op in graph.ops] == [*kinds, Kind.MEAN, Kind.FULLY_CONNECTED]
    shapes = [graph.tensors[op.output].shape for op in graph.ops]
    assert shapes == [
        (1, 5, 5, 8),
        (1, 5, 5, 8),
        (1, 5, 5, 8),
        (1, 5, 5, 8),
        (1, 5, 5, 16),
        (1, 3, 3, 16),
        (1, 3, 3, 8),
        (1, 3, 3, 16),
        (1, 16),
        (1, 3),
    ]


def test_the_same_network_gives_the_same_graph() -> None:
    network = random_architecture(1)
    assert writer.write(build_graph(network)) == writer.write(build_graph(network))
