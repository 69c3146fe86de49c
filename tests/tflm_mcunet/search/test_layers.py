# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from tests.tflm_mcunet.search.random_networks import random_architecture
from tflm_converters.cost import macs
from tflm_converters.schedule.network import build_network
from tflm_mcunet.search.graph import build_graph
from tflm_mcunet.search.layers import LayerKind, encode


def test_layers_are_those_of_the_converter() -> None:
    networks = [random_architecture(seed) for seed in range(12)]
    layers = encode(networks)
    for row, network in enumerate(networks):
        graph = build_graph(network)
        seen = build_network(graph).layers
        assert layers.counts[row] == len(seen)
        assert (layers.kind[row, len(seen) :] == LayerKind.NONE).all()
        for i, layer in enumerate(seen):
            extent = (layers.height[row, i], layers.width[row, i], layers.channels[row, i])
            assert extent == layer.extent
            assert layers.macs[row, i] == macs(graph, layer.op)
            rows, cols = layer.accesses[0].rows, layer.accesses[0].cols
            assert (layers.kernel_rows[row, i], layers.kernel_cols[row, i]) == (
                rows.span,
                cols.span,
            )
            assert (layers.stride_rows[row, i], layers.stride_cols[row, i]) == (
                rows.stride,
                cols.stride,
            )
            assert (layers.pad_top[row, i], layers.pad_left[row, i]) == (rows.pad, cols.pad)
