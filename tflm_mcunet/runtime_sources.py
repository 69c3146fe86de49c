# SPDX-License-Identifier: Apache-2.0
"""Which files of the C runtime a model needs."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from tflm_mcunet import _native

INTERFACE = ("tmc_kernels.h", "tmc_quantization.h", "tmc_runtime.h")
"""Headers that exported models include."""

_COMMENT = re.compile(r"//.*")
_INCLUDE = re.compile(r'#include "(\w+\.h)"')
_DEFINITION = re.compile(
    r"^(?!static|typedef)\w[\w ]*[ *](tmc_\w+)(?:\([^;]*\) \{| = )", re.MULTILINE
)
_NAME = re.compile(r"\btmc_\w+")


def needed(functions: Iterable[str]) -> list[Path]:
    """Sources that define these functions, what those call in turn, and all their headers.

    A function may be defined in several files, of which the compiler's options choose one.

    Example:
        >>> needed({"tmc_program_run", "tmc_softmax_s8"})
    """
    files = _files()
    names, todo = set(functions), set(INTERFACE)
    found: set[str] = set()
    while todo:
        found |= todo
        for file in todo:
            names |= set(_NAME.findall(files[file])) if file.endswith(".c") else set()
        included = {name for file in found for name in _INCLUDE.findall(files[file])}
        defining = {file for file, text in files.items() if names & set(_defined(file, text))}
        todo = (included | defining) - found
    return [_folder() / file for file in sorted(found)]


def operator() -> dict[str, Path]:
    """The operator for TensorFlow Lite Micro with all that it can run, by the path in a library.

    Files of the folder `tflm` are those that know of interpreters.
    """
    adapter = sorted((_folder() / "tflm").iterdir())
    entry_points = {
        name for path in adapter for name in _NAME.findall(path.read_text(encoding="utf-8"))
    }
    paths = [*needed(entry_points), *adapter]
    return {path.relative_to(_folder()).as_posix(): path for path in paths}


def _folder() -> Path:
    return _native.arduino_library() / "src"


@functools.cache
def _files() -> dict[str, str]:
    """Text of each source and header, without comments."""
    paths = sorted(_folder().glob("tmc_*.[ch]"))
    return {path.name: _COMMENT.sub("", path.read_text(encoding="utf-8")) for path in paths}


def _defined(file: str, text: str) -> list[str]:
    """What other files may call; inline functions come with the header that is included."""
    return _DEFINITION.findall(text) if file.endswith(".c") else []
