# SPDX-License-Identifier: Apache-2.0
"""From C sources and a program to firmware for the emulated board, and its run."""

from __future__ import annotations

import dataclasses
import functools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tflm_converters.errors import ConversionError
from tflm_mcunet import _native

COMPILER = "arm-none-eabi-gcc"
SIZE = "arm-none-eabi-size"
EMULATOR = "qemu-system-arm"
PACKAGES = ("qemu-system-arm", "gcc-arm-none-eabi", "libnewlib-arm-none-eabi")
"""Debian packages with all that is needed; without the packages that they recommend."""

GUARD_BYTES = 64
"""Before and behind the arena, as memory.ld has it."""

PROGRAM, PARAMETERS, KERNELS = "program.bin", "parameters.bin", "kernels.inc"
INPUT, OUTPUT = "input.bin", "output.bin"

_ADAPTER = "tflm"  # folder of what connects the runtime to TensorFlow Lite Micro
_FIRMWARE = Path(__file__).parent / "firmware"
_HARNESSES = {False: "harness_whole", True: "harness_rows"}
_CPU = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
_SECTIONS = ("-ffunction-sections", "-fdata-sections")
_TIMEOUT = 600.0  # seconds for the largest models; most take less than one


class EmulatorMissingError(ConversionError):
    """The cross compiler or the emulator is not installed."""


@dataclasses.dataclass(frozen=True)
class Build:
    """How the runtime is compiled.

    `defines` are macros, "NAME" or "NAME=VALUE". `sources` are the C files of the runtime;
    none means all of the Arduino library's. `profile` measures every operator, too, which
    adds a few instructions to each call of a kernel.
    """

    optimization: str = "-O2"
    defines: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()
    profile: bool = False


def require() -> None:
    """Raises EmulatorMissingError, which says how to install it, if anything is missing."""
    missing = [tool for tool in (COMPILER, SIZE, EMULATOR) if shutil.which(tool) is None]
    if missing:
        raise EmulatorMissingError(
            f"the Cortex-M4 emulation needs {', '.join(missing)}; on Debian and Ubuntu: "
            f"sudo apt-get install --no-install-recommends {' '.join(PACKAGES)}"
        )


def runtime_folder() -> Path:
    """Where the C runtime's sources are."""
    return _native.arduino_library() / "src"


@dataclasses.dataclass(frozen=True)
class Firmware:
    """An ELF file and the sizes of its sections in bytes."""

    elf: Path
    sections: dict[str, int]


def link(build: Build, folder: Path, *, arena_bytes: int, row_fed: bool = False) -> Firmware:
    """Links the runtime with the model whose PROGRAM, PARAMETERS and KERNELS lie in `folder`.

    Args:
        build: how the runtime is compiled.
        folder: where the model is, and the firmware will be.
        arena_bytes: size of the arena.
        row_fed: whether the model takes its input row by row.

    Raises:
        EmulatorMissingError: the toolchain is missing.
        ConversionError: the sources do not compile, or model or arena exceed the emulated
            board's 4 MiB of flash and 4 MiB of SRAM.
    """
    require()
    elf = folder / "firmware.elf"
    other = f"{_HARNESSES[not row_fed]}.o"
    objects = sorted(path for path in _compiled(build).glob("*.o") if path.name != other)
    model = [_FIRMWARE / "model.S", _FIRMWARE / "kernels.c"]
    options = [
        "-nostartfiles",
        "-Wl,--gc-sections",
        f"-T{_FIRMWARE / 'memory.ld'}",
        f"-DARENA_BYTES={arena_bytes}",
        f"-I{runtime_folder()}",
        "-I.",
        *([f"-Wl,--wrap={kernel}" for kernel in _kernels()] if build.profile else []),
    ]
    _call([COMPILER, *_CPU, *options, *objects, *model, "-o", elf], folder)
    return Firmware(elf, _section_sizes(elf))


