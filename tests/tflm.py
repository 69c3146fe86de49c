# SPDX-License-Identifier: Apache-2.0
"""Runs models in the real TFLite-Micro: what everything else is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from tflite_micro.python.tflite_micro import runtime

ARENA_BYTES = 64 << 20


def infer(model: bytes, inputs: Sequence[np.ndarray], *, outputs: int = 1) -> list[np.ndarray]:
    """The first `outputs` outputs of one inference of a .tflite file's bytes."""
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
    _invoke(interpreter, inputs)
    return [interpreter.get_output(index).copy() for index in range(outputs)]


def infer_tensors(
    model: bytes, inputs: Sequence[np.ndarray], tensors: Iterable[int]
) -> dict[int, np.ndarray]:
    """The values of some tensors, outputs or not, after one inference."""
    interpreter = runtime.Interpreter.from_bytes(
        model,
        arena_size=ARENA_BYTES,
        intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
    )
    _invoke(interpreter, inputs)
    return {tensor: interpreter.GetTensor(tensor, 0)["tensor_data"] for tensor in tensors}


def _invoke(interpreter: runtime.Interpreter, inputs: Sequence[np.ndarray]) -> None:
    for index, value in enumerate(inputs):
        interpreter.set_input(value, index)
    interpreter.invoke()
