# SPDX-License-Identifier: Apache-2.0
"""A sub-network outside of the supernet is the one inside."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.tflm_mcunet.search.spaces import random_images, tiny_audio_space, tiny_image_space
from tflm_mcunet.search.architecture import ArchitectureError
from tflm_mcunet.search.extraction import accuracy, calibrate, evaluate, extract
from tflm_mcunet.search.space import SearchSpace
from tflm_mcunet.search.supernet import Supernet


def shaken(space: SearchSpace) -> Supernet:
    """A supernet none of whose weights has a special value."""
    supernet, rng = Supernet(space), np.random.default_rng(0)
    for variable in supernet.trainable_variables:
        variable.assign_add(rng.normal(0.0, 0.1, variable.shape))
    return supernet


@pytest.mark.parametrize(
    "space",
    [tiny_image_space(), tiny_image_space(head_channels=16), tiny_audio_space()],
    ids=lambda space: f"{space.name} {space.head_channels}",
)
def test_extracted_outputs_are_the_supernets(space: SearchSpace) -> None:
    assert greatest_difference(space, networks=5) < 1e-5


def greatest_difference(space: SearchSpace, *, networks: int) -> float:
    """Between the logits of random networks inside and outside, relative to the logits."""
    supernet, rng = shaken(space), np.random.default_rng(1)
    images = random_images(space, 4)
    differences = []
    for _ in range(networks):
        architecture = space.sample(rng)
        statistics = calibrate(supernet, architecture, [(images, np.zeros(4))])
        expected = supernet.predict(images, supernet.choices(architecture), statistics)
        model = extract(supernet, architecture, statistics)
        assert model.input_shape == (None, *architecture.input_shape)
        got = model(tf.image.resize(images, architecture.input_shape[:2]), training=False)
        differences.append(np.abs(got - expected).max() / np.abs(expected).max())
    return max(differences)


def test_statistics_are_the_mean_over_the_batches() -> None:
    space = tiny_image_space()
    supernet, architecture = shaken(space), space.smallest()
    batches = [(random_images(space, 4, seed=seed), None) for seed in range(3)]
    each = [calibrate(supernet, architecture, [batch]) for batch in batches]
    mean = calibrate(supernet, architecture, batches, batches=2)
    np.testing.assert_allclose(mean, (each[0] + each[1]) / 2, atol=1e-6)
    assert not np.allclose(mean, each[0])


def test_absent_channels_have_no_statistics() -> None:
    space = tiny_image_space()
    supernet = shaken(space)
    images = [(random_images(space, 4), None)]
    used = calibrate(supernet, space.smallest(), images) != 0
    assert 0 < used.mean() < 0.5
    assert (calibrate(supernet, space.largest(), images) != 0).all()


def test_accuracy_counts_the_right_labels() -> None:
    space = tiny_image_space()
    supernet, architecture = shaken(space), space.smallest()
    images = random_images(space, 12)
    statistics = calibrate(supernet, architecture, [(images, None)])
    labels = supernet.predict(images, supernet.choices(architecture), statistics).numpy().argmax(1)
    assert accuracy(supernet, architecture, statistics, [(images, labels)]) == 1.0
    labels[:3] = (labels[:3] + 1) % space.classes
    halves = [(images[:8], labels[:8]), (images[8:], labels[8:])]
    assert evaluate(supernet, architecture, [(images, labels)], halves) == 0.75


def test_refuses_empty_data() -> None:
    supernet = Supernet(tiny_image_space())
    with pytest.raises(ArchitectureError, match="calibration needs at least one batch"):
        calibrate(supernet, supernet.space.smallest(), [])
