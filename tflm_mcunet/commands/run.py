# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet run`"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from tflm_converters.errors import ConversionError
from tflm_mcunet import inference
from tflm_mcunet.commands.show import show
from tflm_mcunet.comparison import Model
from tflm_mcunet.files import read_array, read_file, staged
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.report import terminal


def execute(options: argparse.Namespace) -> int:
    """Runs a model once; prints its outputs, and saves them if asked to."""
    model = Model.parse(read_file(options.model), name=str(options.model))
    arrays = load_inputs(model, options.input)
    with HostProcess() as host:
        (outputs,) = host.call(inference.run, model.content, [arrays], subject=model.name)
    if outputs is None:
        raise ConversionError(
            f"{model.name}: the model needs more input before it has an output: it takes its "
            "input piece by piece; give more rows at once"
        )
    if options.out is not None:
        with staged(options.out) as stage:
            for index, output in enumerate(outputs):
                np.save(stage / f"output_{index}.npy", output)
    names = (model.graph.tensors[t].name for t in model.graph.outputs)
    named = list(zip(names, outputs, strict=True))
    show(options, _outputs_json(named), terminal.outputs_text(named))
    return 0


def load_inputs(model: Model, paths: list[Path]) -> inference.Arrays:
    """Arrays from .npy files, one for each input of the model.

    Raises:
        ConversionError: their number, a shape or an element type is not the model's.
    """
    tensors = [model.graph.tensors[t] for t in model.graph.inputs]
    wanted = ", ".join(f"'{t.name}' {t.dtype} {list(t.shape)}" for t in tensors)
    if len(paths) != len(tensors):
        raise ConversionError(
            f"{model.name}: expected one --input for each of {wanted}, got {len(paths)}"
        )
    arrays = tuple(read_array(path) for path in paths)
    for tensor, array, path in zip(tensors, arrays, paths, strict=True):
        rows = (*tensor.shape[:1], array.shape[1] if array.ndim > 1 else 0, *tensor.shape[2:])
        is_row_fed = tensor.shape[1:2] == (1,) and array.shape == rows
        if str(array.dtype) != tensor.dtype or not (array.shape == tensor.shape or is_row_fed):
            raise ConversionError(
                f"{path}: expected {tensor.dtype} {list(tensor.shape)} for input "
                f"'{tensor.name}', got {array.dtype} {list(array.shape)}"
            )
    return arrays


def _outputs_json(outputs: terminal.Outputs) -> dict[str, Any]:
    return {
        "outputs": [
            {
                "name": name,
                "dtype": str(array.dtype),
                "shape": list(array.shape),
                "values": array.ravel().tolist(),
            }
            for name, array in outputs
        ]
    }
