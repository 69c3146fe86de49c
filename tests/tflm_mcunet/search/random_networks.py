# SPDX-License-Identifier: Apache-2.0
"""Random architectures of all kinds of spaces, small enough for the converter's own scheduler."""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.space import SearchSpace, audio_space, image_space

__all__ = ["random_architecture", "small_space", "tiny_space"]


def small_space(resolution: int = 48, width: float = 0.4) -> SearchSpace:
    """A space of small image networks."""
    return image_space(classes=2, resolutions=(resolution,), width_multiplier=width)


def tiny_space(resolution: int = 32, width: float = 0.3) -> SearchSpace:
    """A space of networks of a few blocks, whose schedules are found quickly."""
    space = small_space(resolution, width)
    return dataclasses.replace(space, stages=space.stages[:3])


def random_architecture(seed: int) -> Architecture:
    """A network of images of any size, odd ones too, or of spectrograms; a head now and then."""
    rng = np.random.default_rng(seed)
    if seed % 3 == 2:
        frames, bins = int(rng.integers(20, 99)), int(rng.integers(8, 41))
        width = float(rng.uniform(0.3, 1.5))
        space = audio_space(classes=12, frames=(frames,), bins=bins, width_multiplier=width)
    else:
        # At a width of 0.2, the block without expansion has a residual.
        width = float(rng.choice([0.2, 0.3, 0.5, 1.0]))
        space = small_space(int(rng.integers(24, 100)), width)
    if seed % 2:
        space = dataclasses.replace(space, head_channels=64)
    return space.sample(rng)
