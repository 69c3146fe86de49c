# SPDX-License-Identifier: Apache-2.0
"""A model of a zoo, ready to run in TensorFlow Lite Micro on this machine."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from tflm_mcunet import inference
from tflm_mcunet.audio import AnomalyConfig
from tflm_mcunet.interpreter import Interpreter
from tflm_mcunet.zoo import catalogue
from tflm_mcunet.zoo.entry import CARD, CONVERTED, ORIGINAL, Entry, ZooError, read_bytes
from tflm_mcunet.zoo.inputs import Input, Source, make_input
from tflm_mcunet.zoo.outputs import (
    Classes,
    Output,
    Prediction,
    Reconstruction,
    Values,
    make_output,
)


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """Preprocessing, a network in TensorFlow Lite Micro, and the meaning of its output.

    `model` is the content of a `.tflite` file with one input and one output, int8 or float32,
    converted or not, row-fed or not.
    """

    input: Input
    model: bytes
    output: Output

    def predict(self, source: Source) -> Prediction:
        """What the network says of a source, see the kind of its input.

        Raises:
            InputError: the source cannot be read, or is not what the network takes.
        """
        given = self._shaped(self._quantize(self.input.array(source)))
        result = inference.infer(self._interpreter, (given,))
        if result is None:
            raise ZooError(
                f"the network takes more input than {list(self.input.shape)}, which its entry gives"
            )
        return self.output.prediction(
            _values(given, self._details["input"]), _values(result[0], self._details["output"])
        )

    @functools.cached_property
    def _interpreter(self) -> Interpreter:
        return Interpreter.from_bytes(self.model)

    @functools.cached_property
    def _details(self) -> dict[str, dict[str, np.ndarray]]:
        return {
            "input": self._interpreter.get_input_details(0),
            "output": self._interpreter.get_output_details(0),
        }

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        """In the network's shape, unless it is fed row by row."""
        shape = self._details["input"]["shape"]
        return values.reshape(shape) if values.size == np.prod(shape) else values

    def _quantize(self, values: np.ndarray) -> np.ndarray:
        """Real numbers as the network takes them, rounded half away from zero as TFLite does."""
        details = self._details["input"]
        dtype = np.dtype(details["dtype"])
        if dtype == np.float32:
            return values
        scale, zero_point = _quantization(details)
        steps = values.astype(np.float64) / scale
        rounded = np.copysign(np.floor(np.abs(steps) + 0.5), steps) + zero_point
        limits = np.iinfo(dtype)
        return np.clip(rounded, limits.min, limits.max).astype(dtype)


def _values(stored: np.ndarray, details: dict[str, np.ndarray]) -> Values:
    return Values(stored, None if stored.dtype == np.float32 else _quantization(details))


def _quantization(details: dict[str, np.ndarray]) -> tuple[float, int]:
    """Scale and zero point of the whole tensor."""
    parameters = details["quantization_parameters"]
    return float(parameters["scales"][0]), int(parameters["zero_points"][0])


class ZooModel:
    """A model of a zoo. It runs as converted: the outputs are those of the original."""

    def __init__(self, entry: Entry) -> None:
        """Raises ZooError if a file is missing or is not the one that was published."""
        self.entry = entry
        self.original = entry.content(ORIGINAL)
        self.converted = entry.content(CONVERTED)
        self._pipeline = Pipeline(
            make_input(entry.input), self.converted, make_output(entry.output)
        )

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def labels(self) -> tuple[str, ...]:
        """All answers that the model can give."""
        return self._pipeline.output.labels

    @property
    def has_output_per_label(self) -> bool:
        """Whether the network has a channel for each label, as classifiers have."""
        return isinstance(self._pipeline.output, Classes)

    @property
    def anomaly(self) -> AnomalyConfig | None:
        """When an input is an anomaly, for auto-encoders."""
        output = self._pipeline.output
        length = int(np.prod(self.input.shape))
        return output.config(length=length) if isinstance(output, Reconstruction) else None

    @property
    def input(self) -> Input:
        """How the model is fed."""
        return self._pipeline.input

    @property
    def path(self) -> Path:
        """The original int8 `.tflite` file, for `tflm_mcunet.convert` and the command line."""
        return self.entry.folder / ORIGINAL

    @property
    def converted_path(self) -> Path:
        """The converted `.tflite` file, for TensorFlow Lite Micro with our operator."""
        return self.entry.folder / CONVERTED

    @property
    def card(self) -> str:
        """The model card, as Markdown."""
        return read_bytes(self.entry.folder / CARD).decode("utf-8")

    def predict(self, source: Source) -> Prediction:
        """What the model says of a photo, a recording or an array.

        Args:
            source: the path of a file, or an array; the kind of the model's input says which
                arrays: for a photo its pixels, uint8 (height, width, 3) of any size.

        Raises:
            InputError: the source cannot be read, or is not what the model takes.

        Example:
            >>> zoo.load("vww-s").predict("photo.jpg").scores["person"]
        """
        return self._pipeline.predict(source)

    def trainable(self) -> Any:
        """The network as a float32 tf_keras model, to train on with data of your own.

        `tflm_mcunet.quantize.quantize` makes an int8 file of it again. Needs TensorFlow.

        Raises:
            UnsupportedModelError: it has an operator that is not rebuilt, which is named.
        """
        from tflm_mcunet.trainable import trainable

        return trainable(self.original)


def load(name: str) -> ZooModel:
    """A model of the installed zoos, its files checked against their digests.

    Raises:
        ZooError: no zoo is installed, none has this model, or its files are damaged.
    """
    return ZooModel(catalogue.entry(name))
