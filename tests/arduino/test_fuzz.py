# SPDX-License-Identifier: Apache-2.0
"""No damage to a program makes the runtime read or write outside its memory."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from tests.arduino import native
from tests.arduino.example_programs import EXAMPLES
from tests.arduino.runtime import SOURCES

DRIVER = Path(__file__).with_name("fuzz_program.c")
MUTATIONS = 10_000


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    executable = tmp_path_factory.mktemp("fuzz") / "fuzz_program"
    native.compile_sources([*SOURCES, DRIVER], [*native.SANITIZERS, "-o", str(executable)])
    return executable


@pytest.mark.parametrize("name", EXAMPLES)
def test_damaged_programs_stay_inside_their_memory(fuzzer: Path, tmp_path: Path, name: str) -> None:
    program = EXAMPLES[name]()
    sizes = struct.pack("<II", len(program.options), len(program.parameters))
    file = tmp_path / "program"
    file.write_bytes(sizes + program.options + program.parameters)
    result = subprocess.run(
        [fuzzer, file, "1", str(MUTATIONS)], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr[-4000:]
    accepted, refused, stopped = map(int, result.stdout.split())
    assert accepted + refused + stopped == MUTATIONS
    assert accepted > MUTATIONS // 100 and refused > MUTATIONS // 10
