# SPDX-License-Identifier: Apache-2.0
"""Where a model's memory and work go, layer by layer, as TFLite-Micro runs it today."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tflm_converters import cost
from tflm_converters.errors import ModelFileError
from tflm_converters.graph import ABSENT, Graph, Kind, PassThroughAttributes
from tflm_converters.reader import read
from tflm_mcunet import boards
from tflm_mcunet.boards import Board

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class LiveTensor:
    """A tensor that is in SRAM, with its size in bytes."""

    name: str
    shape: Shape
    bytes: int


@dataclasses.dataclass(frozen=True)
class LayerProfile:
    """One operator: its shapes, its cost, and what is in SRAM while it runs.

    `weight_bytes` are in flash. `live` are all tensors that are needed by this operator or
    by a later one and exist already; `live_bytes` is their sum.
    """

    index: int
    operator: str
    output_name: str
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    macs: int
    weight_bytes: int
    live: tuple[LiveTensor, ...]

    @property
    def live_bytes(self) -> int:
        return sum(tensor.bytes for tensor in self.live)


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a model needs when its layers run one after the other, each tensor whole."""

    name: str
    file_bytes: int
    layers: tuple[LayerProfile, ...]
    board: Board | None = None

    @property
    def peak_layer(self) -> LayerProfile:
        """The first layer during which most bytes are live."""
        return max(self.layers, key=lambda layer: layer.live_bytes)

    @property
    def peak_bytes(self) -> int:
        """Activations in SRAM at the peak, input and output included; no interpreter."""
        return self.peak_layer.live_bytes

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def weight_bytes(self) -> int:
        return sum(layer.weight_bytes for layer in self.layers)

    @property
    def fits_sram(self) -> bool | None:
        """Whether the activations fit the board's SRAM; None without a board."""
        return None if self.board is None else self.peak_bytes <= self.board.sram_bytes

    @property
    def fits_flash(self) -> bool | None:
        """Whether the model file fits the board's flash; None without a board."""
        return None if self.board is None else self.file_bytes <= self.board.flash_bytes

    def macs_ratio(self, macs: int) -> float:
        """A number of multiply-accumulates relative to this model's, which may be none."""
        return macs / self.macs if self.macs else 1.0

    def to_json(self) -> dict[str, Any]:
        """The object that `tflm-mcunet profile --json` prints."""
        return {
            "model": self.name,
            "file_bytes": self.file_bytes,
            "peak_sram_bytes": self.peak_bytes,
            "peak_layer": self.peak_layer.index,
            "macs": self.macs,
            "weight_bytes": self.weight_bytes,
            "board": None if self.board is None else dataclasses.asdict(self.board),
            "fits_sram": self.fits_sram,
            "fits_flash": self.fits_flash,
            "layers": [
                {**dataclasses.asdict(layer), "live_bytes": layer.live_bytes}
                for layer in self.layers
            ],
        }


def profile(model: str | Path, *, board: str | Board | None = None) -> Profile:
    """Measures an int8 model without running it.

    Args:
        model: path of a `.tflite` file.
        board: name of a board, or one of your own, that the model should fit.

    Raises:
        ConversionError: the file is not a model that can be profiled, or the board is unknown.

    Example:
        >>> profile("model.tflite", board="nano33ble").fits_sram
    """
    target = None if board is None else boards.get(board)
    graph = read(model)
    return profile_graph(
        graph, name=Path(model).name, file_bytes=Path(model).stat().st_size, board=target
    )


def profile_graph(
    graph: Graph, *, name: str, file_bytes: int, board: Board | None = None
) -> Profile:
    """Measures a graph; `file_bytes` is the size of the file that it stands in.

    Raises:
        ModelFileError: there is nothing to measure.
    """
    if not graph.ops:
        raise ModelFileError(f"{name}: the model has no operators")
    live = live_tensors(graph)
    layers = tuple(_layer(graph, index, live[index]) for index in range(len(graph.ops)))
    return Profile(name, file_bytes, layers, board)


def live_tensors(graph: Graph) -> list[tuple[int, ...]]:
    """For each operator, the activations in SRAM while it runs, by tensor index.

    Inputs are there from the beginning, outputs stay to the end, and variables are there
    all the time.
    """
    last = len(graph.ops) - 1
    begin: dict[int, int] = dict.fromkeys(graph.activations(), 0)
    begin.update(graph.producer_of())
    end = dict(begin)
    end.update({tensor: ops[-1] for tensor, ops in graph.consumers_of().items()})
    end.update(dict.fromkeys(graph.outputs, last))
    for index, tensor in enumerate(graph.tensors):
        if tensor.is_variable:
            begin[index], end[index] = 0, last
    return [
        tuple(sorted(t for t in begin if begin[t] <= index <= end[t]))
        for index in range(len(graph.ops))
    ]


def _layer(graph: Graph, index: int, live: tuple[int, ...]) -> LayerProfile:
    op = graph.ops[index]
    inputs = (graph.tensors[t] for t in op.inputs if t != ABSENT)
    output = graph.tensors[op.output] if op.outputs else None
    return LayerProfile(
        index=index,
        operator=_operator_name(graph, index),
        output_name=output.name if output else "",
        input_shapes=tuple(t.shape for t in inputs if not t.is_constant),
        output_shape=output.shape if output else (),
        macs=cost.macs(graph, index),
        weight_bytes=cost.weight_bytes(graph, index),
        live=tuple(_live_tensor(graph, tensor) for tensor in live),
    )


def _operator_name(graph: Graph, index: int) -> str:
    op = graph.ops[index]
    if op.kind is Kind.PASS_THROUGH and isinstance(op.attributes, PassThroughAttributes):
        return op.attributes.operator_name
    return op.kind.value


def _live_tensor(graph: Graph, index: int) -> LiveTensor:
    tensor = graph.tensors[index]
    return LiveTensor(tensor.name, tensor.shape, tensor.byte_count)
