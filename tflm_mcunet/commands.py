# SPDX-License-Identifier: Apache-2.0
"""What each command of the command line does. Results go to stdout, all else to stderr."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tflm_converters.errors import ConversionError, ModelFileError
from tflm_mcunet import inference
from tflm_mcunet.comparison import Model, Progress
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.output import staged
from tflm_mcunet.profiling import profile as profile_model
from tflm_mcunet.report import terminal
from tflm_mcunet.verify import verify as verify_models

_SAME, _DIFFERENT = 0, 1


def profile(options: argparse.Namespace) -> int:
    """`tflm-mcunet profile`"""
    result = profile_model(options.model, board=options.board)
    if options.out is not None:
        from tflm_mcunet.report import profile_picture  # matplotlib takes a third of a second

        with staged(options.out) as stage:
            (stage / "profile.png").write_bytes(profile_picture.draw(result))
    _show(options, result.to_json(), terminal.profile_text(result))
    return _SAME


def run(options: argparse.Namespace) -> int:
    """`tflm-mcunet run`"""
    model = Model.parse(_content(options.model), name=str(options.model))
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
    _show(options, _outputs_json(named), terminal.outputs_text(named))
    return _SAME


def verify(options: argparse.Namespace) -> int:
    """`tflm-mcunet verify`"""
    with progress_bar(options.samples, "comparing") as progress:
        verdict = verify_models(
            _content(options.original),
            _content(options.converted),
            samples=options.samples,
            seed=options.seed,
            progress=progress,
            names=(str(options.original), str(options.converted)),
        )
    result = {"identical": verdict.identical, **dataclasses.asdict(verdict)}
    _show(options, result, terminal.verdict_text(verdict))
    return _SAME if verdict.identical else _DIFFERENT


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
    arrays = tuple(_load_array(path) for path in paths)
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


def _load_array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is not a .npy file of numbers"
        raise ConversionError(f"cannot read the array in '{path}': {reason}") from None
    if not isinstance(array, np.ndarray):
        raise ConversionError(f"{path}: expected one array (.npy), got an archive of arrays")
    return array


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read '{path}': {error.strerror}") from None


@contextmanager
def progress_bar(total: int, label: str) -> Iterator[Progress]:
    """A bar on stderr, where that is a terminal."""
    from tqdm import tqdm

    with tqdm(total=total, desc=label, file=sys.stderr, disable=None, leave=False) as bar:
        yield lambda done, wanted: bar.update(done - bar.n)


def _show(options: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    print(json.dumps(result, ensure_ascii=False) if options.json else text)
