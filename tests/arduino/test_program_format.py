# SPDX-License-Identifier: Apache-2.0
"""The Python mirror of the program format says what the C header says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tests.arduino import native
from tflm_converters.emit import program_format as fmt

STRUCTS = {
    "tmc_header": fmt.HEADER,
    "tmc_tensor": fmt.TENSOR,
    "tmc_op": fmt.OP,
    "tmc_group": fmt.GROUP,
    "tmc_stage": fmt.STAGE,
    "tmc_group_state": fmt.GROUP_STATE,
    "tmc_add_requantization": fmt.ADD_REQUANTIZATION,
    "tmc_mul_requantization": fmt.MUL_REQUANTIZATION,
    "tmc_mean_requantization": fmt.MEAN_REQUANTIZATION,
    "tmc_softmax_requantization": fmt.SOFTMAX_REQUANTIZATION,
}

CONSTANTS = {
    "TMC_MAGIC": fmt.MAGIC,
    "TMC_VERSION": fmt.VERSION,
    "TMC_NONE": fmt.NONE,
    "TMC_NO_PARAMETER": fmt.NO_PARAMETER,
    "TMC_MAX_GROUP_OPS": fmt.MAX_GROUP_OPS,
    "TMC_MAX_INPUTS": fmt.MAX_INPUTS,
}

ENUMS = (fmt.Storage, fmt.OpKind, fmt.OpFlag)


def layout_checks(name: str, struct: np.dtype) -> list[str]:
    """C assertions that a struct has the size, and its fields the places, of a dtype."""
    checks = [f"sizeof({name}) == {struct.itemsize}"]
    for field, (dtype, offset, *_) in (struct.fields or {}).items():
        checks.append(f"offsetof({name}, {field}) == {offset}")
        checks.append(f"sizeof((({name}*)0)->{field}) == {dtype.itemsize}")
        element = f"(({name}*)0)->{field}" + ("[0]" if dtype.shape else "")
        checks.append(f"(__typeof__({element}))-1 {'<' if dtype.base.kind == 'i' else '>'} 0")
    return checks


def test_the_mirror_is_that_of_the_header(tmp_path: Path) -> None:
    checks = [check for name, struct in STRUCTS.items() for check in layout_checks(name, struct)]
    checks += [f"{name} == {value}" for name, value in CONSTANTS.items()]
    checks += [f"TMC_{member.name} == {member.value}" for enum in ENUMS for member in enum]
    lines = ["#include <stddef.h>", '#include "tmc_program.h"']
    lines += [f'_Static_assert({check}, "");' for check in checks]
    source = tmp_path / "layout.c"
    source.write_text("\n".join(lines) + "\n")
    native.compile_sources([source], ["-c", "-o", str(tmp_path / "layout.o")])


def test_no_member_of_an_enum_is_missing() -> None:
    header = (native.RUNTIME / "tmc_program.h").read_text()
    for tag, enum in zip(("tmc_storage", "tmc_op_kind", "tmc_op_flags"), ENUMS, strict=True):
        body = header.split(f"enum {tag} {{")[1].split("}")[0]
        assert len(re.findall(r"^ *TMC_\w+ =", body, re.MULTILINE)) == len(enum)
