# SPDX-License-Identifier: Apache-2.0
"""From a model file to C sources that run it without an interpreter."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import numpy as np

from tflm_converters.emit.c_interface import Golden, Interface, c_golden, c_self_test
from tflm_converters.emit.c_source import CModel, c_sources, entry_points
from tflm_converters.errors import ConversionError, UnsupportedModelError
from tflm_converters.graph import Graph, Tensor
from tflm_mcunet import runtime_sources
from tflm_mcunet.comparison import Comparison, Model
from tflm_mcunet.conversion import Progress, convert
from tflm_mcunet.emulator.deployment import Deployment, is_converted
from tflm_mcunet.files import read_file
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.interfaces import interface_of

Files = dict[str, bytes]
"""File names and contents."""


@dataclasses.dataclass(frozen=True)
class Export:
    """A model as C.

    `model` is what its sources are made from; `golden` inputs and outputs, stored to check it.
    """

    model: CModel
    golden: tuple[Golden, ...]

    @property
    def interface(self) -> Interface:
        return self.model.interface

    @property
    def arena_bytes(self) -> int:
        return self.model.arrays.arena_bytes

    @property
    def golden_bytes(self) -> int:
        return sum(sample.bytes for sample in self.golden)

    @property
    def files(self) -> Files:
        """Model, stored inputs, and the parts of the runtime that the model needs."""
        texts = c_sources(self.model) | c_golden(self.interface, self.golden)
        sources = runtime_sources.needed(entry_points(self.model))
        files = {name: text.encode() for name, text in texts.items()}
        return files | {path.name: path.read_bytes() for path in sources}

    @property
    def self_test(self) -> Files:
        """A program that checks the model."""
        return {name: text.encode() for name, text in c_self_test(self.interface).items()}

    def to_json(self) -> dict[str, Any]:
        """The object that `tflm-mcunet export c --json` prints."""
        return {
            "name": self.interface.name,
            "arena_bytes": self.arena_bytes,
            "table_bytes": self.model.table_bytes,
            "row_fed": self.interface.row_fed,
            "golden": len(self.golden),
            "files": sorted(self.files | self.self_test),
        }


def export_c(
    model: str | Path,
    *,
    name: str | None = None,
    labels: str | Path | None = None,
    samples: int = 3,
    progress: Progress = lambda what, share: None,
    **options: Any,
) -> Export:
    """Makes C sources of a model, which is converted first if it is not converted yet.

    Args:
        model: path of a `.tflite` file, converted or not.
        name: prefix of files and functions; default: from the file's name.
        labels: text file with a line for each channel of the first output.
        samples: inputs that are stored with the outputs which TensorFlow Lite Micro's
            reference kernels compute from them.
        progress: called as work is done.
        options: schedule of a model that is not converted yet, as for `convert`.

    Raises:
        UnsupportedModelError: some layers are not in our runtime, or `options` are given
            for a model whose schedule is fixed.
        ConversionError: the model cannot be converted, or not within the budget.

    Example:
        >>> export = export_c("model.tflite", row_fed=True)
        >>> for name, content in export.files.items(): Path(name).write_bytes(content)
    """
    path = Path(model)
    original, converted = read_and_convert(path, progress=progress, **options)
    deployment = Deployment.of(converted.graph, name=path.name)
    c_model = CModel(
        interface_of(converted.graph, path=path, name=name, labels=labels),
        deployment.program,
        deployment.parameters,
        *_tensors(converted.graph, deployment),
    )
    progress("running TensorFlow Lite Micro", 0.9)
    return Export(c_model, stored(original, converted, samples))


def read_and_convert(path: Path, *, progress: Progress, **options: Any) -> tuple[Model, Model]:
    """The model of a file as it is and converted, which may be the same.

    Raises:
        ConversionError: as `export_c` does.
    """
    original = Model.parse(read_file(path), name=path.name)
    if is_converted(original.graph):
        _refuse_schedule(path, options)
        return original, original
    conversion = convert(path, samples=0, progress=progress, **options)
    return original, Model.parse(conversion.model, name=path.name)


def _refuse_schedule(path: Path, options: dict[str, Any]) -> None:
    defaults = inspect.signature(convert).parameters
    given = [o for o, value in options.items() if value and value != defaults[o].default]
    if set(given) - {"board"}:
        raise UnsupportedModelError(
            f"{path.name} is converted already, and its schedule is fixed: export the original, "
            f"or leave out {', '.join(option.replace('_', '-') for option in given)}"
        )


def _tensors(graph: Graph, deployment: Deployment) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The program's tensors that are the model's inputs and outputs."""
    for tensor in (*graph.inputs, *graph.outputs):
        _check_type(graph.tensors[tensor])
    unread = set(range(len(graph.inputs))) - set(deployment.input_order)
    if unread:
        names = ", ".join(f"'{graph.tensors[graph.inputs[i]].name}'" for i in sorted(unread))
        raise UnsupportedModelError(f"no layer reads these inputs, remove them: {names}")
    inputs = tuple(deployment.input_order.index(i) for i in range(len(graph.inputs)))
    return inputs, tuple(len(inputs) + i for i in deployment.output_order)


def _check_type(tensor: Tensor) -> None:
    if tensor.dtype != "int8" or tensor.quantization is None:
        raise UnsupportedModelError(
            f"'{tensor.name}' must be a quantized int8 tensor to be an input or output in C, "
            f"got {tensor.dtype}"
        )


def stored(original: Model, converted: Model, samples: int) -> tuple[Golden, ...]:
    """Inputs, and what the original computes from them.

    Raises:
        ConversionError: the converted model computes something else.
    """
    with HostProcess() as host:
        comparison = Comparison(original, converted, host)
        inputs = [comparison.inputs(index, seed=0) for index in _telling(samples)]
        results = list(comparison.outputs(inputs))
    for expected, got in results:
        if not all(map(np.array_equal, expected, got)):
            raise ConversionError(f"{original.name}: outputs differ; please report this model")
    return tuple(
        Golden(values, expected) for values, (expected, _) in zip(inputs, results, strict=True)
    )


def _telling(samples: int) -> list[int]:
    """Smooth fields and noise first, which say more than constant inputs do."""
    return [4, 3, *range(5, samples + 3)][:samples]
