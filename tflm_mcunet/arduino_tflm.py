# SPDX-License-Identifier: Apache-2.0
"""From a model file to sources that run it in the TensorFlow Lite Micro that users installed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tflm_converters.emit.c_interface import Golden, Interface, c_golden, c_header, c_labels
from tflm_converters.emit.c_tables import integers
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import Graph, Kind, Op, PassThroughAttributes
from tflm_mcunet import runtime_sources
from tflm_mcunet.arduino_library import ArduinoModel
from tflm_mcunet.arduino_sketches import fill
from tflm_mcunet.arena import ArenaUse, arena_use
from tflm_mcunet.conversion import Progress
from tflm_mcunet.exporting import Files, read_and_convert, stored
from tflm_mcunet.interfaces import interface_of

INTERPRETER_CODE_BYTES = 96 * 1024
"""More than TensorFlow Lite Micro without operators and our operator take on a Cortex-M4."""
INTERPRETER_SRAM_BYTES = 4 * 1024
"""More than interpreter and resolver take beside the arena."""
OPERATOR_CODE_BYTES = 16 * 1024
"""More than any operator of TensorFlow Lite Micro takes."""

_METHODS = {
    "BATCH_MATMUL": "BatchMatMul",
    "CIRCULAR_BUFFER": "CircularBuffer",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "TFLite_Detection_PostProcess": "DetectionPostprocess",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}
"""What the resolver calls operators, where that does not follow from their names."""


@dataclasses.dataclass(frozen=True)
class InTflm(ArduinoModel):
    """A converted model, `content`, with an interpreter's arena.

    Its functions are those that C has without an interpreter. `operators` are expressions in C++
    that add what the model needs to a `resolver`.
    """

    declared: Interface
    content: bytes
    arena: ArenaUse
    operators: tuple[str, ...]
    golden: Golden

    @property
    def interface(self) -> Interface:
        return self.declared

    @property
    def sram(self) -> dict[str, int]:
        return {"arena": self.arena.total, "interpreter": INTERPRETER_SRAM_BYTES}

    @property
    def flash(self) -> dict[str, int]:
        others = sum("resolver.Add" in operator for operator in self.operators)
        return {
            "model": len(self.content),
            "code": INTERPRETER_CODE_BYTES + others * OPERATOR_CODE_BYTES,
            "stored input": self.golden.bytes,
        }

    @property
    def sources(self) -> Files:
        name = self.interface.name
        header = c_header(
            self.interface,
            source=f"{name}.cpp",
            how="TensorFlow Lite Micro runs it",
            arena_bytes=self.arena.total,
        )
        made = {
            f"{name}.h": header,
            f"{name}.cpp": self._source(),
            f"{name}_model.h": self._fill("model.h", model_bytes=len(self.content)),
            f"{name}_model.c": self._fill("model.c", model=_bytes(self.content)),
            f"{name}_operators.h": self._operators(),
        }
        texts = made | c_golden(self.interface, [self.golden])
        runtime = {path: file.read_bytes() for path, file in runtime_sources.operator().items()}
        return {path: text.encode() for path, text in texts.items()} | runtime

    @property
    def need(self) -> str:
        return (
            "It needs one of the libraries Arduino_TensorFlowLite and Chirale_TensorFlowLite, and "
            f"{self.arena.total} bytes of SRAM for the arena of TensorFlow Lite Micro."
        )

    @property
    def includes(self) -> str:
        return fill("tflm/include.ino")

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"operators": list(self.operators)}

    def _source(self) -> str:
        definitions = self._fill(f"{self.interface.feeding}.cpp")
        for direction in ("output",) if self.interface.row_fed else ("input", "output"):
            for index, port in enumerate(self.interface.ports(direction)):
                definitions += self._fill(f"{direction}.cpp", index=index, **port)
        return self._fill(
            "model.cpp",
            persistent=self.arena.total - self.arena.non_persistent,
            tensors=self.arena.non_persistent,
            definitions=(definitions + c_labels(self.interface)).rstrip("\n"),
        )

    def _operators(self) -> str:
        added = " &&\n         ".join(f"{operator} == kTfLiteOk" for operator in self.operators)
        return self._fill("operators.h", count=len(self.operators), added=added)

    def _fill(self, template: str, **values: object) -> str:
        interface = self.interface
        names = {"name": interface.name, "NAME": interface.name.upper()}
        return fill(f"tflm/{template}", **(names | {"title": interface.title} | values))


def export_tflm(
    model: str | Path,
    *,
    name: str | None = None,
    labels: str | Path | None = None,
    progress: Progress = lambda what, share: None,
    **options: Any,
) -> InTflm:
    """Makes sources that run a model in an Arduino library of TensorFlow Lite Micro.

    The arena is the smallest with which the pinned tflite-micro wheel runs the model on this
    machine: enough for microcontrollers, where pointers and what is made of them are smaller.

    Args:
        model: path of a `.tflite` file, converted or not; it may have operators that our runtime
            does not have.
        name: prefix of files and functions; default: from the file's name.
        labels: text file with a line for each channel of the first output.
        progress: called as work is done.
        options: schedule of a model that is not converted yet, as for `convert`.

    Raises:
        UnsupportedModelError: the resolver of TensorFlow Lite Micro does not know an operator.
        ConversionError: the model cannot be converted, or not within the budget.
    """
    path = Path(model)
    original, converted = read_and_convert(path, progress=progress, **options)
    operators = _operators(converted.graph, path.name)
    interface = interface_of(converted.graph, path=path, name=name, labels=labels)
    progress("running TensorFlow Lite Micro", 0.9)
    (golden,) = stored(original, converted, 1)
    arena = arena_use(converted.content, name=path.name)
    return InTflm(interface, converted.content, arena, operators, golden)


def _operators(graph: Graph, name: str) -> tuple[str, ...]:
    """Expressions that add the operators of a model to a resolver, each once."""
    return tuple(dict.fromkeys(_adding(op, name) for op in graph.ops))


def _adding(op: Op, name: str) -> str:
    if op.kind is Kind.PROGRAM:
        return "tflm_mcunet::AddOperator(resolver)"
    operator, is_custom = op.kind.value, False
    if isinstance(op.attributes, PassThroughAttributes):
        operator, is_custom = op.attributes.operator_name, op.attributes.is_custom
    if is_custom and operator not in _METHODS:
        raise UnsupportedModelError(
            f"{name}: the Arduino libraries of TensorFlow Lite Micro have no operator {operator}; "
            "use one of the others: CIRCULAR_BUFFER, TFLite_Detection_PostProcess"
        )
    return f"resolver.Add{_METHODS.get(operator) or _camel_case(operator)}()"


def _camel_case(operator: str) -> str:
    """DEPTHWISE_CONV_2D becomes DepthwiseConv2D."""
    return "".join(part if part[0].isdigit() else part.capitalize() for part in operator.split("_"))


def _bytes(content: bytes) -> str:
    return integers(np.frombuffer(content, np.uint8))
