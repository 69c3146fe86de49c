# SPDX-License-Identifier: Apache-2.0
"""Quantization-aware training with tfmot, and two things that it leaves to be desired.

Weights of a layer that a ReLU follows at once, as where batch normalizations are folded, it does
not round. And all ranges of activations begin at [-6, 6], which a moving average of 0.999 leaves in
thousands of steps only: after a short training the output of a ReLU still had the range [-2.2, 6],
a quarter of whose steps nothing uses. Here they begin at what representative inputs give.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras
from tensorflow_model_optimization.quantization.keras import default_8bit
from tqdm import tqdm

from tflm_converters.errors import DataError
from tflm_mcunet.search.batches import Data, of_epoch, targets

_PREFIX = "quant_"
"""Before the name of a layer, the name of the one that rounds as well."""


def aware(model: tf_keras.Model, representative: Iterable[Any]) -> tf_keras.Model:
    """The model with the rounding of int8 in its forward pass; its own weights stay as they are.

    Args:
        model: functional, in float32.
        representative: batches of its inputs, which are float32.

    Raises:
        AssertionError, RuntimeError, TypeError, ValueError: tfmot does not know a layer.
    """
    annotated = tfmot.quantization.keras.quantize_annotate_model(model)
    made = tfmot.quantization.keras.quantize_apply(annotated, scheme=_Scheme())
    ranges = _output_ranges(model, representative)
    for layer in made.layers:
        if (observed := ranges.get(layer.name.removeprefix(_PREFIX))) is not None:
            _begin_at(layer, observed)
    return made


def _begin_at(layer: Any, observed: tuple[float, float]) -> None:
    """Puts the range of a rounding layer's output at what was observed."""
    for variable in layer.non_trainable_weights:
        end = _RANGE_ENDS.get(variable.name.split("/")[-1].split(":")[0])
        if end is not None:
            variable.assign(observed[end])


_RANGE_ENDS = {
    "output_min": 0,
    "output_max": 1,
    "post_activation_min": 0,
    "post_activation_max": 1,
}


def _output_ranges(
    model: tf_keras.Model, representative: Iterable[Any]
) -> dict[str, tuple[float, float]]:
    """Least and greatest value of each layer's output, by its name; zero is within."""
    layers = [layer for layer in model.layers if not isinstance(layer, tf_keras.layers.InputLayer)]
    outputs = tf_keras.Model(model.inputs, [layer.output for layer in layers])
    ends = np.zeros((2, len(layers)))
    for batch in representative:
        values = outputs(np.asarray(batch, np.float32), training=False)
        values = values if isinstance(values, list) else [values]
        ends[0] = np.minimum(ends[0], [value.numpy().min() for value in values])
        ends[1] = np.maximum(ends[1], [value.numpy().max() for value in values])
    return {layer.name: (low, high) for layer, low, high in zip(layers, *ends, strict=True)}


class _Scheme(default_8bit.Default8BitQuantizeScheme):  # type: ignore[misc]
    """tfmot's, with rounded weights before a ReLU."""

    def get_layout_transformer(self) -> Any:
        return _Layout()


class _Layout(default_8bit.Default8BitQuantizeLayoutTransform):  # type: ignore[misc]
    def apply(self, model: tf_keras.Model, configs: dict[str, Any]) -> tuple[tf_keras.Model, Any]:
        """As tfmot's: the network, and by layer how it is quantized."""
        made, configs = super().apply(model, configs)
        for layer in made.layers:
            is_left_alone = type(configs.get(layer.name, {}).get("quantize_config")).__name__
            if is_left_alone == "NoOpQuantizeConfig" and type(layer).__name__ in _PER_CHANNEL:
                rounded = _RoundedWeights(per_channel=_PER_CHANNEL[type(layer).__name__])
                configs[layer.name]["quantize_config"] = rounded
        return made, configs


_PER_CHANNEL = {"Conv2D": True, "Dense": False}
"""Whose weights are rounded before a ReLU, and whether each channel has a scale, as in tfmot.

It knows one scale for a whole depthwise kernel alone, which is worse than no rounding: the file has
one for each channel.
"""


class _RoundedWeights(tfmot.quantization.keras.QuantizeConfig):  # type: ignore[misc]
    """Weights in int8; what the layer gives is rounded behind its ReLU."""

    def __init__(self, *, per_channel: bool) -> None:
        self._per_channel = per_channel
        self._quantizer = tfmot.quantization.keras.quantizers.LastValueQuantizer(
            num_bits=8, per_axis=per_channel, symmetric=True, narrow_range=True
        )

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        return [(layer.kernel, self._quantizer)]

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        (layer.kernel,) = quantize_weights

    def get_activations_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        pass

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        return []

    def get_config(self) -> dict[str, Any]:
        return {"per_channel": self._per_channel}


def train(
    model: tf_keras.Model,
    data: Data,
    *,
    loss: Any = None,
    epochs: int,
    learning_rate: float,
    progress: bool,
) -> None:
    """Trains an aware network with Adam; the learning rate falls to zero as a cosine.

    Args:
        model: changed in place; without a `loss`, one that gives logits or, with a softmax at its
            end, probabilities.
        data: batches, as for `tflm_mcunet.quantize.quantize`.
        loss: as there.
        epochs: in all.
        learning_rate: at the beginning.
        progress: whether to show a bar on stderr.

    Raises:
        DataError: nobody knows how many batches an epoch has, or they hold no labels of the
            model's classes.
    """
    first = of_epoch(data, 0)
    steps = epochs * int(first.cardinality())
    rate = tf_keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    if loss is None:
        classes = model.output_shape[-1]
        _check_labels(first.element_spec[1], classes)
        data = _of_classes(data, classes)
        loss = tf_keras.losses.CategoricalCrossentropy(from_logits=not _ends_in_softmax(model))
    model.compile(tf_keras.optimizers.Adam(rate), loss)
    for epoch in tqdm(range(epochs), "training int8", unit="epoch", disable=not progress):
        model.fit(of_epoch(data, epoch), initial_epoch=epoch, epochs=epoch + 1, verbose=0)


def _of_classes(data: Data, classes: int) -> Data:
    """The same batches, with probabilities in place of labels."""

    def wanted(inputs: Any, labels: Any) -> tuple[Any, Any]:
        return inputs, targets(labels, classes, smoothing=0.0)

    return lambda epoch: of_epoch(data, epoch).map(wanted)


def _check_labels(spec: Any, classes: int) -> None:
    wanted = [None, classes] if spec.dtype.is_floating else [None]
    if not spec.shape.is_compatible_with(wanted):
        raise DataError(
            f"expected integer labels (batch,) or probabilities (batch, {classes}), got "
            f"{spec.dtype.name} {tuple(spec.shape)}"
        )


def _ends_in_softmax(model: tf_keras.Model) -> bool:
    last = getattr(model.layers[-1], "layer", model.layers[-1])
    activation = getattr(last, "activation", None)
    activation = getattr(activation, "activation", activation)  # inside tfmot's
    return isinstance(last, tf_keras.layers.Softmax) or activation is tf_keras.activations.softmax
