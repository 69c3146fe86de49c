# SPDX-License-Identifier: Apache-2.0
"""Writes the schedule back as a TensorFlow Lite model that TFLite-Micro runs as planned.

Each run of stages becomes one custom operator: inputs are its activations and the
parameters (a constant), outputs its activations and a scratch tensor that spans all the
memory the program uses. Offsets go into the standard OfflineMemoryAllocation metadata, so
that stock TFLite-Micro places every tensor where the plan says; the operator checks it.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_converters import writer
from tflm_converters.emit.program import Program, pack_program
from tflm_converters.graph import ABSENT, Graph, Kind, Op, ProgramAttributes, Tensor
from tflm_converters.memory.layout import Layout
from tflm_converters.memory.types import MemoryPlan
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.types import Mode, Schedule

UNPLANNED = -1
"""Offline offset of tensors that TFLite-Micro places itself: constants and variables."""


def program_runs(schedule: Schedule) -> list[range]:
    """Consecutive stages that our runtime executes, as ranges of stage indices."""
    runs: list[range] = []
    for index, stage in enumerate(schedule.stages):
        if stage.mode is Mode.STOCK:
            continue
        if runs and runs[-1].stop == index:
            runs[-1] = range(runs[-1].start, index + 1)
        else:
            runs.append(range(index, index + 1))
    return runs


def emit_tflite(network: Network, schedule: Schedule, layout: Layout, plan: MemoryPlan) -> bytes:
    """The rewritten model."""
    graph, offsets = emit_graph(network, schedule, layout, plan)
    return writer.write(graph, offline_offsets=offsets)


def emit_graph(
    network: Network, schedule: Schedule, layout: Layout, plan: MemoryPlan
) -> tuple[Graph, list[int]]:
    """The rewritten graph, and the arena offset of each of its tensors."""
    builder = _Builder(network, layout, plan)
    programs = {
        run.start: pack_program(network, schedule, layout, plan, run)
        for run in program_runs(schedule)
    }
    for index, stage in enumerate(schedule.stages):
        if index in programs:
            builder.add_program(programs[index], row_fed=schedule.row_fed and index == 0)
        elif stage.mode is Mode.STOCK:
            builder.add_stock(network.layers[stage.first].op)
    return builder.finish()


class _Builder:
    """Collects the tensors and operators of the rewritten graph."""

    def __init__(self, network: Network, layout: Layout, plan: MemoryPlan) -> None:
        self.network, self.layout, self.plan = network, layout, plan
        self.tensors: list[Tensor] = []
        self.offsets: list[int] = []
        self.ops: list[Op] = []
        self.known: dict[int, int] = {}

    def add_program(self, program: Program, *, row_fed: bool) -> None:
        number = len(self.ops)
        parameters = np.frombuffer(program.parameters, dtype=np.int8)
        if row_fed:
            self._add_fed_row(program.inputs[0])
        inputs = [self._activation(t) for t in program.inputs]
        inputs.append(self._add(_constant(f"program_{number}/parameters", parameters), UNPLANNED))
        outputs = [self._activation(self._as_output(t)) for t in program.outputs]
        scratch = Tensor(f"program_{number}/memory", (program.arena_bytes,), "int8")
        outputs.append(self._add(scratch, program.base))
        attributes = ProgramAttributes(program.options)
        self.ops.append(Op(Kind.PROGRAM, tuple(inputs), tuple(outputs), attributes))

    def add_stock(self, op_index: int) -> None:
        op = self.network.graph.ops[op_index]
        inputs = tuple(t if t == ABSENT else self._activation(t) for t in op.inputs)
        outputs = tuple(self._activation(t) for t in op.outputs)
        self.ops.append(dataclasses.replace(op, inputs=inputs, outputs=outputs))

    def finish(self) -> tuple[Graph, list[int]]:
        graph = self.network.graph
        inputs = tuple(self._activation(t) for t in graph.inputs)
        outputs = tuple(self._activation(t) for t in graph.outputs)
        emitted = graph.replace(
            tensors=tuple(self.tensors), ops=tuple(self.ops), inputs=inputs, outputs=outputs
        )
        return emitted, self.offsets

    def _as_output(self, tensor: int) -> int:
        """The output of the model that a tensor is, by itself or reshaped; else the tensor."""
        outputs = self.network.graph.outputs
        resolve = self.network.resolve
        return next((t for t in outputs if resolve(t) == tensor), tensor)

    def _add_fed_row(self, tensor: int) -> None:
        """The input of a row-fed model: one row, beside the planned memory."""
        info = self.network.graph.tensors[tensor]
        height = self.network.extents[tensor].height
        shape = (1, 1, *info.shape[2:]) if len(info.shape) == 4 else (1, info.byte_count // height)
        row = dataclasses.replace(info, shape=shape)
        offset = -(-self.plan.peak // 16) * 16
        self.known[tensor] = self._add(row, offset)

    def _activation(self, tensor: int) -> int:
        if tensor not in self.known:
            info = self.network.graph.tensors[tensor]
            self.known[tensor] = self._add(info, self._offset_of(tensor))
        return self.known[tensor]

    def _offset_of(self, tensor: int) -> int:
        buffer = self.layout.whole.get(self.network.resolve(tensor))
        return UNPLANNED if buffer is None else self.plan.offsets[buffer]

    def _add(self, tensor: Tensor, offset: int) -> int:
        self.tensors.append(tensor)
        self.offsets.append(offset)
        return len(self.tensors) - 1


def _constant(name: str, data: np.ndarray) -> Tensor:
    return Tensor(name, data.shape, str(data.dtype), data=data)
