# SPDX-License-Identifier: Apache-2.0
"""Firmware whose runtime is a few lines of C written by a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tflm_converters.emit import program_format as fmt
from tflm_mcunet.emulator import Build, Measurement, measure

ARENA_BYTES = 40

_SOURCE = """
#include "tmc_runtime.h"
%s
tmc_status tmc_program_run(const tmc_program* program, uint8_t* arena, size_t arena_bytes) {
  (void)program, (void)arena, (void)arena_bytes;
  %s
  return TMC_OK;
}
tmc_status tmc_program_begin(const tmc_program* program, uint8_t* arena, size_t arena_bytes) {
  return tmc_program_run(program, arena, arena_bytes);
}
tmc_status tmc_program_push_row(const tmc_program* program, uint8_t* arena, const int8_t* row) {
  (void)row;
  return tmc_program_run(program, arena, 0);
}
"""


def run_c(folder: Path, body: str, *, declarations: str = "", runs: int = 1) -> Measurement:
    """Measures `body`, which stands for the inference of a program that owns no memory."""
    source = folder / "tmc_fake.c"
    source.write_text(_SOURCE % (declarations, body), encoding="utf-8")
    header = np.zeros(1, fmt.HEADER)
    header["arena_bytes"] = ARENA_BYTES
    header["row_fed_tensor"] = fmt.NONE
    return measure(header.tobytes(), b"", [()] * runs, build=Build(sources=(source,)))
