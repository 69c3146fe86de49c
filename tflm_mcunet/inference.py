# SPDX-License-Identifier: Apache-2.0
"""Inferences over many samples, for whole and for row-fed models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tflm_mcunet.interpreter import Interpreter

Arrays = tuple[np.ndarray, ...]

_OK = 0


def run(model: bytes, samples: Sequence[Arrays]) -> list[Arrays | None]:
    """Runs a model over samples, one after the other and without a reset between them.

    Args:
        model: content of a `.tflite` file.
        samples: the arrays of all model inputs, for each sample. A row-fed input, which
            is one row large, takes an array of all rows and is fed one after the other.

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
    status = interpreter.invoke() if fed is None else _feed(interpreter, fed, sample[fed])
    if status != _OK:
        return None
    return tuple(interpreter.get_output(i) for i in range(interpreter.output_count))


def _row_fed_input(interpreter: Interpreter, sample: Arrays) -> int | None:
    for i, array in enumerate(sample):
        row_size = int(np.prod(_shape(interpreter, i)))
        if array.size > row_size and array.size % row_size == 0:
            return i
    return None


def _feed(interpreter: Interpreter, index: int, array: np.ndarray) -> int:
    """Pushes all rows; the status is that of the last."""
    for row in array.reshape(-1, *_shape(interpreter, index)):
        interpreter.set_input(row, index)
        status = interpreter.invoke()
    return status


def _shape(interpreter: Interpreter, index: int) -> tuple[int, ...]:
    return tuple(int(n) for n in interpreter.get_input_details(index)["shape"])
