# SPDX-License-Identifier: Apache-2.0
"""Data for training and evaluation: arrays in, arrays out.

    >>> photos = tasks.load("photos/", "vww", resolution=128)
    >>> tasks.image_dataset(photos.train, size=(96, 96), augmentation=tasks.ImageAugmentation())

What a model is trained on is int8 / 128 everywhere: pixel - 128, or a front end's features.
"""

from tflm_mcunet.tasks.audio_augmentation import AudioAugmentation
from tflm_mcunet.tasks.dataset import Dataset, Examples, Skipped
from tflm_mcunet.tasks.image_augmentation import ImageAugmentation
from tflm_mcunet.tasks.loading import NAMES, load
from tflm_mcunet.tasks.pipeline import (
    feature_dataset,
    image_dataset,
    keyword_dataset,
)
from tflm_mcunet.tasks.sampling import Sampling

__all__ = [
    "NAMES",
    "AudioAugmentation",
    "Dataset",
    "Examples",
    "ImageAugmentation",
    "Sampling",
    "Skipped",
    "feature_dataset",
    "image_dataset",
    "keyword_dataset",
    "load",
]
