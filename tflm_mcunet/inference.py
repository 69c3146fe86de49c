# SPDX-License-Identifier: Apache-2.0
"""Inferences over many samples, for whole and for row-fed models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tflm_mcunet.interpreter import Interpreter, InterpreterConfig

Arrays = tuple[np.ndarray, ...]

_OK = 0
_ROW_AXIS = 1


def run(model: bytes, samples: Sequence[Arrays]) -> list[Arrays | None]:
    """Runs a model over samples, one after the other and without a reset between them.

    Args:
        model: content of a `.tflite` file.
        samples: the arrays of all model inputs, for each sample. A row-fed input, of shape
            (1, 1, width, channels), takes an array (1, height, width, channels).

    Returns:
        The arrays of all outputs, for each sample; None where a streaming model has not
        computed its outputs because it needs more input.

    Raises:
        RuntimeError, ValueError: as `Interpreter` does.
    """
    interpreter = Interpreter.from_bytes(model)
    return [infer(interpreter, sample) for sample in samples]


def infer(interpreter: Interpreter, sample: Arrays) -> Arrays | None:
    """One inference; arguments and result as of `run`."""
    fed = _row_fed_input(interpreter, sample)
    for i, array in enumerate(sample):
        if i != fed:
            interpreter.set_input(array, i)
    if fed is None:
        status = interpreter.invoke()
    else:
        for y in range(sample[fed].shape[_ROW_AXIS]):
            interpreter.set_input(sample[fed][:, y : y + 1], fed)
            status = interpreter.invoke()
    if status != _OK:
        return None
    return tuple(interpreter.get_output(i) for i in range(interpreter.output_count))


def run_preserving(model: bytes, sample: Arrays, tensors: Sequence[int]) -> Arrays:
    """The values of some tensors, given by their indices in the file, after one inference."""
    interpreter = Interpreter.from_bytes(
        model, intrepreter_config=InterpreterConfig.kPreserveAllTensors
    )
    for i, array in enumerate(sample):
        interpreter.set_input(array, i)
    interpreter.invoke()
    return tuple(interpreter.GetTensor(tensor, 0)["tensor_data"] for tensor in tensors)


def _row_fed_input(interpreter: Interpreter, sample: Arrays) -> int | None:
    for i, array in enumerate(sample):
        shape = tuple(int(n) for n in interpreter.get_input_details(i)["shape"])
        row = array.shape[:_ROW_AXIS] + (1,) + array.shape[_ROW_AXIS + 1 :]
        if array.ndim == 4 and shape == row != array.shape:
            return i
    return None
