# SPDX-License-Identifier: Apache-2.0
"""From a model file to an Arduino library that runs it in TensorFlow Lite Micro."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tflm_converters.emit.c_source import Golden, identifier
from tflm_converters.emit.c_tables import integers
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import Graph, Kind, Op, PassThroughAttributes
from tflm_mcunet import boards, runtime_sources
from tflm_mcunet.arduino import within_core
from tflm_mcunet.arduino_library import Library, Share, core_of, fill, folder_name
from tflm_mcunet.arena import ArenaUse, arena_use
from tflm_mcunet.boards import Board
from tflm_mcunet.conversion import Progress
from tflm_mcunet.exporting import Files, read_and_convert, stored
from tflm_mcunet.exporting import title as title_of

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
class TflmLibrary(Library):
    """A converted model, `content`, with an interpreter's arena.

    `operators` are expressions in C++ that add what the model needs to a `resolver`.
    """

    identifier: str
    model_title: str
    content: bytes
    arena: ArenaUse
    operators: tuple[str, ...]
    golden: Golden

    @property
    def title(self) -> str:
        return self.model_title

    @property
    def memory(self) -> tuple[Share, Share]:
        core = core_of(self.board)
        others = sum("resolver.Add" in operator for operator in self.operators)
        sram = {
            "the board's software": core.sram_bytes,
            "arena": self.arena.total,
            "interpreter": INTERPRETER_SRAM_BYTES,
        }
        flash = {
            "the board's software": core.flash_bytes,
            "model": len(self.content),
            "code": INTERPRETER_CODE_BYTES + others * OPERATOR_CODE_BYTES,
            "stored input": self.golden.bytes,
        }
        return (
            Share("SRAM", self.board.sram_bytes, sram),
            Share("flash", self.board.flash_bytes, flash),
        )

    @property
    def sources(self) -> Files:
        made = {
            f"{self.identifier}_model.h": self._fill("model.h"),
            f"{self.identifier}_model.c": self._fill("model.c", model=_bytes(self.content)),
            f"{self.identifier}_operators.h": self._fill("operators.h"),
            f"{self.identifier}_golden.h": self._fill("golden.h"),
            f"{self.identifier}_golden.c": self._golden_source(),
        }
        runtime = {name: path.read_bytes() for name, path in runtime_sources.operator().items()}
        return {name: text.encode() for name, text in made.items()} | runtime

    @property
    def sketches(self) -> Files:
        return {"SelfTest": self._fill("sketch.ino").encode()}

    @property
    def descriptions(self) -> Files:
        properties = fill(
            "library.properties",
            library=self.name,
            title=self.title,
            need=f"Needs TensorFlow Lite Micro and {self.arena.total} bytes for its arena.",
            header=f"{self.identifier}_model.h",
        )
        sram, flash = (share.table() for share in self.memory)
        return {
            "library.properties": properties.encode(),
            "README.md": self._fill("README.md", sram=sram, flash=flash).encode(),
        }

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"name": self.identifier, "operators": list(self.operators)}

    def _golden_source(self) -> str:
        arrays, names = [], []
        for index, array in enumerate(self.golden.arrays):
            arrays.append(
                f"static const uint8_t kTensor{index}[] = {{\n{_bytes(array.tobytes())}\n}};"
            )
            names.append(f"{{kTensor{index}, sizeof kTensor{index}}}")
        inputs = len(self.golden.inputs)
        return self._fill(
            "golden.c",
            arrays="\n\n".join(arrays),
            inputs=", ".join(names[:inputs]),
            outputs=", ".join(names[inputs:]),
        )

    def _fill(self, template: str, **values: object) -> str:
        return fill(
            f"tflm/{template}",
            library=self.name,
            name=self.identifier,
            NAME=self.identifier.upper(),
            title=self.title,
            board=self.board.title,
            arena_bytes=self.arena.total,
            persistent=self.arena.total - self.arena.non_persistent,
            tensors=self.arena.non_persistent,
            model_bytes=len(self.content),
            count=len(self.operators),
            added=" &&\n         ".join(f"{operator} == kTfLiteOk" for operator in self.operators),
            input_count=len(self.golden.inputs),
            output_count=len(self.golden.outputs),
            **values,
        )


def export_arduino_tflm(
    model: str | Path,
    *,
    library: str,
    board: str | Board,
    name: str | None = None,
    progress: Progress = lambda what, share: None,
    **options: Any,
) -> TflmLibrary:
    """Makes an Arduino library of a model for the TensorFlow Lite Micro that users have.

    The arena is the smallest with which the pinned tflite-micro wheel runs the model on this
    machine: enough for microcontrollers, where pointers and what is made of them are smaller.

    Args:
        model: path of a `.tflite` file, converted or not; it may have operators that our runtime
            does not have.
        library: the library's name, which becomes that of its folder.
        board: name of a board, or one of your own, with the share of its Arduino core.
        name: prefix of files and functions; default: from the file's name.
        progress: called as work is done.
        options: schedule of a model that is not converted yet, as for `convert`.

    Raises:
        BudgetError: a sketch with the model would not fit the board.
        UnsupportedModelError: the resolver of TensorFlow Lite Micro does not know an operator.
        ConversionError: the model cannot be converted, or not within the budget.

    Example:
        >>> made = export_arduino_tflm("model.tflite", library="Vww", board="nano33ble")
        >>> Path("Vww.zip").write_bytes(made.zip())
    """
    path, target = Path(model), boards.get(board)
    options = within_core(options, target)
    original, converted = read_and_convert(path, progress=progress, **options)
    operators = _operators(converted.graph, path.name)
    progress("running TensorFlow Lite Micro", 0.9)
    (golden,) = stored(original, converted, 1)
    made = TflmLibrary(
        folder_name(library),
        target,
        identifier(name or path.stem),
        title_of(path),
        converted.content,
        arena_use(converted.content, name=path.name),
        operators,
        golden,
    )
    made.check()
    return made


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