def link_program(
    main: Path, build: Build, folder: Path, *, tables: Sequence[Path] = ()
) -> Firmware:
    """Links a program of its own with parts of the runtime.

    Args:
        main: its C source, which may include the firmware's headers. If it is called harness.c,
            it counts for no size.
        build: options, and which sources of the runtime.
        folder: an empty folder to work in.
        tables: further C sources.

    Raises:
        EmulatorMissingError: the toolchain is missing.
        ConversionError: the sources do not compile or do not fit.
    """
    require()
    includes = [f"-I{place}" for place in (runtime_folder(), _FIRMWARE, *_folders(tables))]
    defines = [f"-D{define}" for define in build.defines]
    options = [*_CPU, "-std=c11", *_SECTIONS, "-Wall", "-Wextra", build.optimization]
    sources = [_FIRMWARE / "startup.c", main, *build.sources, *tables]
    _call([COMPILER, *options, *includes, *defines, "-c", *sources], folder)
    elf = folder / "firmware.elf"
    linking = ["-nostartfiles", "-Wl,--gc-sections", f"-T{_FIRMWARE / 'memory.ld'}"]
    _call([COMPILER, *_CPU, *linking, *sorted(folder.glob("*.o")), "-o", elf], folder)
    return Firmware(elf, _section_sizes(elf))


def _folders(files: Sequence[Path]) -> list[Path]:
    return sorted({file.parent for file in files})


def run(firmware: Firmware) -> bytes:
    """Runs firmware on the INPUT beside it; returns the OUTPUT.

    Raises:
        ConversionError: it faulted, or did not end in time.
    """
    machine = ["-M", "mps2-an386", "-icount", "shift=0", "-nographic", "-monitor", "none"]
    semihosting = ["-serial", "none", "-semihosting-config", "enable=on,target=native"]
    folder = firmware.elf.parent
    _call([EMULATOR, *machine, *semihosting, "-kernel", firmware.elf], folder)
    return (folder / OUTPUT).read_bytes()


def _compiled(build: Build) -> Path:
    sources = build.sources or tuple(sorted(runtime_folder().rglob("tmc_*.c")))
    sources = tuple(path for path in sources if path.parent.name != _ADAPTER)
    versions = tuple(path.stat().st_mtime_ns for path in sources)
    return Path(_compile(dataclasses.replace(build, sources=sources), versions).name)


@functools.lru_cache(maxsize=32)
def _compile(build: Build, versions: tuple[int, ...]) -> tempfile.TemporaryDirectory[str]:
    """A folder of objects that lives as long as this process; `versions` tells edits apart."""
    folder = tempfile.TemporaryDirectory(prefix="tflm-mcunet-")
    names = ("startup", "harness", *_HARNESSES.values())
    firmware = [_FIRMWARE / f"{name}.c" for name in names]
    defines = [f"-D{define}" for define in build.defines]
    if build.profile:
        firmware.append(_FIRMWARE / "profile.c")
        wraps = " ".join(f"WRAP({kernel})" for kernel in _kernels())
        defines += ["-DPROFILE", f"-DKERNELS={wraps}"]
    options = [*_CPU, "-std=c11", *_SECTIONS, "-Wall", "-Wextra", f"-I{runtime_folder()}"]
    sources = map(str, (*firmware, *build.sources))
    command = [COMPILER, *options, build.optimization, *defines, "-c", *sources]
    _call(command, Path(folder.name))
    return folder


@functools.cache
def _kernels() -> tuple[str, ...]:
    """Names of the functions that compute operators, as their header declares them."""
    header = (runtime_folder() / "tmc_kernels.h").read_text(encoding="utf-8")
    return tuple(re.findall(r"^void (\w+)\(const tmc_call\* call\);", header, re.MULTILINE))


def _section_sizes(elf: Path) -> dict[str, int]:
    table = _call([SIZE, "-A", elf], elf.parent)
    return {name: int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", table, re.MULTILINE)}


def _call(command: Sequence[str | Path], folder: Path) -> str:
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, check=True, timeout=_TIMEOUT
        )
    except subprocess.CalledProcessError as error:
        said = " ".join((error.stderr or error.stdout).split()) or f"status {error.returncode}"
        raise ConversionError(f"{words[0]} failed: {said[:1000]}") from None
    except subprocess.TimeoutExpired:
        raise ConversionError(f"{words[0]} did not end within {_TIMEOUT:.0f} s") from None
    return done.stdout
