# SPDX-License-Identifier: Apache-2.0
"""What a schedule is: the network cut into stages, stages into groups of layers.

A *group* computes a band of `tile_rows` output rows, tile by tile; inside a tile its
layers run one after the other over the box that the tile needs, halos recomputed. A
*stage* fires its groups in data-flow order; only line buffers (rings of rows) stand
between them. Three classic schedules are special cases:

* per layer: one layer per stage, one tile;
* patches p x p (MCUNetV2, arXiv 2110.15352): one group of many layers, p x p tiles;
* streaming: tiles of one row, windowed layers in groups of their own.
"""

from __future__ import annotations

import dataclasses
import enum


class Mode(enum.Enum):
    """How a stage runs; the names that reports and the command line use."""

    LAYER = "layer"
    PATCH = "patch"
    STREAM = "stream"
    STOCK = "stock"  # one operator that TFLite-Micro's own kernel executes


@dataclasses.dataclass(frozen=True)
class Group:
    """Layers [first, last) of the network, computed tile by tile.

    `accumulate`: the last layer is a global pooling that sums its input tile by tile and
    writes its output once; the group's rows and columns are then those of its input.
    """

    first: int
    last: int
    tile_rows: int
    tile_cols: int
    accumulate: bool = False


@dataclasses.dataclass(frozen=True)
class Stage:
    """Layers that execute together without ever holding their inner tensors whole.

    `strips` column strips are computed one after the other. `in_place` marks a single
    depthwise layer whose output overwrites its input channel by channel (TinyEngine).
    """

    mode: Mode
    groups: tuple[Group, ...]
    strips: int = 1
    in_place: bool = False

    @property
    def first(self) -> int:
        return self.groups[0].first

    @property
    def last(self) -> int:
        return self.groups[-1].last


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Stages in execution order; together they cover all layers of the network."""

    stages: tuple[Stage, ...]
    row_fed: bool = False
