# SPDX-License-Identifier: Apache-2.0
"""Names and types of a model's C functions."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests import c_programs
from tests.arduino.native import RUNTIME
from tests.network_builder import per_tensor
from tflm_converters.emit.c_interface import (
    Golden,
    Interface,
    Port,
    c_golden,
    c_header,
    identifier,
)

INT8 = Port((2, 3, 4), per_tensor(0.5, 3))
INT16 = Port((1, 1, 3), per_tensor(0.25, -2), "int16")
REAL = Port((1, 1, 2), per_tensor(1.0, 0), "float32")


def header_of(interface: Interface) -> str:
    return c_header(interface, source="net.c", how="by hand", arena_bytes=64)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Person detect-1", "person_detect_1"),
        ("3d.net", "model_3d_net"),
        ("string", "model_string"),
        ("tmc_runtime", "model_tmc_runtime"),
        ("übung", "bung"),
        ("--", "model_"),
    ],
)
def test_names_are_identifiers(text: str, name: str) -> None:
    assert identifier(text) == name


def test_ports_are_numbered_where_there_are_several() -> None:
    header = header_of(Interface("net", "a test", (INT8,), (INT8, INT16)))
    assert "int8_t* net_input(void);" in header
    assert "const int8_t* net_output_0(void);" in header
    assert "const int16_t* net_output_1(void);" in header
    assert "net_output(void)" not in header


def test_only_fed_rows_have_a_size_and_no_place() -> None:
    whole = Interface("net", "a test", (INT8,), (INT16,))
    fed = dataclasses.replace(whole, row_fed=True)
    assert (whole.row_bytes, fed.row_bytes) == (0, 12)
    assert "net_invoke(void)" in header_of(whole) and "net_push_row(" not in header_of(whole)
    assert "net_push_row(" in header_of(fed) and "net_input(void)" not in header_of(fed)


BY_HAND = """
#include <stdio.h>

#include "net_golden.h"

static int16_t taken[3];
static float given[2];

void net_init(void) {}
int16_t* net_input(void) { return taken; }
const float* net_output(void) { return given; }

tmc_status net_invoke(void) {
  given[0] = (float)taken[0];
  given[1] = (float)(taken[1] * taken[2]);
  return TMC_OK;
}

int main(void) {
  printf("%d ", (int)net_golden_check());
  printf("%g", (double)net_dequantize_output(net_output()[1]));
  return 0;
}
"""


def test_other_types_than_int8_are_exchanged_and_compared(tmp_path: Path) -> None:
    """Values of a model that is written by hand; the last byte of the stored output is wrong."""
    interface = Interface("net", "a test", (INT16,), (REAL,))
    golden = Golden((np.array([7, -300, 2], np.int16),), (np.array([7, 600], np.float32),))
    made = c_golden(interface, [golden]) | {"net.h": header_of(interface), "main.c": BY_HAND}
    c_programs.write(tmp_path, made)
    for header in RUNTIME.glob("tmc_*.h"):
        (tmp_path / header.name).write_bytes(header.read_bytes())
    program = c_programs.build(tmp_path, sorted(tmp_path.glob("*.c")))
    assert c_programs.call([program]) == "1 -600"
