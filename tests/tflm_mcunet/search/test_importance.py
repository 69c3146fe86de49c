# SPDX-License-Identifier: Apache-2.0
"""Sorting changes which channels the small networks get, and nothing in the largest."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tflm_mcunet.search.spaces import random_images, tiny_audio_space, tiny_image_space
from tflm_mcunet.search.architecture import Convolution
from tflm_mcunet.search.importance import sort_channels
from tflm_mcunet.search.space import SearchSpace, StageSpace
from tflm_mcunet.search.supernet import Supernet


def tied_space() -> SearchSpace:
    """A residual across two stages, and one over a block without first convolution."""
    elastic = StageSpace((2,), ((3, 3),), (2,), (8, 16), (1, 1))
    plain = StageSpace((2,), ((3, 3),), (1,), (8, 16), (1, 1))
    return SearchSpace("tied", ((8, 8, 1),), Convolution(8), (elastic, plain, elastic), 24, 2)


@pytest.mark.parametrize(
    "space", [tiny_image_space(), tiny_audio_space(), tied_space()], ids=lambda space: space.name
)
def test_the_largest_network_stays_the_same(space: SearchSpace) -> None:
    supernet = Supernet(space)
    rng = np.random.default_rng(0)
    for variable in supernet.trainable_variables:
        variable.assign_add(rng.normal(0.0, 0.2, variable.shape))
    images, choices = random_images(space, 4), supernet.choices(space.largest())
    before, _ = supernet(images, choices)
    small = supernet(images, supernet.choices(space.smallest()))[0]
    sort_channels(supernet)
    after, _ = supernet(images, choices)
    np.testing.assert_allclose(before, after, atol=1e-5 * np.abs(before).max())
    changed = supernet(images, supernet.choices(space.smallest()))[0]
    assert np.abs(changed - small).max() > 1e-3 * np.abs(small).max()


def test_the_heaviest_channels_come_first() -> None:
    supernet = Supernet(tiny_image_space())
    block = supernet.blocks[-1]
    before = block.project.input_importance()
    sort_channels(supernet)
    np.testing.assert_allclose(block.project.input_importance(), np.sort(before)[::-1], rtol=1e-5)
    # The output of the last stage's first block: residuals tie it to the classifier.
    readers = [block.expand.input_importance() for block in supernet.blocks[-2:]]
    total = np.sum([*readers, np.abs(supernet.kernel.numpy()).sum(axis=1)], axis=0)
    assert (np.diff(total) <= 1e-5).all() and total[0] > total[-1]
