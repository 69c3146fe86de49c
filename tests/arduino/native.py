# SPDX-License-Identifier: Apache-2.0
"""Compiles the C runtime for tests and mirrors the structs that its kernels take."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

RUNTIME = Path(__file__).resolve().parents[2] / "arduino" / "TFLM_MCUNet" / "src"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SANITIZE = "TFLM_MCUNET_SANITIZE"
"""Environment variable: if set, `compile_library` builds with the sanitizers."""


class Box(ctypes.Structure):
    """`tmc_box`: rows [y_begin, y_end) and columns [x_begin, x_end)."""

    _fields_ = [(name, ctypes.c_int32) for name in ("y_begin", "y_end", "x_begin", "x_end")]


class View(ctypes.Structure):
    """`tmc_view`: a tensor in memory."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("pitch", ctypes.c_int32),
        ("slots", ctypes.c_uint16),
        ("x_begin", ctypes.c_uint16),
        ("height", ctypes.c_uint16),
        ("width", ctypes.c_uint16),
        ("channels", ctypes.c_uint16),
    ]


class Call(ctypes.Structure):
    """`tmc_call`: what a kernel is called with."""

    _fields_ = [
        ("op", ctypes.c_void_p),
        ("parameters", ctypes.c_void_p),
        ("inputs", View * 2),
        ("output", View),
        ("box", Box),
    ]


def compiler() -> str:
    """The C compiler; skips the test where there is none."""
    found = shutil.which(os.environ.get("CC", "cc"))
    if found is None:
        pytest.skip("no C compiler: set CC")
    return found


def compile_library(
    folder: Path, sources: Sequence[Path], *, defines: Sequence[str] = ()
) -> ctypes.CDLL:
    """Builds `sources` into a shared library inside `folder`, without warnings, and loads it."""
    library = folder / "runtime.so"
    sanitizers = SANITIZERS if SANITIZE in os.environ else ()
    macros = [f"-D{define}" for define in defines]
    compile_sources(sources, ("-fPIC", "-shared", *sanitizers, *macros, "-o", str(library)))
    return ctypes.CDLL(str(library))


def compile_sources(sources: Sequence[Path], options: Sequence[str]) -> None:
    """Runs the compiler on `sources`; what it prints becomes the failure's message."""
    command = [compiler(), "-std=c11", "-O2", *WARNINGS, f"-I{RUNTIME}", *options]
    result = subprocess.run(
        [*command, *map(str, sources)], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr


def rerun_with_sanitizers(test_file: str) -> None:
    """Repeats a file's tests with address and undefined behaviour sanitizers; all must pass."""
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test_file],
        env=sanitizer_environment(),
        cwd=RUNTIME.parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]


def sanitizer_environment() -> dict[str, str]:
    """The environment in which Python can load a library that was built with the sanitizers."""
    found = subprocess.run(
        [compiler(), "-print-file-name=libasan.so"], capture_output=True, text=True, timeout=60
    )
    runtime = Path(found.stdout.strip())
    if not runtime.is_absolute():
        pytest.skip("the compiler has no address sanitizer")
    return os.environ | {
        SANITIZE: "1",
        "LD_PRELOAD": str(runtime),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
    }
