# SPDX-License-Identifier: Apache-2.0
"""One trace serves all sub-networks, and none computes more than its own layers."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.tflm_mcunet.search.spaces import random_images, tiny_audio_space, tiny_image_space
from tflm_mcunet.search.architecture import Architecture, ArchitectureError, Convolution
from tflm_mcunet.search.space import SearchSpace, StageSpace
from tflm_mcunet.search.supernet import Supernet

SPACES = (tiny_image_space(), tiny_image_space(head_channels=24), tiny_audio_space())


@pytest.mark.parametrize("space", SPACES, ids=lambda space: f"{space.name} {space.head_channels}")
def test_one_trace_serves_all(space: SearchSpace) -> None:
    supernet, rng = Supernet(space), np.random.default_rng(0)
    for architecture in (space.smallest(), *(space.sample(rng) for _ in range(10))):
        choices = supernet.choices(architecture)
        for batch in (2, 3):
            images = random_images(space, batch)
            statistics = supernet.observe(images, choices)
            assert statistics.shape == (2, supernet.statistics_size)
            logits = supernet.predict(images, choices, statistics)
            assert logits.shape == (batch, space.classes)
    assert supernet.observe.traces == 1
    assert supernet.predict.traces == 1


@pytest.mark.parametrize("space", SPACES, ids=lambda space: f"{space.name} {space.head_channels}")
def test_gradients_stay_within_the_slice(space: SearchSpace) -> None:
    supernet = Supernet(space)
    images = random_images(space, 4)

    def touched(architecture: Architecture) -> list[int]:
        with tf.GradientTape() as tape:
            logits, _ = supernet(images, supernet.choices(architecture))
            loss = tf.reduce_sum(logits**2)
        gradients = tape.gradient(loss, supernet.trainable_variables)
        return [0 if g is None else int(np.count_nonzero(g)) for g in gradients]

    smallest, largest = touched(space.smallest()), touched(space.largest())
    # Even a kernel's matrix is used by smaller kernels only.
    matrices = ["to_" in variable.name for variable in supernet.trainable_variables]
    assert all((count == 0) == matrix for count, matrix in zip(largest, matrices, strict=True))
    parameters = sum(np.prod(v.shape) for v in supernet.trainable_variables)
    assert 0 < sum(smallest) < 0.3 * parameters


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_smaller_kernel_is_the_centre_times_the_matrices(index: int) -> None:
    supernet = Supernet(tiny_image_space())
    depthwise = supernet.blocks[1].depthwise
    rng = np.random.default_rng(0)
    for weights in (depthwise.kernel, *depthwise.matrices):
        weights.assign(rng.uniform(size=weights.shape))  # of one sign, so that no digits cancel
    expected = depthwise.kernel.numpy()[:, :, :5, 0]
    for number in (1, 0)[: 2 - index]:
        side = expected.shape[0] - 2
        centre = expected[1:-1, 1:-1].reshape(side * side, 5)
        expected = (depthwise.matrices[number].numpy() @ centre).reshape(side, side, 5)
    np.testing.assert_allclose(depthwise.kernel_of(index, 5)[..., 0], expected, rtol=1e-5)


def wide_space() -> SearchSpace:
    """The smallest network does a fiftieth of the largest one's work."""
    kernels = ((3, 3), (7, 7))
    stage = StageSpace((1, 4), kernels, (2, 6), (16, 48), (1, 1))
    return SearchSpace("wide", ((16, 16, 3), (32, 32, 3)), Convolution(16), (stage,), 0, 2)


def test_time_follows_the_slice() -> None:
    space = wide_space()
    supernet, images = Supernet(space), random_images(space, 16)

    def seconds(architecture: Architecture) -> float:
        choices = supernet.choices(architecture)
        taken = []
        for _ in range(4):
            begin = time.perf_counter()
            supernet.observe(images, choices)
            taken.append(time.perf_counter() - begin)
        return min(taken)

    assert seconds(space.smallest()) < 0.25 * seconds(space.largest())


def test_resizes_inside() -> None:
    space = tiny_image_space()
    supernet, images = Supernet(space), random_images(space, 2)
    choices = supernet.choices(space.smallest())
    small = tf.image.resize(images, space.smallest().input_shape[:2])
    assert small.shape != images.shape
    statistics = supernet.observe(images, choices)
    np.testing.assert_allclose(
        supernet.predict(images, choices, statistics),
        supernet.predict(small, choices, statistics),
        atol=1e-6,
    )


def test_the_seed_decides() -> None:
    space = tiny_image_space()
    one, same, other = Supernet(space, seed=1), Supernet(space, seed=1), Supernet(space, seed=2)
    assert np.array_equal(one.stem.kernel, same.stem.kernel)
    assert not np.array_equal(one.stem.kernel, other.stem.kernel)


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16])
def test_half_precision(dtype: tf.DType) -> None:
    space = tiny_image_space()
    full, half = Supernet(space), Supernet(space, compute_dtype=dtype)
    images, choices = random_images(space, 8), full.choices(space.largest())
    expected, got = full(images, choices)[0], half(images, choices)[0]
    assert got.dtype == tf.float32
    assert 0 < np.abs(expected - got).max() < 0.1 * np.abs(expected).max()


def test_refuses_an_architecture_of_another_space() -> None:
    supernet = Supernet(tiny_image_space())
    with pytest.raises(ArchitectureError, match="'tiny image' does not contain 24x5x1"):
        supernet.choices(tiny_audio_space().largest())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernels": ((3, 3), (4, 4))}, r"kernel \(3, 3\) is not the centre of \(4, 4\)"),
        ({"kernels": ((5, 5), (3, 3))}, r"kernel \(5, 5\) is not the centre of \(3, 3\)"),
        ({"expansions": (1, 3)}, r"stage1_block1: expansion 1 .* shares no weights with \(3,\)"),
        ({"stride": (2, 1)}, r"stage1_block1: .* equal strides, got 2 and 1 over 16 columns"),
    ],
)
def test_refuses_a_space_without_shared_weights(change: dict[str, object], message: str) -> None:
    space = wide_space()
    stage = dataclasses.replace(space.stages[0], **change)
    with pytest.raises(ArchitectureError, match=message):
        Supernet(dataclasses.replace(space, stages=(stage,)))
