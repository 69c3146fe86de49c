# SPDX-License-Identifier: Apache-2.0
"""The blocks that several tests count by hand, on images of 8 x 8 x 2 (128 bytes)."""

from __future__ import annotations

from tests.network_builder import NetworkBuilder
from tflm_converters.schedule.network import Network, build_network


def residual() -> tuple[Network, list[int]]:
    """Expansion to 6 channels, 3 x 3 depthwise, projection, addition; all tensors in order."""
    builder = NetworkBuilder(0)
    x = builder.input(8, 8, 2)
    builder.inverted_residual(x, 2, expansion=3)
    graph = builder.build()
    return build_network(graph), [x, *(op.output for op in graph.ops)]


def squeezed() -> tuple[Network, list[int]]:
    """Expansion to 6 channels, 3 x 3 depthwise, squeeze-and-excite, projection, addition."""
    builder = NetworkBuilder(0)
    x = builder.input(8, 8, 2)
    builder.inverted_residual(x, 2, expansion=3, squeeze=4)
    graph = builder.build()
    return build_network(graph), [x, *(op.output for op in graph.ops)]
