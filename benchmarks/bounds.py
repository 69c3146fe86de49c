# SPDX-License-Identifier: Apache-2.0
"""Bytes that every schedule must hold which computes nothing twice, whatever its order.

A *barrier* is a layer of which each output depends on all of some earlier tensors: a dense
layer behind a global pooling, as in squeeze-and-excite, or a classifier. Before its first
output is there, every element of those tensors has been computed. Those that are read again
by layers behind the barrier have not been read there yet. So, unless they are computed a
second time, all of them are in memory at once.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_converters.graph import Kind
from tflm_converters.schedule.layers import Access, Layer
from tflm_converters.schedule.network import Network

_DENSE = (Kind.CONV, Kind.FULLY_CONNECTED)


@dataclasses.dataclass(frozen=True)
class Bound:
    """Tensors that are whole at one moment, with their sizes in bytes, and that moment."""

    moment: str
    tensors: tuple[tuple[str, int], ...]

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.tensors)


def bound_without_recomputation(network: Network, *, row_fed: bool) -> Bound:
    """The largest bound that the input and the barriers of a network set."""
    bounds = [Bound("before the first layer", ())]
    if not row_fed:
        bounds.append(Bound("before the first layer", _named(network, network.inputs)))
    fed = set(network.inputs) if row_fed else set()
    for position, layer in enumerate(network.layers):
        if _is_barrier(network, layer):
            held = [t for t in _held(network, position) if t not in fed]
            name = network.name_of(layer.output)
            bounds.append(Bound(f"before the first output of '{name}'", _named(network, held)))
    return max(bounds, key=lambda bound: bound.bytes)


def _named(network: Network, tensors: tuple[int, ...] | list[int]) -> tuple[tuple[str, int], ...]:
    return tuple((network.name_of(t), network.bytes_of(t)) for t in tensors)


def _is_barrier(network: Network, layer: Layer) -> bool:
    """Whether each output of a layer depends on all of its input."""
    is_dense = network.graph.ops[layer.op].kind in _DENSE
    return is_dense and layer.extent[:2] == (1, 1) and _covers(layer.accesses[0], layer)


def _held(network: Network, barrier: int) -> list[int]:
    """Tensors that the barrier depends on as a whole, and that layers behind it read."""
    before = _needed_whole(network, barrier)
    behind = _behind(network, barrier)
    return [t for t in before if behind & set(network.consumers[t])]


def _needed_whole(network: Network, barrier: int) -> list[int]:
    found = [access.tensor for access in network.layers[barrier].accesses]
    for tensor in found:  # grows while we go
        producer = network.producer.get(tensor)
        if producer is None:
            continue
        layer = network.layers[producer]
        sources = [a.tensor for a in layer.accesses if _covers(a, layer)]
        found.extend(source for source in sources if source not in found)
    return found


def _behind(network: Network, barrier: int) -> set[int]:
    """Layers that can start only when the barrier has an output."""
    written = set(network.layers[barrier].outputs)
    layers: set[int] = set()
    for position in range(barrier + 1, len(network.layers)):
        layer = network.layers[position]
        if written & {access.tensor for access in layer.accesses}:
            layers.add(position)
            written |= set(layer.outputs)
    return layers


def _covers(access: Access, layer: Layer) -> bool:
    """Whether the whole output needs every pixel of the input."""
    zero, extent = np.zeros(1, np.int64), layer.extent
    rows = access.rows_for(zero, zero + extent.height)
    cols = access.cols_for(zero, zero + extent.width)
    reaches = (int(rows[0][0]), int(rows[1][0]), int(cols[0][0]), int(cols[1][0]))
    has_gaps = access.rows.stride > access.rows.span or access.cols.stride > access.cols.span
    return reaches == (0, access.extent.height, 0, access.extent.width) and not has_gaps
