# SPDX-License-Identifier: Apache-2.0
"""Seeded random schedules: any way that a network may run, not only the best ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tflm_converters.schedule.boxes import group_extent
from tflm_converters.schedule.candidates import Candidate, Options, plain_candidates
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.recompute import recompute_candidates
from tflm_converters.schedule.segment import Tables
from tflm_converters.schedule.types import Group, Mode, Schedule, Stage

_UNLIMITED = 1 << 40
_MOST_PATCHES = 5


def random_schedule(network: Network, seed: int, *, row_fed: bool = False) -> Schedule | None:
    """A schedule that depends only on its arguments; None if rows cannot be fed to the network.

    Cuts and ways to run are drawn from all candidates of the solver, however much memory
    or work they take, with a random grid of patches and tiles of random width.
    """
    if row_fed and (len(network.inputs) != 1 or any(x.stock for x in network.layers)):
        return None
    if row_fed and not _can_be_fed(network):
        return None
    rng = np.random.default_rng(seed)
    grid = (_upto(rng, _MOST_PATCHES), _upto(rng, _MOST_PATCHES))
    options = Options(patches=grid, row_fed=row_fed)
    tables = Tables(network, row_fed=row_fed)
    found = [
        *plain_candidates(tables, options, _UNLIMITED),
        *recompute_candidates(tables, options, _UNLIMITED),
    ]
    path = _random_path(found, len(network.layers), rng)
    if path is None:
        return None
    stages = tuple(_with_random_tiles(network, c.build(network), rng) for c in path)
    return Schedule(stages, row_fed=row_fed)


def _can_be_fed(network: Network) -> bool:
    """Whether there is one input, and all layers are in our runtime."""
    return len(network.inputs) == 1 and not any(layer.stock for layer in network.layers)


def _random_path(
    found: Sequence[Candidate], layer_count: int, rng: np.random.Generator
) -> list[Candidate] | None:
    """Candidates that cover all layers, chosen from the last one backwards."""
    reachable = {0}
    for candidate in sorted(found, key=lambda c: c.last):
        if candidate.first in reachable:
            reachable.add(candidate.last)
    if layer_count not in reachable:
        return None
    path: list[Candidate] = []
    position = layer_count
    while position > 0:
        path.append(_pick([c for c in found if c.last == position and c.first in reachable], rng))
        position = path[-1].first
    return path[::-1]


def _pick(candidates: Sequence[Candidate], rng: np.random.Generator) -> Candidate:
    """Each way to run has the same odds, however many candidates it has."""
    ways: dict[tuple[Mode, bool, bool, bool], list[Candidate]] = {}
    for c in candidates:
        ways.setdefault((c.mode, c.in_place, c.strips > 1, bool(c.halos)), []).append(c)
    chosen = list(ways.values())[rng.integers(len(ways))]
    return chosen[rng.integers(len(chosen))]


def _with_random_tiles(network: Network, stage: Stage, rng: np.random.Generator) -> Stage:
    """Tiles of one pixel grow to a random width; others are part of what the stage is."""
    if stage.mode not in (Mode.LAYER, Mode.STREAM) or stage.in_place:
        return stage
    groups = tuple(_with_random_tile(network, group, rng) for group in stage.groups)
    return dataclasses.replace(stage, groups=groups)


def _with_random_tile(network: Network, group: Group, rng: np.random.Generator) -> Group:
    width = group_extent(network, group).width
    if group.tile_cols > 1 or rng.random() < 0.5:
        return group
    return dataclasses.replace(group, tile_cols=_upto(rng, width))


def _upto(rng: np.random.Generator, most: int) -> int:
    return int(rng.integers(1, most + 1))
