# SPDX-License-Identifier: Apache-2.0
"""Keyword networks in int8: quantized after training, and trained aware of it.

The one that was trained aware of it is chosen if it has clearly more right answers on the
validation split. Otherwise it is the one quantized after training, which has learned with smoothed
labels: its posteriors do not saturate, and thresholds can tell how sure it is.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import tf_keras

from tflm_mcunet import quantization_report
from tflm_mcunet.quantize import quantize
from tflm_mcunet.search import tuning
from tflm_mcunet.search.architecture import Size
from tflm_mcunet.search.learning import whole_range
from tflm_mcunet.search.material import Material
from zoo.recipes import baselines, int8_variants
from zoo.recipes.float_network import float_file
from zoo.recipes.int8_variants import FLOAT, PTQ, QAT


@dataclasses.dataclass(frozen=True)
class Quantized:
    """Files by variant, which of them is the model, and shares of right answers in validation."""

    files: dict[str, bytes]
    chosen: str
    validation: dict[str, float]


def quantized(model: tf_keras.Model, made: Material, *, progress: bool = True) -> Quantized:
    """The variants of a trained network.

    Args:
        model: gives logits; the files give probabilities, which a detector averages.
        made: what it was trained with.
        progress: whether to show a bar on stderr.
    """
    size: Size = model.input_shape[1:3]
    network = with_probabilities(model)
    representative = [inputs for inputs, _ in made.evaluation("calibration", size)]
    representative.append(whole_range(model.input_shape[1:]))
    fp32 = float_file(network)
    ptq = quantize(network, representative)
    qat = int8_variants.aware(ptq, made, progress=progress)
    report = quantization_report.compare(network, ptq, made.evaluation("val", size), qat=qat)
    assert report.qat is not None
    found = {FLOAT: report.float32, PTQ: report.ptq, QAT: report.qat}
    return Quantized({FLOAT: fp32, PTQ: ptq, QAT: qat}, int8_variants.better(found), found)


def taught(model: tf_keras.Model, made: Material, folder: Path, **options: Any) -> tf_keras.Model:
    """The network, trained on with more unknown words than it was made with.

    Args:
        model: gives logits; changed in place.
        made: with those words.
        folder: for checkpoints.
        options: of `tuning.fine_tune`.
    """
    size: Size = model.input_shape[1:3]
    tuning.fine_tune(model, lambda epoch: made.train(epoch, size), directory=folder, **options)
    return model


def with_probabilities(model: tf_keras.Model) -> tf_keras.Model:
    """The network with a softmax at its end."""
    probabilities = tf_keras.layers.Activation("softmax", name="probabilities")(model.output)
    return tf_keras.Model(model.inputs, probabilities, name=model.name)


def reference(
    made: Material, size: Size, epochs: int, folder: Path, **options: Any
) -> tf_keras.Model:
    """MLPerf Tiny's network for keywords, trained from random weights.

    Args:
        made: what it is trained with.
        size: of its input: frames and bins.
        epochs: as many as the supernet and the network found have been trained together.
        folder: for checkpoints.
        options: of `tuning.fine_tune`.
    """
    tf_keras.utils.set_random_seed(0)
    model = baselines.ds_cnn(size, len(made.classes), logits=True)
    tuning.fine_tune(
        model,
        lambda epoch: made.train(epoch, size),
        epochs=epochs,
        learning_rate=baselines.RATE,
        directory=folder,
        **options,
    )
    return model
