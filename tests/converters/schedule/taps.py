# SPDX-License-Identifier: Apache-2.0
"""Receptive fields straight from the definitions of the operators, one position at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from tests.networks import random_network
from tests.schedules import random_schedule
from tflm_converters import geometry
from tflm_converters.graph import Kind, Op
from tflm_converters.schedule.layers import Access, Layer
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.types import Group, Mode, Stage

WINDOWED = (Kind.CONV, Kind.DEPTHWISE_CONV, Kind.AVERAGE_POOL, Kind.MAX_POOL)
WHOLE = (Kind.FULLY_CONNECTED, Kind.TRANSPOSE, Kind.RESHAPE)


def taps(network: Network, layer: Layer, access: Access, position: int, *, axis: int) -> set[int]:
    """Rows (axis 0) or columns (axis 1) of an input that a row or column of the output reads."""
    op = network.graph.ops[layer.op]
    extent, output = access.extent[axis], layer.extent[axis]
    if op.kind in WINDOWED:
        return {t for t in _window_taps(network, op, position, axis) if 0 <= t < extent}
    if op.kind is Kind.RESIZE_NEAREST:
        return {position * extent // output}
    if op.kind is Kind.PAD:
        source = position - op.attributes.pads[1 + axis][0]
        return {source} & set(range(extent))
    if op.kind in WHOLE or extent != output:  # a mean over this axis, or a broadcast
        return set(range(extent))
    return {position}


def _window_taps(network: Network, op: Op, position: int, axis: int) -> Iterator[int]:
    window = op.attributes.window
    kernel = geometry.kernel_of(op, network.graph.tensors)[axis]
    stride = (window.stride_h, window.stride_w)[axis]
    dilation = (window.dilation_h, window.dilation_w)[axis]
    before = (window.padding.top, window.padding.left)[axis]
    return (position * stride - before + tap * dilation for tap in range(kernel))


def is_dilated(network: Network, layer: Layer) -> bool:
    """Whether taps lie apart, so that a window at the border may reach less than its span."""
    window = getattr(network.graph.ops[layer.op].attributes, "window", None)
    return window is not None and (window.dilation_h, window.dilation_w) != (1, 1)


def hull(positions: Iterable[int]) -> tuple[int, int]:
    """The smallest interval [begin, end) around some positions; (0, 0) without any."""
    found = sorted(positions)
    return (found[0], found[-1] + 1) if found else (0, 0)


def traced(network: Network, group: Group, tile: set[int], *, axis: int) -> dict[int, set[int]]:
    """Rows or columns of each tensor that a tile depends on.

    Layers compute the hull of what is needed of them, as the runtime does.
    """
    layers = network.layers[group.first : group.last]
    needed: dict[int, set[int]] = {layers[-1].output: tile}
    for layer in reversed(layers):
        box = set(range(*hull(needed.get(layer.output, tile))))
        for access in layer.accesses:
            if group.accumulate and layer is layers[-1]:
                read = tile
            else:
                read = {t for p in box for t in taps(network, layer, access, p, axis=axis)}
            needed[access.tensor] = needed.get(access.tensor, set()) | read
    return needed


@cache
def random_stages(seed: int) -> tuple[tuple[Network, Stage], ...]:
    """Stages of a random schedule of a random network; stock operators left out."""
    network = build_network(random_network(seed))
    schedule = random_schedule(network, seed)
    assert schedule is not None
    return tuple((network, s) for s in schedule.stages if s.mode is not Mode.STOCK)


def random_groups(seed: int) -> Iterator[tuple[Network, Group]]:
    """The groups of these stages."""
    return ((network, group) for network, stage in random_stages(seed) for group in stage.groups)
