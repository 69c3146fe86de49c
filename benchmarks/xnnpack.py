# SPDX-License-Identifier: Apache-2.0
"""TFLite as it runs on a PC: with the kernels of XNNPACK, which round in their own way."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def run(model: bytes, inputs: np.ndarray) -> np.ndarray:
    """Outputs (n, classes) of a model for inputs (n, ...), one after the other."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    outputs = []
    for one in inputs:
        interpreter.set_tensor(source["index"], one[np.newaxis])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target["index"]))
    return np.concatenate(outputs)
