# SPDX-License-Identifier: Apache-2.0
"""What quantization costs: accuracies side by side, and the layer where the most is lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import tf_keras
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflm_mcunet.quantize import QuantizationError, keras2

Batches = Iterable[tuple[Any, Any]]
"""Float32 inputs and integer labels, batch by batch, such as a tf.data.Dataset."""

_FUSED = ("Activation", "BatchNormalization", "ReLU")
"""Layers that TensorFlow Lite computes together with the one before them."""

_SAMPLES = 32  # on which layers are compared


@dataclasses.dataclass(frozen=True)
class LayerError:
    """Signal-to-quantization-noise ratio of a layer's output, all errors before it included."""

    name: str
    sqnr_db: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Shares of right answers, 0 to 1; layers of the int8 model quantized after training."""

    float32: float
    ptq: float
    qat: float | None
    layers: tuple[LayerError, ...]

    @property
    def worst(self) -> LayerError:
        """The layer with the least ratio."""
        return min(self.layers, key=lambda layer: layer.sqnr_db)

    def __str__(self) -> str:
        """Such as `float32 91.2 %, int8 PTQ 88.0 %, ...; worst layer stem_relu, 21.3 dB`."""
        qat = "" if self.qat is None else f", int8 QAT {self.qat:.1%}"
        return (
            f"float32 {self.float32:.1%}, int8 PTQ {self.ptq:.1%}{qat}; "
            f"worst layer {self.worst.name}, {self.worst.sqnr_db:.1f} dB"
        )

    def to_json(self) -> dict[str, Any]:
        """All figures, and the worst layer's name."""
        return {**dataclasses.asdict(self), "worst": self.worst.name}


def compare(model: Any, ptq: bytes, validation: Batches, *, qat: bytes | None = None) -> Comparison:
    """Compares a model and the int8 files made from it, on the same data.

    Args:
        model: the float model; of Keras 3, too.
        ptq: content of the `.tflite` file quantized after training.
        validation: batches of inputs and labels; the layers are compared on the first inputs.
        qat: content of the file trained aware of quantization.

    Raises:
        QuantizationError: there are no data, or `ptq` was not made from `model`.
    """
    model = keras2(model)
    batches = [
        (np.asarray(images, np.float32), np.asarray(labels)) for images, labels in validation
    ]
    if not batches:
        raise QuantizationError("comparing needs at least one batch of inputs and labels, got none")
    images, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    return Comparison(
        float32=_accuracy(model.predict(images, verbose=0), labels),
        ptq=_accuracy(predict(ptq, images), labels),
        qat=None if qat is None else _accuracy(predict(qat, images), labels),
        layers=layer_errors(model, ptq, images[:_SAMPLES]),
    )


def predict(content: bytes, images: np.ndarray, *, batch_size: int = 32) -> np.ndarray:
    """Outputs of an int8 model as real numbers, by the reference kernels.

    Args:
        content: of a `.tflite` file with an int8 input and output.
        images: float32, (samples, ...).
        batch_size: how many samples to infer at a time.
    """
    outputs = []
    for begin in range(0, len(images), batch_size):
        batch = images[begin : begin + batch_size]
        interpreter = _invoked(content, batch, keep_all=False)
        outputs.append(_real(interpreter, interpreter.get_output_details()[0]))
    return np.concatenate(outputs)


def layer_errors(
    model: tf_keras.Model, content: bytes, images: np.ndarray
) -> tuple[LayerError, ...]:
    """The error of each layer's output, first to last; see `compare`."""
    interpreter = _invoked(content, images, keep_all=True)
    tensors = _tensors_of_layers(interpreter, model)
    if not tensors:
        raise QuantizationError(
            f"no tensor of the int8 file bears the name of a layer of '{model.name}'; compare a "
            "file with the model that it was made from"
        )
    outputs = [model.get_layer(name).output for name in tensors]
    expected = tf_keras.Model(model.inputs, [outputs])(images, training=False)[0]
    return tuple(
        LayerError(name, _sqnr(signal.numpy(), _real(interpreter, tensor)))
        for (name, tensor), signal in zip(tensors.items(), expected, strict=True)
    )


def _invoked(content: bytes, images: np.ndarray, *, keep_all: bool) -> Any:
    """An interpreter that has inferred all images at once."""
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=keep_all,
    )
    entry = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(entry["index"], images.shape)
    interpreter.allocate_tensors()
    scale, zero_point = entry["quantization"]
    limits = np.iinfo(entry["dtype"])
    values = np.clip(np.rint(images / scale + zero_point), limits.min, limits.max)
    interpreter.set_tensor(entry["index"], values.astype(entry["dtype"]))
    interpreter.invoke()
    return interpreter


def _tensors_of_layers(interpreter: Any, model: tf_keras.Model) -> dict[str, Any]:
    """Details of the tensors that hold layers' outputs, by layer, in the model's order."""
    output = interpreter.get_output_details()[0]["index"]
    found: dict[str, Any] = {}
    for tensor in interpreter.get_tensor_details():
        names = {part for path in tensor["name"].split(";") for part in path.split("/")}
        for layer in model.layers:
            if layer.name in names or tensor["index"] == output and layer is model.layers[-1]:
                end = _end_of_fused(layer)
                if tuple(tensor["shape_signature"][1:]) == end.output_shape[1:]:
                    found[end.name] = tensor
    return {layer.name: found[layer.name] for layer in model.layers if layer.name in found}


def _end_of_fused(layer: Any) -> Any:
    """The last of the layers that are computed together with this one."""
    readers = [node.layer for node in layer.outbound_nodes]
    if len(readers) == 1 and type(readers[0]).__name__ in _FUSED:
        return _end_of_fused(readers[0])
    return layer


def _real(interpreter: Any, tensor: Any) -> np.ndarray:
    scale, zero_point = tensor["quantization"]
    values = interpreter.get_tensor(tensor["index"]).astype(np.float32)
    return scale * (values - zero_point)


def _sqnr(signal: np.ndarray, got: np.ndarray) -> float:
    """In decibels."""
    noise = float(np.square(signal - got).sum())
    return float(10 * np.log10(np.square(signal).sum() / noise)) if noise else float("inf")


def _accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float((logits.argmax(axis=1) == labels).mean())
