# SPDX-License-Identifier: Apache-2.0
"""What the harness measures is true: checked on code whose costs and faults are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tflm_mcunet.emulator.fake_runtime import ARENA_BYTES, run_c
from tflm_converters.errors import ConversionError
from tflm_mcunet.emulator.measurement import INSTRUCTIONS_PER_TICK

LOOPS = {
    "arithmetic": (4, "add r3, r3, #1\n eor r3, r3, r2\n"),
    "memory and multiplication": (
        6,
        "ldr r3, [sp]\n str r3, [sp]\n smlad r3, r3, r3, r3\n vadd.f32 s0, s0, s0\n",
    ),
}
"""Instructions of one pass, and its body in front of a decrement and a branch."""


@pytest.mark.parametrize("passes", [1_000_000, 4_000_000])
@pytest.mark.parametrize("kind", LOOPS)
def test_loops_are_counted_exactly(kind: str, passes: int, tmp_path: Path) -> None:
    instructions, body = LOOPS[kind]
    loop = "\n ".join(["1:", body.strip(), "subs %0, %0, #1", "bne 1b"]).replace("\n", "\\n")
    measured = run_c(
        tmp_path,
        f'uint32_t n = {passes}; __asm__ volatile("{loop}" : "+r"(n) :: "r2", "r3", "s0", "cc");',
        runs=2,
    )
    for run in measured.runs:
        overhead = run.instructions - passes * instructions
        assert 0 <= overhead <= 2 * INSTRUCTIONS_PER_TICK


def test_the_stack_is_measured(tmp_path: Path) -> None:
    body = "volatile uint8_t local[{0}]; for (int i = 0; i < {0}; ++i) local[i] = 1;"
    small, large = (run_c(tmp_path, body.format(n)).stack_bytes for n in (400, 3400))
    assert large - small == 3000
    assert 400 < small < 1000


def test_variables_of_the_runtime_are_sram(tmp_path: Path) -> None:
    plain = run_c(tmp_path, "")
    assert plain.sram_bytes == ARENA_BYTES
    declarations = "static volatile uint32_t zero[5], other[3] = {1, 2, 3};"
    body = "zero[0] = other[0]; arena[0] = other[2];"
    measured = run_c(tmp_path, body, declarations=declarations)
    assert measured.sram_bytes == ARENA_BYTES + 20 + 12
    assert measured.code_bytes > plain.code_bytes + 12
    assert measured.spoiled_bytes == (measured.runs[0].spoiled_bytes > 0) == 1


@pytest.mark.parametrize("place", [-64, -1, 0, ARENA_BYTES - 1, ARENA_BYTES, ARENA_BYTES + 63])
def test_writes_outside_of_buffers_are_seen(place: int, tmp_path: Path) -> None:
    assert run_c(tmp_path, f"arena[{place}] ^= 1;", runs=3).spoiled_bytes == 3
    assert run_c(tmp_path, "").spoiled_bytes == 0


def test_variables_have_their_initial_values(tmp_path: Path) -> None:
    declarations = "static volatile uint32_t one = 1, none;"
    run_c(tmp_path, "if (one++ != 1 || none) return TMC_ERROR_RANGE;", declarations=declarations)


def test_faults_and_refusals_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="qemu-system-arm failed"):
        run_c(tmp_path, '__asm__ volatile("udf #0");')
    with pytest.raises(ConversionError, match="status -3"):
        run_c(tmp_path, "return TMC_ERROR_ARENA;")
    with pytest.raises(ConversionError, match="arm-none-eabi-gcc failed: .*no_such_function"):
        run_c(tmp_path, "no_such_function();")
