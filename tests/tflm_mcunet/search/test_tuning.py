# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tf_keras

from tests.tflm_mcunet.search.tiny_run import SPACE, material
from tflm_mcunet.search import keras_model, tuning

_SIZE = SPACE.input_shapes[-1][:2]


def tuned(directory: Path | None, *, epochs: int = 4, stop_after: int | None = None) -> object:
    """A model trained from scratch, or interrupted in the epoch after `stop_after`."""
    tf_keras.utils.set_random_seed(1)
    model = keras_model.build(SPACE.largest())
    made = material()

    def data(epoch: int) -> object:
        if epoch == stop_after:
            raise KeyboardInterrupt
        return made.train(epoch, _SIZE)

    tuning.fine_tune(
        model, data, epochs=epochs, learning_rate=1e-3, directory=directory, progress=False
    )
    return model


def test_learns() -> None:
    """Statistics of the batch: the moving ones of so short a training lag behind."""
    model = tuned(None, epochs=20)
    ((inputs, labels),) = material().evaluation("val", _SIZE)
    assert (model(inputs, training=True).numpy().argmax(axis=1) == labels).mean() > 0.9


def test_interrupted_run_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path, stop_after=2)
    for one, other in zip(tuned(tmp_path).get_weights(), tuned(None).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
