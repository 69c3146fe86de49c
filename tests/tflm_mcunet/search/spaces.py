# SPDX-License-Identifier: Apache-2.0
"""Search spaces that are small enough to train in a test."""

from __future__ import annotations

import numpy as np

from tflm_mcunet.search.architecture import Convolution
from tflm_mcunet.search.space import SearchSpace, StageSpace


def tiny_image_space(*, head_channels: int = 0) -> SearchSpace:
    """All that can be elastic is; 16 x 16 and 12 x 12 images, three classes."""
    kernels = ((3, 3), (5, 5), (7, 7))
    return SearchSpace(
        name="tiny image",
        input_shapes=((12, 12, 3), (16, 16, 3)),
        stem=Convolution(8),
        stages=(
            StageSpace((1,), ((3, 3),), (1,), (8,), (1, 1)),
            StageSpace((1, 2), kernels, (2, 3), (8, 12), (1, 1)),
            StageSpace((1, 2, 3), kernels, (2, 4), (8, 12, 16), (2, 2)),
        ),
        head_channels=head_channels,
        classes=3,
    )


def tiny_audio_space() -> SearchSpace:
    """Kernels of one column over spectrograms of 20 or 24 frames and 5 bins; four classes."""
    kernels = ((3, 1), (5, 1), (7, 1), (9, 1))
    return SearchSpace(
        name="tiny audio",
        input_shapes=((20, 5, 1), (24, 5, 1)),
        stem=Convolution(8, (3, 5), (1, 1), same=False),
        stages=(
            StageSpace((1, 2), kernels, (2, 3), (8, 16), (2, 1)),
            StageSpace((1, 2), kernels, (2, 3), (8, 16), (1, 1)),
        ),
        head_channels=0,
        classes=4,
    )


def random_images(space: SearchSpace, count: int, *, seed: int = 0) -> np.ndarray:
    """Float32 noise of the space's largest input shape."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, *space.input_shapes[-1])).astype(np.float32)
