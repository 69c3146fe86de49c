# SPDX-License-Identifier: Apache-2.0
"""The parts of the runtime that are chosen for some functions are complete, and no more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import c_programs
from tests.arduino.native import RUNTIME
from tflm_mcunet import runtime_sources

KERNELS = sorted(
    re.findall(r"^void (tmc_\w+)\(", (RUNTIME / "tmc_kernels.h").read_text(), re.MULTILINE)
)
FRONT_ENDS = {
    f"tmc_{name}.{ending}"
    for name in (
        "anomaly",
        "detector",
        "image",
        "level",
        "log_mel",
        "log_spectrum",
        "ring",
        "spectrum",
    )
    for ending in "ch"
}
CORE = {"tmc_runtime.c", "tmc_group.c", "tmc_span.c"}


def chosen(*functions: str) -> set[str]:
    return {path.name for path in runtime_sources.needed(functions)}


def test_running_needs_neither_kernels_nor_validation() -> None:
    assert {name for name in chosen("tmc_program_run") if name.endswith(".c")} == CORE


def test_opening_needs_everything_but_front_ends() -> None:
    every = {path.name for path in RUNTIME.glob("tmc_*.[ch]")}
    assert chosen("tmc_program_run", "tmc_program_open") == every - FRONT_ENDS


def test_front_ends_need_no_kernels() -> None:
    assert {name for name in chosen("tmc_log_mel_push") if name.endswith(".c")} == {
        "tmc_log_mel.c",
        "tmc_level.c",
        "tmc_spectrum.c",
    }


@pytest.mark.parametrize("kernel", KERNELS)
def test_each_kernel_links_with_what_is_chosen_for_it(kernel: str, tmp_path: Path) -> None:
    source = tmp_path / "caller.c"
    call = f"tmc_call call = {{0}}; if (argc > 1) {kernel}(&call); return argv == 0;"
    source.write_text(f'#include "tmc_kernels.h"\nint main(int argc, char** argv) {{ {call} }}\n')
    files = runtime_sources.needed({kernel})
    c_programs.write(tmp_path, {path.name: path.read_bytes() for path in files})
    for define in ("TMC_PORTABLE", "TMC_SIMD_IN_C"):
        options = ["-std=c11", f"-D{define}", "-o", tmp_path / "program"]
        c_programs.call([c_programs.compiler(), *options, *sorted(tmp_path.glob("*.c"))])
    assert len(files) < len(list(RUNTIME.glob("tmc_*.[ch]"))) / 2
