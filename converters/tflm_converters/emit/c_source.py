# SPDX-License-Identifier: Apache-2.0
"""Writes a packed program as C: tables, an arena, and the few functions around them.

What is computed is fixed C, in the runtime and in the templates of the folder `c`; made here
are the tables and the names.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_converters.emit import c_tables
from tflm_converters.emit.c_interface import Interface, c_header, c_labels
from tflm_converters.emit.program_format import ProgramArrays


@dataclasses.dataclass(frozen=True)
class CModel:
    """A program with all that its C functions say.

    `program` and `parameters` are the bytes of a `Program`. `inputs` and `outputs` are its
    tensors, in the order of the interface.
    """

    interface: Interface
    program: bytes
    parameters: bytes
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def arrays(self) -> ProgramArrays:
        return ProgramArrays.parse(self.program)

    @property
    def table_bytes(self) -> int:
        """What program and parameters take in flash."""
        return len(self.program) + len(self.parameters)


def c_sources(model: CModel) -> dict[str, str]:
    """The model's header and its source, by file name. They need the runtime beside them."""
    name = model.interface.name
    header = c_header(
        model.interface,
        source=f"{name}.c",
        how="no interpreter, no allocation",
        arena_bytes=model.arrays.arena_bytes,
    )
    return {f"{name}.h": header, f"{name}.c": _source(model)}


def entry_points(model: CModel) -> frozenset[str]:
    """Functions of the runtime that the model's C source calls."""
    if model.interface.row_fed:
        called = {"tmc_program_begin", "tmc_program_push_row", "tmc_program_finish"}
    else:
        called = {"tmc_program_run"}
    return frozenset(called | c_tables.kernels(model.arrays))


def _source(model: CModel) -> str:
    arrays = model.arrays
    return model.interface.fill(
        "model.c",
        header=c_tables.record(arrays.header),
        tensors=c_tables.records(arrays.tensors),
        ops=c_tables.records(arrays.ops),
        groups=c_tables.records(arrays.groups),
        stages=c_tables.records(arrays.stages),
        parameters=c_tables.integers(np.frombuffer(model.parameters, np.uint8)),
        kernels=c_tables.kernel_table(arrays),
        definitions=_definitions(model).rstrip("\n"),
    )


def _definitions(model: CModel) -> str:
    """Of the functions that the header declares."""
    interface, arrays = model.interface, model.arrays
    text = interface.fill(f"{interface.feeding}.c")
    for direction, tensors in (("input", model.inputs), ("output", model.outputs)):
        for port, tensor in zip(interface.ports(direction), tensors, strict=True):
            if tensor != arrays.fed:
                offset = int(arrays.tensors[tensor]["offset"])
                text += interface.fill(f"{direction}.c", offset=offset, **port)
    return text + c_labels(interface)
