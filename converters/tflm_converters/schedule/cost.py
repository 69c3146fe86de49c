# SPDX-License-Identifier: Apache-2.0
"""What a schedule computes: multiply-accumulates, halos included."""

from __future__ import annotations

from tflm_converters.cost import macs
from tflm_converters.schedule.boxes import col_needs, row_needs
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.strips import column_ranges
from tflm_converters.schedule.types import Mode, Schedule, Stage


def layer_macs(network: Network) -> list[int]:
    """MACs of each layer, computed once per output element."""
    return [macs(network.graph, layer.op) for layer in network.layers]


def stage_macs(network: Network, stage: Stage, per_layer: list[int]) -> int:
    """MACs of a stage: each layer over all boxes that its tiles compute."""
    if stage.mode is Mode.STOCK:
        return per_layer[stage.first]
    ranges = column_ranges(network, stage)
    total = 0
    for g, group in enumerate(stage.groups):
        rows = row_needs(network, group)
        cols = [col_needs(network, group, *strip[g]) for strip in ranges]
        for position in range(group.first, group.last):
            layer = network.layers[position]
            if per_layer[position] == 0:
                continue
            pixels = rows[layer.output].total * sum(c[layer.output].total for c in cols)
            total += per_layer[position] * pixels // (layer.extent.height * layer.extent.width)
    return total


def schedule_macs(network: Network, schedule: Schedule) -> int:
    """MACs of a whole schedule."""
    per_layer = layer_macs(network)
    return sum(stage_macs(network, stage, per_layer) for stage in schedule.stages)
