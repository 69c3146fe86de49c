# SPDX-License-Identifier: Apache-2.0
"""A converted model as the microcontroller runs it without an interpreter: one program."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import Graph, Kind, Op, PassThroughAttributes, ProgramAttributes
from tflm_mcunet.emulator.images import Arrays, ProgramView
from tflm_mcunet.emulator.measurement import Measurement, measure
from tflm_mcunet.emulator.toolchain import Build


@dataclasses.dataclass(frozen=True)
class Deployment:
    """The program of a converted model, and which of its operands are the model's.

    `input_order` gives, for each input of the program, the position of the model's;
    `output_order`, for each output of the model, the position of the program's.
    """

    program: bytes
    parameters: bytes
    input_order: tuple[int, ...]
    output_order: tuple[int, ...]

    @classmethod
    def of(cls, graph: Graph, *, name: str) -> Deployment:
        """Takes the program out of a converted model.

        Raises:
            UnsupportedModelError: some of its layers are not in our runtime.
        """
        op = _only_program(graph, name)
        assert isinstance(op.attributes, ProgramAttributes)
        *inputs, parameters = op.inputs
        data = graph.tensors[parameters].data
        assert data is not None
        order = tuple(op.outputs.index(tensor) for tensor in graph.outputs)
        positions = tuple(graph.inputs.index(tensor) for tensor in inputs)
        return cls(op.attributes.options, data.tobytes(), positions, order)

    def measure(self, samples: Iterable[Arrays], *, build: Build) -> Measurement:
        """As `measurement.measure`, with the model's inputs in the model's order."""
        inputs = ([sample[i] for i in self.input_order] for sample in samples)
        return measure(self.program, self.parameters, inputs, build=build)

    def outputs(self, values: Arrays) -> Arrays:
        """The program's outputs in the model's order."""
        return tuple(values[i] for i in self.output_order)


def is_converted(graph: Graph) -> bool:
    """Whether a model holds programs of ours."""
    return any(op.kind is Kind.PROGRAM for op in graph.ops)


def fed_shape(graph: Graph) -> tuple[int, int, int] | None:
    """Height, width and channels of the input that a converted model takes row by row, if any."""
    for op in graph.ops:
        if isinstance(op.attributes, ProgramAttributes):
            view = ProgramView.parse(op.attributes.options)
            if view.fed is not None:
                return view.shape(view.fed)
    return None


def _only_program(graph: Graph, name: str) -> Op:
    others = [op for op in graph.ops if op.kind is not Kind.PROGRAM]
    if not others and len(graph.ops) == 1:
        return graph.ops[0]
    left = ", ".join(dict.fromkeys(map(_operator_name, others)))
    raise UnsupportedModelError(
        f"{name}: to run without an interpreter, a model must be one program of ours, but "
        + (f"these are left to TensorFlow Lite Micro: {left}" if left else "it has no layers")
    )


def _operator_name(op: Op) -> str:
    if isinstance(op.attributes, PassThroughAttributes):
        return op.attributes.operator_name
    return op.kind.value
