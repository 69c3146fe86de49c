# SPDX-License-Identifier: Apache-2.0
"""Compiles exported C sources as their users do, and runs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.arduino.native import SANITIZERS, WARNINGS, compiler

SECTIONS = ("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections")


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)


def build(
    folder: Path, sources: Sequence[Path], *, sanitize: bool = False, optimization: str = "-O2"
) -> Path:
    """Compiles sources, which find their headers in `folder`, into a program there."""
    program = folder / "program"
    flags = SANITIZERS if sanitize else (optimization,)
    command = [compiler(), "-std=c11", *WARNINGS, *flags, *SECTIONS, f"-I{folder}"]
    call([*command, *sources, "-o", program])
    return program


def cpp_compiler(headers: Path) -> list[str]:
    """The C++11 compiler with warnings as errors, and where it finds headers."""
    return [os.environ.get("CXX", "c++"), "-std=c++11", *WARNINGS, f"-I{headers}"]


def compile_cpp(source: Path, output: Path) -> None:
    call([*cpp_compiler(source.parent), "-c", source, "-o", output])


def call(command: Sequence[str | Path], *, given: bytes = b"") -> str:
    """What a command prints; its errors become the failure's message.

    `given` is its standard input.
    """
    done = subprocess.run([*map(str, command)], input=given, capture_output=True, timeout=120)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done.stdout.decode()
