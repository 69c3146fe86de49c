# SPDX-License-Identifier: Apache-2.0
"""Two models side by side in TFLite-Micro, on the same inputs, compared byte by byte."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from tflm_converters import reader
from tflm_converters.errors import ModelFileError
from tflm_converters.graph import Graph, Tensor
from tflm_mcunet import inference
from tflm_mcunet.borders import Border, input_borders, output_borders, same_values
from tflm_mcunet.emulator.deployment import fed_shape
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.inference import Arrays
from tflm_mcunet.samples import sample

Progress = Callable[[int, int], None]
"""Called with the number of samples done and wanted."""

_BATCH = 4  # samples per call to the worker: progress is seen, models are seldom loaded
_ROW_AXIS = 1


@dataclasses.dataclass(frozen=True)
class Difference:
    """The first element that differs: of which sample and output, where, and both values."""

    sample: int
    output: str
    position: tuple[int, ...]
    expected: int | float
    got: int | float


@dataclasses.dataclass(frozen=True)
class Parity:
    """What comparing two models came to."""

    samples: int = 0
    compared_bytes: int = 0
    differing_bytes: int = 0
    first: Difference | None = None

    @property
    def identical(self) -> bool:
        """Whether not a single byte differed."""
        return self.differing_bytes == 0


@dataclasses.dataclass(frozen=True)
class Model:
    """A model with what a comparison needs to know of it."""

    name: str
    content: bytes
    graph: Graph

    @classmethod
    def parse(cls, content: bytes, *, name: str) -> Model:
        """Reads the content of a `.tflite` file; raises what `reader.read_bytes` does."""
        return cls(name, content, reader.read_bytes(content, name=name))


class Comparison:
    """Two models with matching inputs and outputs.

    Where only one of them quantizes a float32 input or dequantizes an output, both are
    compared behind that quantization: see `tflm_mcunet.borders`. A row-fed model is given
    the other's input row by row.
    """

    def __init__(self, original: Model, converted: Model, host: HostProcess) -> None:
        """Raises ModelFileError if inputs or outputs do not match."""
        self._models = (original, converted)
        # A row-fed file without its original does not show the whole shape of its input.
        self._rows = (fed_shape(original.graph) or (1,))[0]
        self._host = host
        self._inputs = _paired(self._models, input_borders, "input", _may_feed)
        self._outputs = _paired(self._models, output_borders, "output", _same_shape)

    def run(self, samples: Iterable[int], *, seed: int, progress: Callable[[int], None]) -> Parity:
        """Compares on the given samples; `progress` is called with how many are done."""
        wanted = list(samples)
        parity = Parity()
        for begin in range(0, len(wanted), _BATCH):
            batch = wanted[begin : begin + _BATCH]
            results = self.outputs([self.inputs(index, seed=seed) for index in batch])
            for index, (expected, got) in zip(batch, results, strict=True):
                parity = self._count(parity, index, expected, got)
            progress(parity.samples)
        return parity

    def inputs(self, index: int, *, seed: int) -> Arrays:
        """The core values of one sample: if the original is fed row by row, of all rows."""
        cores = [border.core for border, _ in self._inputs]
        first = index * self._rows
        rows = [sample(cores, first + row, seed=seed) for row in range(self._rows)]
        return rows[0] if len(rows) == 1 else tuple(map(_joined, zip(*rows, strict=True)))

    def outputs(self, inputs: list[Arrays]) -> Iterator[tuple[Arrays, Arrays]]:
        """What the two models compute from the same core values, as core values."""
        results = [self._outputs_of(side, inputs) for side in (0, 1)]
        return zip(*results, strict=True)

    def _outputs_of(self, side: int, inputs: list[Arrays]) -> list[Arrays]:
        model = self._models[side]
        fed = [_each(Border.to_outer, self._inputs, side, values) for values in inputs]
        results = self._host.call(inference.run, model.content, fed, subject=model.name)
        # None: a streaming model of TFLite-Micro's own has not computed anything yet.
        return [
            () if values is None else _each(Border.to_core, self._outputs, side, values)
            for values in results
        ]

    def _count(self, parity: Parity, index: int, expected: Arrays, got: Arrays) -> Parity:
        if len(expected) != len(got):
            silent = self._models[0 if got else 1]
            raise ModelFileError(
                f"{silent.name}: gives no output for sample {index}, while the other model does"
            )
        masks = [_differing(one, other) for one, other in zip(expected, got, strict=True)]
        first = parity.first
        for output, mask in enumerate(masks):
            if first is None and mask.any():
                position = tuple(int(n) for n in np.argwhere(mask)[0][:-1])
                first = Difference(
                    sample=index,
                    output=self._outputs[output][0].outer.name,
                    position=position,
                    expected=expected[output][position].item(),
                    got=got[output][position].item(),
                )
        return Parity(
            samples=parity.samples + 1,
            compared_bytes=parity.compared_bytes + sum(mask.size for mask in masks),
            differing_bytes=parity.differing_bytes + sum(int(mask.sum()) for mask in masks),
            first=first,
        )


Pair = tuple[Border, Border]


def _paired(
    models: tuple[Model, Model],
    borders_of: Callable[[Graph], tuple[Border, ...]],
    role: str,
    fits: Callable[[Tensor, Tensor], bool],
) -> list[Pair]:
    """The borders of both models, position by position."""
    original, converted = models
    first, second = borders_of(original.graph), borders_of(converted.graph)
    if len(first) != len(second):
        raise ModelFileError(
            f"{converted.name} was not made from {original.name}: it has {len(second)} "
            f"{role}s, expected {len(first)}"
        )
    for index, (one, other) in enumerate(zip(first, second, strict=True)):
        if not (same_values(one.core, other.core) and fits(one.core, other.core)):
            raise ModelFileError(
                f"{converted.name} was not made from {original.name}: {role} {index} is "
                f"{_describe(other.core)}, expected {_describe(one.core)}"
            )
    return list(zip(first, second, strict=True))


def _same_shape(original: Tensor, converted: Tensor) -> bool:
    return original.shape == converted.shape


def _may_feed(original: Tensor, converted: Tensor) -> bool:
    """Whether the converted input takes the original's values, whole or row by row."""
    row_size = math.prod(original.shape[_ROW_AXIS + 1 :])
    return converted.shape == original.shape or math.prod(converted.shape) == row_size


def _joined(rows: Arrays) -> np.ndarray:
    return np.concatenate(rows, axis=_ROW_AXIS)


def _describe(tensor: Tensor) -> str:
    described = f"{tensor.dtype} of shape {list(tensor.shape)}"
    if tensor.quantization is None:
        return described
    values = tensor.quantization
    return f"{described}, scale {values.scale:.6g}, zero point {values.zero_point}"


def _each(
    change: Callable[[Border, np.ndarray], np.ndarray],
    pairs: list[Pair],
    side: int,
    values: Arrays,
) -> Arrays:
    return tuple(change(pair[side], array) for pair, array in zip(pairs, values, strict=True))


def _differing(expected: np.ndarray, got: np.ndarray) -> np.ndarray:
    """Which bytes differ: the arrays' shape with an axis of bytes appended."""
    return _as_bytes(expected) != _as_bytes(got)


def _as_bytes(array: np.ndarray) -> np.ndarray:
    # Bit patterns: NaN equals itself, and -0 differs from 0.
    return np.frombuffer(array.tobytes(), np.uint8).reshape(*array.shape, array.itemsize)
