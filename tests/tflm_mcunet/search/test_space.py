# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.tflm_mcunet.search.random_networks import small_space
from tflm_mcunet.search.space import (
    CHANNEL_MULTIPLE,
    SearchSpace,
    audio_space,
    audio_spaces,
    image_space,
    image_spaces,
)

_SPACES = [
    small_space(),
    image_space(classes=2, resolutions=(64, 80, 96), width_multiplier=1.0),
    audio_space(classes=12, frames=(49, 98), bins=40, width_multiplier=0.5),
]


@pytest.fixture(params=_SPACES, ids=lambda space: space.name)
def space(request: pytest.FixtureRequest) -> SearchSpace:
    made: SearchSpace = request.param
    return made


def test_samples_are_of_the_space_and_depend_on_the_seed_alone(space: SearchSpace) -> None:
    first = [space.sample(np.random.default_rng(3)) for _ in range(2)]
    assert first[0] == first[1]
    rng = np.random.default_rng(0)
    many = [space.sample(rng) for _ in range(50)]
    assert all(space.contains(network) for network in many)
    assert len(set(many)) > 45


def test_extremes_bound_all_samples(space: SearchSpace) -> None:
    small, large = space.smallest(), space.largest()
    assert space.contains(small) and space.contains(large)
    rng = np.random.default_rng(1)
    for network in (space.sample(rng) for _ in range(30)):
        assert small.input_shape <= network.input_shape <= large.input_shape
        for low, stage, high in zip(small.stages, network.stages, large.stages, strict=True):
            assert len(low) <= len(stage) <= len(high)
            for block, most in zip(stage, high, strict=False):
                assert block.channels <= most.channels and block.kernel <= most.kernel


def test_mutation_with_probability_zero_changes_nothing(space: SearchSpace) -> None:
    rng = np.random.default_rng(2)
    parent = space.sample(rng)
    assert space.mutate(parent, rng, probability=0.0) == parent


def test_mutants_are_of_the_space_and_stay_close(space: SearchSpace) -> None:
    rng = np.random.default_rng(3)
    parent = space.sample(rng)
    mutants = [space.mutate(parent, rng, probability=0.1) for _ in range(50)]
    assert all(space.contains(mutant) for mutant in mutants)
    kept = [
        old == new
        for mutant in mutants
        for old, new in zip(parent.blocks, mutant.blocks, strict=False)
    ]
    assert 0.4 < np.mean(kept) < 0.95


def test_children_take_each_stage_from_a_parent(space: SearchSpace) -> None:
    rng = np.random.default_rng(4)
    one, other = space.sample(rng), space.sample(rng)
    children = [space.crossover(one, other, rng) for _ in range(20)]
    assert len(set(children)) > 2
    for child in children:
        assert space.contains(child)
        for stage, *parents in zip(child.stages, one.stages, other.stages, strict=True):
            assert stage in parents


def test_contains_is_exact() -> None:
    space = small_space()
    network = space.smallest()
    stem = dataclasses.replace(network.stem, channels=1000)
    shorter = (network.stages[0], network.stages[1][:1], *network.stages[2:])
    for changes in (
        {"input_shape": (50, 50, 3)},
        {"stem": stem},
        {"classes": 3},
        {"head_channels": 8},
        {"stages": network.stages[:-1]},
        {"stages": shorter},
    ):
        assert not space.contains(dataclasses.replace(network, **changes))


def test_the_papers_grid() -> None:
    points = list(image_spaces(classes=2))
    assert len(points) == 12 * 9
    assert {(r, w) for r, w, _ in points} >= {(48, 0.2), (224, 1.0)}
    assert all(space.input_shapes == ((r, r, 3),) for r, _, space in points)


def test_audio_grid() -> None:
    for frames, _, space in audio_spaces(classes=12, bins=40):
        assert space.input_shapes == ((frames, 40, 1),)
        assert all(k[1] == 1 for stage in space.stages for k in stage.kernels)


def test_channels_are_multiples_of_eight() -> None:
    for _, _, space in image_spaces(classes=2):
        widths = [w for stage in space.stages for w in stage.widths]
        assert all(w % CHANNEL_MULTIPLE == 0 and w > 0 for w in widths)
        assert all(list(stage.widths) == sorted(set(stage.widths)) for stage in space.stages)
