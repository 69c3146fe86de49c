# SPDX-License-Identifier: Apache-2.0
"""Networks before quantization: their files, and how TFLite runs them, which is fast on a PC."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tflm_mcunet.zoo.inputs import Input, Source
from tflm_mcunet.zoo.outputs import Output, Prediction, Values


def float_file(network: Any) -> bytes:
    """A Keras network as it was trained, as the content of a `.tflite` file."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    with contextlib.redirect_stdout(sys.stderr):
        content: bytes = converter.convert()
    return content


def is_float(model: bytes) -> bool:
    """Whether the first input is float32."""
    (first, *_) = Interpreter(model_content=model).get_input_details()
    return first["dtype"] is np.float32


@dataclasses.dataclass(frozen=True)
class FloatNetwork:
    """As `tflm_mcunet.zoo.model.Pipeline`, for a model whose input and output are float32."""

    input: Input
    model: bytes
    output: Output

    def predict(self, source: Source) -> Prediction:
        """What the network says of a source."""
        given = self.input.array(source)
        (into,), (out,) = self._network.get_input_details(), self._network.get_output_details()
        self._network.set_tensor(into["index"], given.reshape(into["shape"]))
        self._network.invoke()
        return self.output.prediction(Values(given), Values(self._network.get_tensor(out["index"])))

    @functools.cached_property
    def _network(self) -> Any:
        network = Interpreter(model_content=self.model, num_threads=1)
        network.allocate_tensors()
        return network
