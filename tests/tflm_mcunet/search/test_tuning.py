# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

tf_keras = pytest.importorskip("tf_keras")

from tests.tflm_mcunet.search.spaces import random_images, tiny_image_space
from tflm_mcunet.search import batches, keras_model, tuning

_SPACE = tiny_image_space()
_IMAGES = random_images(_SPACE, 32)
_LABELS = np.arange(32) % 3


def tuned(directory: Path | None, *, epochs: int = 4, stop_after: int | None = None) -> object:
    """A model trained for 4 epochs, or interrupted in the one after `stop_after`."""
    tf_keras.utils.set_random_seed(1)
    model = keras_model.build(_SPACE.largest())
    order = batches.shuffled(_IMAGES, _LABELS, batch_size=16)

    def data(epoch: int) -> object:
        if epoch == stop_after:
            raise KeyboardInterrupt
        return order(epoch)

    tuning.fine_tune(model, data, epochs=epochs, directory=directory, progress=False)
    return model


def test_learns() -> None:
    examples = [(_IMAGES, _LABELS)]
    model = tuned(None, epochs=30)
    assert tuning.accuracy(model, examples) > 0.8


def test_interrupted_run_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path, stop_after=2)
    for one, other in zip(tuned(tmp_path).get_weights(), tuned(None).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
