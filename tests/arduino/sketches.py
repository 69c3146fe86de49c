# SPDX-License-Identifier: Apache-2.0
"""Builds sketches with Debian's arduino-builder and runs them on the emulated Cortex-M4."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.c_programs import call

PLATFORM = Path(__file__).parent / "platform"
TFLM = Path(__file__).parent / "tflm" / "include"
FIRMWARE = Path(__file__).parents[2] / "tflm_mcunet" / "emulator" / "firmware"
BORROWED = ("startup.c", "semihosting.h", "timer.h", "memory.ld")
"""What the core takes from the firmware of the emulator."""

TOOLS = ("arduino-builder", "arduino-ctags", "arm-none-eabi-g++", "qemu-system-arm")
MACHINE = ["-M", "mps2-an386", "-icount", "shift=0", "-nographic", "-monitor", "none"]
SEMIHOSTING = ["-serial", "none", "-semihosting-config", "enable=on,target=native"]


def require_builder() -> None:
    """Skips the test where the tools are missing; under continuous integration, fails."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        reason = f"not installed: {', '.join(missing)}; see `make emulator`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def install_tflm(libraries: Path) -> None:
    """The stand-in for the Arduino library of TensorFlow Lite Micro, where the IDE puts it."""
    shutil.copytree(TFLM, libraries / "TensorFlowLite")


def build(sketch: Path, libraries: Path, folder: Path, *, loops: int = 3) -> Path:
    """The ELF file of a sketch that finds its libraries in `libraries`.

    Args:
        sketch: path of the .ino file.
        libraries: what is `libraries` in a user's sketchbook.
        folder: an empty folder to work in.
        loops: how often its `loop` is called.
    """
    require_builder()
    hardware, output = folder / "hardware", folder / "build"
    shutil.copytree(PLATFORM, hardware)
    core = hardware / "test" / "cortex_m4" / "cores" / "minimal"
    for name in BORROWED:
        shutil.copy(FIRMWARE / name, core)
    (core / "loops.h").write_text(f"enum {{ LOOPS = {loops} }};\n")
    output.mkdir()
    command: list[str | Path] = ["arduino-builder", "-compile", "-hardware", hardware]
    command += ["-tools", hardware, "-libraries", libraries, "-fqbn", "test:cortex_m4:mps2"]
    call([*command, "-ide-version", "10819", "-build-path", output, "-warnings", "all", sketch])
    return output / f"{sketch.name}.elf"


def run(elf: Path, **recordings: bytes) -> str:
    """What the sketch prints to Serial.

    Args:
        elf: the program.
        recordings: what sensors measure: camera, microphone or imu, as their stand-ins in the
            test platform's libraries say.
    """
    for sensor, content in recordings.items():
        (elf.parent / f"{sensor}.bin").write_bytes(content)
    command = ["qemu-system-arm", *MACHINE, *SEMIHOSTING, "-kernel", str(elf)]
    subprocess.run(command, cwd=elf.parent, check=True, timeout=120)
    return (elf.parent / "serial.txt").read_text()
