# SPDX-License-Identifier: Apache-2.0
"""Writes a packed program as C: tables, an arena, and the few functions around them.

What is computed is fixed C, in the runtime and in the templates of the folder `c`; made here
are the tables and the names.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np

from tflm_converters.emit import c_tables
from tflm_converters.emit.program_format import ProgramArrays
from tflm_converters.graph import Quantization

_TEMPLATES = Path(__file__).parent / "c"

_STANDARD_HEADERS = frozenset(
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal "
    "stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath "
    "threads time uchar wchar wctype".split()
)


def identifier(text: str) -> str:
    """A name that C accepts and that clashes with no header: "Person detect-1" is
    person_detect_1."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    taken = name in _STANDARD_HEADERS or name.startswith("tmc")
    return f"model_{name}" if taken or not name or name[0].isdigit() else name


@dataclasses.dataclass(frozen=True)
class Port:
    """An input or an output of the model: its tensor in the program, and its quantization."""

    tensor: int
    quantization: Quantization


@dataclasses.dataclass(frozen=True)
class CModel:
    """A program with all that its C interface says.

    `name` prefixes files and functions (see `identifier`); `title` says in comments where the
    model is from. `program` and `parameters` are the bytes of a `Program`. Inputs and outputs
    are in the model's order. `labels`, if any, name the channels of the first output.
    """

    name: str
    title: str
    program: bytes
    parameters: bytes
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    labels: tuple[str, ...] = ()

    @property
    def arrays(self) -> ProgramArrays:
        return ProgramArrays.parse(self.program)

    @property
    def table_bytes(self) -> int:
        """What program and parameters take in flash."""
        return len(self.program) + len(self.parameters)


@dataclasses.dataclass(frozen=True)
class Golden:
    """int8 arrays of a model's inputs, and of the outputs that are right for them."""

    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        return (*self.inputs, *self.outputs)

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self.arrays)


def c_sources(model: CModel) -> dict[str, str]:
    """The model's header and its source, by file name. They need the runtime beside them."""
    return {
        f"{model.name}.h": _header(model),
        f"{model.name}.c": _source(model),
    }


def c_golden(model: CModel, golden: Sequence[Golden]) -> dict[str, str]:
    """Stored inputs with their outputs, and functions that check the model on them."""
    return {
        f"{model.name}_golden.h": _fill(model, "golden.h", count=len(golden)),
        f"{model.name}_golden.c": _golden_source(model, golden),
    }


def c_self_test(model: CModel) -> dict[str, str]:
    """A program that checks the model on the stored inputs."""
    return {f"{model.name}_selftest.c": _fill(model, "selftest.c")}


def entry_points(model: CModel) -> frozenset[str]:
    """Functions of the runtime that the model's C source calls."""
    if model.arrays.fed is None:
        called = {"tmc_program_run"}
    else:
        called = {"tmc_program_begin", "tmc_program_push_row", "tmc_program_finish"}
    return frozenset(called | c_tables.kernels(model.arrays))


def _fill(model: CModel, template: str, **values: object) -> str:
    text = (_TEMPLATES / f"{template}.in").read_text(encoding="utf-8")
    names = {"name": model.name, "NAME": model.name.upper(), "title": model.title}
    return Template(text).substitute(names | values)


# ---- Header and source ----


def _header(model: CModel) -> str:
    ports = [
        *_ports(model, "input", model.inputs),
        *_ports(model, "output", model.outputs),
    ]
    declarations = _fill(model, f"{_feeding(model)}.h")
    declarations += "".join(_port_declarations(model, port) for port in ports)
    if model.labels:
        declarations += _fill(model, "labels.h", count=len(model.labels))
    return _fill(
        model,
        "model.h",
        arena_bytes=model.arrays.arena_bytes,
        sizes="".join(_fill(model, "sizes.h", **port) for port in ports),
        declarations=declarations,
    )


def _source(model: CModel) -> str:
    arrays = model.arrays
    definitions = _fill(model, f"{_feeding(model)}.c")
    for direction, ports in (("input", model.inputs), ("output", model.outputs)):
        for port in _ports(model, direction, ports):
            if port["tensor"] != arrays.fed:
                definitions += _fill(model, f"{direction}.c", **port)
    if model.labels:
        labels = c_tables.strings(model.labels)
        definitions += _fill(model, "labels.c", labels=labels)
    return _fill(
        model,
        "model.c",
        header=c_tables.record(arrays.header),
        tensors=c_tables.records(arrays.tensors),
        ops=c_tables.records(arrays.ops),
        groups=c_tables.records(arrays.groups),
        stages=c_tables.records(arrays.stages),
        parameters=c_tables.integers(np.frombuffer(model.parameters, np.uint8)),
        kernels=c_tables.kernel_table(arrays),
        definitions=definitions.rstrip("\n"),
    )


def _feeding(model: CModel) -> str:
    return "whole" if model.arrays.fed is None else "rows"


def _ports(model: CModel, direction: str, ports: Sequence[Port]) -> list[dict[str, object]]:
    """What the templates say of each input or output; several ones are numbered."""
    described = []
    for index, port in enumerate(ports):
        label = direction if len(ports) == 1 else f"{direction}_{index}"
        height, width, channels = model.arrays.shape(port.tensor)
        described.append(
            {
                "tensor": port.tensor,
                "direction": label,
                "port": f"{model.name}_{label}",
                "PORT": f"{model.name}_{label}".upper(),
                "title": label.replace("_", " ").capitalize(),
                "height": height,
                "width": width,
                "channels": channels,
                "bytes": height * width * channels,
                "offset": int(model.arrays.tensors[port.tensor]["offset"]),
                "scale": c_tables.real(port.quantization.scale),
                "zero_point": port.quantization.zero_point,
            }
        )
    return described


def _port_declarations(model: CModel, port: dict[str, object]) -> str:
    if str(port["direction"]).startswith("output"):
        return _fill(model, "output.h", **port)
    pointer = "" if port["tensor"] == model.arrays.fed else _fill(model, "input.h", **port)
    return pointer + _fill(model, "quantize.h", **port)


# ---- Stored inputs and outputs ----


def _golden_source(model: CModel, golden: Sequence[Golden]) -> str:
    inputs = _ports(model, "input", model.inputs)
    outputs = _ports(model, "output", model.outputs)
    tables = [
        _golden_table(port, [sample.arrays[i] for sample in golden])
        for i, port in enumerate([*inputs, *outputs])
    ]
    return _fill(
        model,
        "golden.c",
        tables="\n\n".join(tables),
        feed=_feed(model, inputs),
        compare="\n".join(
            f"    differing += differing_bytes({_constant(port)}[i], {port['port']}(), "
            f"{port['PORT']}_BYTES);"
            for port in outputs
        ),
    )


def _golden_table(port: dict[str, object], arrays: Sequence[np.ndarray]) -> str:
    rows = "\n".join("{\n" + c_tables.integers(array.ravel()) + "\n}," for array in arrays)
    return f"static const int8_t {_constant(port)}[][{port['PORT']}_BYTES] = {{\n{rows}\n}};"


def _constant(port: dict[str, object]) -> str:
    """kInput, or kInput1 where there are several."""
    return "k" + str(port["direction"]).replace("_", "").capitalize()


def _feed(model: CModel, inputs: Sequence[dict[str, object]]) -> str:
    if model.arrays.fed is not None:
        return _fill(model, "feed_rows.c").rstrip("\n")
    copies = [
        f"  memcpy({port['port']}(), {_constant(port)}[index], {port['PORT']}_BYTES);"
        for port in inputs
    ]
    return "\n".join([*copies, f"  return {model.name}_invoke();"])
