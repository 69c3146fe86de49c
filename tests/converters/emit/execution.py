# SPDX-License-Identifier: Apache-2.0
"""Runs a planned schedule as the target does: programs by the C runtime in one arena.

Stock operators, which TFLite-Micro would execute, are computed by the reference executor at
the offsets that the plan gives them. Guard bytes surround the arena and every program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tests.arduino.memory import Memory
from tests.arduino.runtime import OpenProgram, Runtime, Status
from tflm_converters import reference
from tflm_converters.emit.program import Program, pack_program
from tflm_converters.emit.tflite import program_runs
from tflm_converters.graph import ABSENT, Graph
from tflm_converters.schedule.evaluate import Planned
from tflm_converters.schedule.types import Mode

GUARD = 64
"""Bytes before and behind the arena; a multiple of every alignment."""


class Part:
    """A part of a larger memory, which the runtime takes for an arena."""

    def __init__(self, memory: Memory, begin: int, size: int) -> None:
        self.bytes = memory.bytes[begin : begin + size]
        self.address = memory.address + begin


class Execution:
    """One planned schedule, its programs opened, and an arena full of random bytes.

    `single_stages` packs every stage as a program of its own and overwrites, between two
    programs, all bytes that the plan does not count as live.
    """

    def __init__(
        self, runtime: Runtime, planned: Planned, seed: int, *, single_stages: bool = False
    ) -> None:
        self.planned = planned
        self.graph = planned.network.graph
        self._poisons = single_stages
        self._rng = np.random.default_rng(seed)
        size = planned.plan.peak + 2 * GUARD
        self._memory = Memory(self._rng.integers(0, 256, size, dtype=np.uint8))
        self._arena = Part(self._memory, GUARD, planned.plan.peak)
        self._programs = dict(self._open(runtime, single_stages))

    def _open(
        self, runtime: Runtime, single_stages: bool
    ) -> Iterator[tuple[int, tuple[Program, OpenProgram]]]:
        runs = program_runs(self.planned.schedule)
        if single_stages:
            runs = [range(i, i + 1) for run in runs for i in run]
        for run in runs:
            p = self.planned
            program = pack_program(p.network, p.schedule, p.layout, p.plan, run)
            opened = OpenProgram(runtime, program.options, program.parameters)
            assert opened.status is Status.OK, (opened.status, p.schedule)
            yield run.start, (program, opened)

    def infer(self, inputs: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
        """Every tensor that leaves a program or a stock operator, when it does."""
        fed = self.planned.schedule.row_fed
        if not fed:
            for tensor, value in zip(self.graph.inputs, inputs, strict=True):
                self._write(tensor, value)
        made: dict[int, np.ndarray] = {}
        for index, stage in enumerate(self.planned.schedule.stages):
            if index in self._programs:
                self._poison(index)
                program, opened = self._programs[index]
                row_fed = fed and index == 0
                self._run(program, opened, inputs[0] if row_fed else None)
                made |= {t: self._read(t) for t in program.outputs}
            elif stage.mode is Mode.STOCK:
                made |= self._stock(self.planned.network.layers[stage.first].op)
        # What is an output of the graph must have stayed until the end.
        return made | {t: self._read(t) for t in self.planned.network.outputs}

    def _run(self, program: Program, opened: OpenProgram, image: np.ndarray | None) -> None:
        """One inference of a program; asserts that it writes nothing outside of its span."""
        part = Part(self._memory, GUARD + program.base, program.arena_bytes)
        before = self._memory.bytes.copy()
        if image is None:
            assert opened.run(part) is Status.OK
        else:
            height = self.planned.network.extents[program.inputs[0]].height
            rows = image.reshape(height, -1)
            assert opened.begin(part) is Status.OK
            statuses = [opened.push_row(part, row) for row in rows]
            assert statuses == [Status.NEED_ROWS] * (height - 1) + [Status.OK]
        outside = np.ones(before.size, bool)
        outside[GUARD + program.base : GUARD + program.base + program.arena_bytes] = False
        np.testing.assert_array_equal(self._memory.bytes[outside], before[outside])

    def _stock(self, op_index: int) -> dict[int, np.ndarray]:
        op = self.graph.ops[op_index]
        sources = tuple(
            t for t in dict.fromkeys(op.inputs) if t != ABSENT and not self._is_constant(t)
        )
        single = Graph(self.graph.tensors, (op,), sources, op.outputs)
        values = reference.execute(single, [self._read(t) for t in sources])
        for tensor in op.outputs:
            self._write(tensor, values[tensor])
        return {t: values[t] for t in op.outputs}

    def _is_constant(self, tensor: int) -> bool:
        return self.graph.tensors[tensor].is_constant

    def _place(self, tensor: int) -> slice:
        buffer = self.planned.layout.whole[self.planned.network.resolve(tensor)]
        offset = self.planned.plan.offsets[buffer]
        return slice(offset, offset + self.graph.tensors[tensor].byte_count)

    def _read(self, tensor: int) -> np.ndarray:
        info = self.graph.tensors[tensor]
        part = self._arena.bytes[self._place(tensor)]
        return part.view(info.dtype).reshape(info.shape).copy()

    def _write(self, tensor: int, value: np.ndarray) -> None:
        self._arena.bytes[self._place(tensor)] = value.view(np.uint8).ravel()

    def _poison(self, stage: int) -> None:
        """Overwrites what the plan does not count as live when a stage begins."""
        if not self._poisons:
            return
        tick = self.planned.layout.starts[stage]
        dead = np.ones(self.planned.plan.peak, bool)
        for buffer, offset in zip(
            self.planned.plan.buffers, self.planned.plan.offsets, strict=True
        ):
            for begin, end, first, last in buffer.bands:
                if first < tick <= last:
                    dead[offset + begin : offset + end] = False
        garbage = self._rng.integers(0, 256, int(dead.sum()), dtype=np.uint8)
        self._arena.bytes[dead] = garbage


def mismatches(
    execution: Execution, inputs: Sequence[np.ndarray], expected: Mapping[int, np.ndarray]
) -> list[str]:
    """Names of the tensors that differ from what the graph defines."""
    made = execution.infer(inputs)
    names = execution.graph.tensors
    return [names[t].name for t, value in made.items() if not np.array_equal(value, expected[t])]
