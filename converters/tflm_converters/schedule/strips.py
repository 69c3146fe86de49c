# SPDX-License-Identifier: Apache-2.0
"""Column strips: which output columns each group of a stage computes in each strip."""

from __future__ import annotations

from tflm_converters.schedule.boxes import span_of_columns, touched
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.types import Group, Stage


def column_ranges(network: Network, stage: Stage) -> list[list[tuple[int, int]]]:
    """Output columns of every group, for each strip; halos of later groups included."""
    if stage.strips == 1:
        return [[(0, group_cols(network, group)) for group in stage.groups]]
    width = group_cols(network, stage.groups[-1])
    cuts = [strip * width // stage.strips for strip in range(stage.strips + 1)]
    return [
        _strip_ranges(network, stage, begin, end)
        for begin, end in zip(cuts[:-1], cuts[1:], strict=True)
    ]


def group_cols(network: Network, group: Group) -> int:
    last = network.layers[group.last - 1]
    return (last.accesses[0].extent if group.accumulate else last.extent).width


def _strip_ranges(network: Network, stage: Stage, begin: int, end: int) -> list[tuple[int, int]]:
    needed: dict[int, tuple[int, int]] = {}
    ranges: list[tuple[int, int]] = []
    for g in range(len(stage.groups) - 1, -1, -1):
        group = stage.groups[g]
        written = touched(network, group)[1]
        wanted = [needed[t] for t in written if t in needed]
        is_last = g == len(stage.groups) - 1
        low, high = (
            (begin, end) if is_last else (min(w[0] for w in wanted), max(w[1] for w in wanted))
        )
        ranges.append((low, high))
        for tensor, span in span_of_columns(network, group, low, high).items():
            reach = (int(span.begin[0]), int(span.end[0]))
            known = needed.get(tensor, reach)
            needed[tensor] = (min(known[0], reach[0]), max(known[1], reach[1]))
    return ranges[::-1]
