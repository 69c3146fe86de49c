# SPDX-License-Identifier: Apache-2.0
"""The C functions of a model, whatever runs it: its header, and stored inputs that check it."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from tflm_converters.emit import c_tables
from tflm_converters.graph import Quantization

C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "float32": "float",
}
"""What C calls the element types of inputs and outputs."""

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
    """An input or an output of a model.

    `shape` is height, width and channels, those of all rows where they are fed one by one.
    `dtype` is one of C_TYPES. The quantization of values that are real numbers themselves has a
    scale of 1 and a zero point of 0.
    """

    shape: tuple[int, int, int]
    quantization: Quantization
    dtype: str = "int8"

    @property
    def values(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.values * np.dtype(self.dtype).itemsize


@dataclasses.dataclass(frozen=True)
class Interface:
    """What a model's C functions say of it.

    `name` prefixes files and functions (see `identifier`); `title` says in comments where the
    model is from. Inputs and outputs are in the model's order; the input of a `row_fed` model
    is int8, and its only one. `labels`, if any, name the channels of the first output.
    """

    name: str
    title: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    row_fed: bool = False
    labels: tuple[str, ...] = ()

    @property
    def row_bytes(self) -> int:
        """What a caller who feeds rows holds beside the arena; 0 if the input is whole."""
        return math.prod(self.inputs[0].shape[1:]) if self.row_fed else 0

    @property
    def feeding(self) -> str:
        """Which templates declare and define how an inference is run."""
        return "rows" if self.row_fed else "whole"

    def ports(self, direction: str) -> list[dict[str, Any]]:
        """What templates say of each "input" or "output"; several ones are numbered."""
        ports = self.inputs if direction == "input" else self.outputs
        single = len(ports) == 1
        return [
            self._described(port, direction if single else f"{direction}_{index}")
            for index, port in enumerate(ports)
        ]

    def fill(self, template: str, **values: object) -> str:
        """A template of the folder `c` with the model's names and these values in it."""
        text = (_TEMPLATES / f"{template}.in").read_text(encoding="utf-8")
        names = {"name": self.name, "NAME": self.name.upper(), "title": self.title}
        return Template(text).substitute(names | values)

    def _described(self, port: Port, label: str) -> dict[str, Any]:
        height, width, channels = port.shape
        return {
            "direction": label,
            "port": f"{self.name}_{label}",
            "PORT": f"{self.name}_{label}".upper(),
            "title": label.replace("_", " ").capitalize(),
            "dtype": port.dtype,
            "type": C_TYPES[port.dtype],
            "height": height,
            "width": width,
            "channels": channels,
            "bytes": port.bytes,
            "scale": c_tables.real(port.quantization.scale),
            "zero_point": port.quantization.zero_point,
        }


@dataclasses.dataclass(frozen=True)
class Golden:
    """Arrays of a model's inputs, and of the outputs that are right for them."""

    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        return (*self.inputs, *self.outputs)

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self.arrays)


# ---- Header ----


def c_header(interface: Interface, *, source: str, how: str, arena_bytes: int) -> str:
    """The model's header.

    Args:
        interface: what it declares.
        source: the file that defines it.
        how: what runs the model, for the comment at its top.
        arena_bytes: size of the memory in that file.
    """
    inputs, outputs = interface.ports("input"), interface.ports("output")
    declarations = interface.fill(f"{interface.feeding}.h")
    declarations += "".join(_input_declarations(interface, port) for port in inputs)
    declarations += "".join(interface.fill("output.h", **port) for port in outputs)
    if interface.labels:
        declarations += interface.fill("labels.h", count=len(interface.labels))
    return interface.fill(
        "model.h",
        source=source,
        how=how,
        arena_bytes=arena_bytes,
        sizes="".join(interface.fill("sizes.h", **port) for port in (*inputs, *outputs)),
        declarations=declarations,
    )


def c_labels(interface: Interface) -> str:
    """The definition of what the header declares for labels, if there are any."""
    if not interface.labels:
        return ""
    return interface.fill("labels.c", labels=c_tables.strings(interface.labels))


def _input_declarations(interface: Interface, port: dict[str, Any]) -> str:
    pointer = "" if interface.row_fed else interface.fill("input.h", **port)
    return pointer + (interface.fill("quantize.h", **port) if port["dtype"] == "int8" else "")


# ---- Stored inputs and outputs ----


def c_golden(interface: Interface, golden: Sequence[Golden]) -> dict[str, str]:
    """Stored inputs with their outputs, and functions that check the model on them."""
    return {
        f"{interface.name}_golden.h": interface.fill("golden.h", count=len(golden)),
        f"{interface.name}_golden.c": _golden_source(interface, golden),
    }


def c_self_test(interface: Interface) -> dict[str, str]:
    """A program that checks the model on the stored inputs."""
    return {f"{interface.name}_selftest.c": interface.fill("selftest.c")}


def _golden_source(interface: Interface, golden: Sequence[Golden]) -> str:
    inputs, outputs = interface.ports("input"), interface.ports("output")
    tables = [
        _golden_table(port, [sample.arrays[i] for sample in golden])
        for i, port in enumerate([*inputs, *outputs])
    ]
    return interface.fill(
        "golden.c",
        tables="\n\n".join(tables),
        feed=_feed(interface, inputs),
        compare="\n".join(
            f"    differing += differing_bytes({_constant(port)}[i], {port['port']}(), "
            f"{port['PORT']}_BYTES);"
            for port in outputs
        ),
    )


def _golden_table(port: dict[str, Any], arrays: Sequence[np.ndarray]) -> str:
    rows = "\n".join("{\n" + _bytes_of(array) + "\n}," for array in arrays)
    return f"static const int8_t {_constant(port)}[][{port['PORT']}_BYTES] = {{\n{rows}\n}};"


def _bytes_of(array: np.ndarray) -> str:
    return c_tables.integers(np.frombuffer(array.tobytes(), np.int8))


def _constant(port: dict[str, Any]) -> str:
    """kInput, or kInput1 where there are several."""
    return "k" + str(port["direction"]).replace("_", "").capitalize()


def _feed(interface: Interface, inputs: Sequence[dict[str, Any]]) -> str:
    if interface.row_fed:
        return interface.fill("feed_rows.c").rstrip("\n")
    copies = [
        f"  memcpy({port['port']}(), {_constant(port)}[index], {port['PORT']}_BYTES);"
        for port in inputs
    ]
    return "\n".join([*copies, f"  return {interface.name}_invoke();"])
